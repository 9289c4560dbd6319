"""A compiled graph as a callable on arrays."""

from collections.abc import Callable, Sequence
from math import prod
from threading import Lock
from typing import Any

import numpy as np

from chainrule.engines.native import jit
from chainrule.engines.native.assemble import Assembler
from chainrule.engines.native.effort import WAKING, divided
from chainrule.engines.native.fuse import fuse
from chainrule.engines.native.kernels import Program as Kernels
from chainrule.engines.native.key import key
from chainrule.engines.native.memory import ALIGNMENT, Array, address, aligned
from chainrule.engines.native.plan import Plan
from chainrule.engines.native.rewrites import rewritten
from chainrule.engines.native.specials import OUTSIDE
from chainrule.engines.native.threads import ENTRY, call, thread_count
from chainrule.graph import Graph

SMALL = 4096  # bytes


def complain(status: Array) -> None:
    """Raise the trouble that compiled code has noted."""
    status[0] = 0
    raise IndexError(OUTSIDE)


def _planned(graph: Graph) -> tuple[Kernels, Assembler, Plan]:
    simple = rewritten(graph)
    make = lambda parallel: fuse(simple, parallel)
    program, parallel = divided(graph, make, lambda program: program.kernels, WAKING)
    assembler = Assembler(parallel)
    assembler.place(program)
    return program, assembler, assembler.plan(program)


def _text(assembler: Assembler, plan: Plan) -> str:
    assembler.step("step", plan)
    step = "call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)"
    assembler.entry("run", lambda b: b.emit(f"%ok = {step}"))
    return assembler.module.text()


def listing(graph: Graph) -> str:
    """The code of a graph in LLVM's language, each kernel below a line that says what it does."""
    _, assembler, plan = _planned(graph)
    return _text(assembler, plan)


class Program:
    """A graph, compiled once and run many times."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        program, assembler, plan = _planned(graph)
        self.parallel = assembler.parallel
        name = key("run", assembler.settings, plan)
        self._code = jit.Code(name, lambda: _text(assembler, plan))
        self._run = self._code.function("run", *ENTRY)
        self._inputs = [(buffer.shape, buffer.dtype) for buffer in program.inputs]
        self._results = program.results
        self._captured = [(buffer.slot, node) for buffer, node in program.captured]
        self._table = np.zeros(assembler.slots.count, np.uintp)
        self._status = np.zeros(1, np.int64)
        self._table[0] = self._status.ctypes.data
        self._constants = [buffer.constant for buffer in program.constants]
        for buffer in program.constants:
            self._table[buffer.slot] = buffer.constant.ctypes.data
        self._first = program.inputs[0].slot if program.inputs else 1
        self._arena = aligned(plan.arena)
        self._sync = aligned(2 * ALIGNMENT)
        self._lock = Lock()

    def __call__(self, arrays: Sequence[Any]) -> list[Array]:
        """One run. `arrays` has one entry for each input of the graph."""
        with self._lock:
            return self._called(arrays)

    run = __call__

    def bind(self, arrays: Sequence[Any], place: int) -> Callable[..., Any]:
        """The only result as a function of one input, with the others filled in.

        What is returned takes a contiguous array of that input's shape and dtype, and perhaps
        another for the result. It has memory of its own and runs on the calling thread.
        """
        table, status = self._table.copy(), np.zeros(1, np.int64)
        kept = [
            np.ascontiguousarray(a, dtype)
            for a, (_, dtype) in zip(arrays, self._inputs, strict=True)
        ]
        kept += [np.ascontiguousarray(node.params["array"]) for _, node in self._captured]
        slots = [self._first + k for k in range(len(arrays))]
        for slot, array in zip([*slots, *(slot for slot, _ in self._captured)], kept, strict=True):
            table[slot] = array.ctypes.data
        table[0] = status.ctypes.data
        memory = (aligned(self._arena.nbytes), aligned(2 * ALIGNMENT))
        arena, sync = (part.ctypes.data for part in memory)
        given, result = self._first + place, self._results[0].slot
        (node,) = self.graph.results
        lock, shape, dtype = Lock(), node.shape, node.dtype
        run = self._code.function("run", *ENTRY[:-1])  # it has no use for the last
        pointers = table.ctypes.data

        def call(x: Array, out: Array | None = None, _kept: Any = (kept, memory)) -> Array:
            found = np.empty(shape, dtype) if out is None else out
            with lock:
                table[given], table[result] = address(x), address(found)
                run(arena, 0, 1, sync, pointers)
                if status[0]:
                    complain(status)
            return found

        (size, kind) = self._inputs[place]
        if prod(size) * kind.itemsize > SMALL or prod(shape) * dtype.itemsize > SMALL:
            return call
        # A copy takes less time than asking NumPy for an address.
        source, target = np.zeros(size, kind), np.zeros(shape, dtype)
        table[given], table[result] = source.ctypes.data, target.ctypes.data

        def small(x: Array, out: Array | None = None, _kept: Any = (kept, memory)) -> Array:
            with lock:
                source[...] = x
                run(arena, 0, 1, sync, pointers)
                if status[0]:
                    complain(status)
                if out is None:
                    return target.copy()
                out[...] = target
            return out

        return small

    def _called(self, arrays: Sequence[Any]) -> list[Array]:
        table = self._table
        kept = []
        for place, (array, (shape, dtype)) in enumerate(zip(arrays, self._inputs, strict=True)):
            found = np.ascontiguousarray(array, dtype)
            if found.shape != shape:
                found = found.reshape(shape)
            kept.append(found)
            table[self._first + place] = address(found)
        for slot, node in self._captured:
            found = np.ascontiguousarray(node.params["array"])
            kept.append(found)
            table[slot] = address(found)
        # A result's buffer may hold its numbers under another shape.
        results = [np.empty(node.shape, node.dtype) for node in self.graph.results]
        for buffer, result in zip(self._results, results, strict=True):
            table[buffer.slot] = address(result)
        threads = thread_count() if self.parallel else 1
        places = (address(self._arena), address(self._sync), address(table))
        call(self._run, threads, *places, 0)
        if self._status[0]:
            complain(self._status)
        return results
