"""What code is written from, in one line: under its digest the machine code is kept.

Writing the code itself takes longer than everything else that a program needs before it runs, so
it is written only where the machine code is not there yet.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines.native.access import Buffer
from chainrule.graph import CAPTURED, CONSTANT, Node, Op

WRITERS = ("engines/native", "ops")  # the folders of the package whose code writes the text


def key(*parts: Any) -> str:
    """A digest of everything that these kernels, plans, buffers and settings say.

    Equal keys mean equal code: buffers count by their places, parts that are shared as shared.
    """
    text = _Description().of(parts)
    return blake2b(f"{written_by()}\n{text}".encode(), digest_size=20).hexdigest()


@cache
def written_by() -> str:
    """A digest of the sources that turn kernels into text."""
    package = Path(__file__).parents[2]
    digest = blake2b(digest_size=20)
    for folder in WRITERS:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class _Description:
    """Objects as text. One that is met again is named by its number."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[int, Any]] = {}  # with the object, so that its id stays its own

    def of(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | float | str):
            return repr(value)
        if isinstance(value, tuple | list):
            return f"({' '.join(map(self.of, value))})"
        if id(value) in self._met:
            return f"#{self._met[id(value)][0]}"
        self._met[id(value)] = (len(self._met), value)
        if isinstance(value, np.dtype | np.generic | np.ndarray):
            return _numbers(value)
        if isinstance(value, Mapping):
            return self.of([*value.items()])
        if isinstance(value, Op):
            return f"{type(value).__name__}.{value.name}"
        if isinstance(value, Node):
            return self._node(value)
        if isinstance(value, Buffer):
            place = (value.slot, value.offset, value.padded, value.block)
            return f"buffer {value.shape} {value.dtype.str} {place}"
        if is_dataclass(value):
            parts = (self.of(getattr(value, field.name)) for field in fields(value))
            return f"{type(value).__name__}({' '.join(parts)})"
        raise TypeError(f"{type(value).__name__} has no description that a key could be made of")

    def _node(self, node: Node) -> str:
        """An op with its settings, on operands of which only constants have known numbers."""
        if node.op is CAPTURED:  # read anew at each call
            return self.of((node.shape, node.dtype))
        operands = [
            (child.shape, child.dtype, child.params if child.op is CONSTANT else None)
            for child in node.inputs
        ]
        return f"node{self.of((node.op, node.params, node.shape, node.dtype, operands))}"


def _numbers(value: "np.dtype[Any] | np.generic | np.ndarray[Any, Any]") -> str:
    if isinstance(value, np.dtype):
        return value.str
    return f"{value.shape} {value.dtype.str} {blake2b(value.tobytes()).hexdigest()}"
