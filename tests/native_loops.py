"""Functions of vectors, compiled into loops over arrays: for tests and benchmarks."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.engines.native.cache import code_of
from chainrule.engines.native.ir import Builder, Module
from chainrule.engines.native.jit import Code
from chainrule.engines.native.numerics import Numerics
from chainrule.engines.native.values import INT64, Value

Formula = Callable[..., Any]


class Loop:
    """One compiled loop: arrays in, an array out."""

    def __init__(self, code: Code, name: str, dtypes: list[Any], result: Any, lanes: int) -> None:
        pointers = [ctypes.c_void_p] * (len(dtypes) + 1)
        self.code = code  # whose memory holds the function
        self.function = code.function(name, *pointers, ctypes.c_int64)
        self.dtypes, self.result, self.lanes = dtypes, result, lanes

    def __call__(self, *arrays: Any) -> Any:
        size = len(arrays[0])
        padding = -size % self.lanes
        padded = [
            np.concatenate([np.asarray(array, dtype), np.ones(padding, dtype)])
            for array, dtype in zip(arrays, self.dtypes, strict=True)
        ]
        out = np.empty(size + padding, self.result)
        self.function(out.ctypes.data, *[array.ctypes.data for array in padded], size + padding)
        return out[:size]


class Loops(list[Loop]):
    """One loop for each (formula(m, *values), dtypes, lanes), compiled as one module."""

    def __init__(self, parts: Sequence[tuple[Formula, Sequence[Any], int]]) -> None:
        module = Module()
        results = [_write(module, f"f{index}", *part) for index, part in enumerate(parts)]
        self.text = module.text()
        code = Code([code_of(self.text)])
        for index, ((_, dtypes, lanes), result) in enumerate(zip(parts, results, strict=True)):
            self.append(Loop(code, f"f{index}", [np.dtype(d) for d in dtypes], result, lanes))


def _write(module: Module, name: str, formula: Formula, dtypes: Sequence[Any], lanes: int) -> Any:
    """The function; returns the dtype of its results."""
    names = ["out", *[f"x{index}" for index in range(len(dtypes))]]
    parameters = [*[("ptr", name) for name in names], ("i64", "n")]
    builder = Builder(module, name, parameters, attributes="")
    m = Numerics(builder)
    results = []

    def body(index: Value) -> None:
        values = [
            builder.load(f"%{name}", index, np.dtype(dtype), lanes)
            for name, dtype in zip(names[1:], dtypes, strict=True)
        ]
        result = formula(m, *values)
        results.append(result.dtype)
        builder.store(result, "%out", index)

    builder.loop(0, Value(builder, "%n", INT64), lanes, body)
    module.add(builder.text())
    return results[0]
