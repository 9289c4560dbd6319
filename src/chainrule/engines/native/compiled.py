"""A compiled graph as data: machine code, and all that is needed to call it.

It says nothing of kernels and plans, so that a process which finds it on the disk makes neither.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

import numpy as np

from chainrule.engines.native import cache, jit
from chainrule.engines.native.access import Buffer
from chainrule.engines.native.assemble import Assembler
from chainrule.engines.native.kernels import Program
from chainrule.engines.native.memory import ALIGNMENT, Array, address, aligned
from chainrule.engines.native.specials import OUTSIDE
from chainrule.engines.native.threads import call
from chainrule.graph import Graph

T = TypeVar("T")
_LENGTH = 8  # bytes that say how long the header is


@dataclass(frozen=True)
class Compiled:
    """Places are entries of the table of pointers, of which there are `entries`.

    inputs     the place of each input that a call provides
    results    the place of each result
    constants  (place, array)
    captured   (place, number of the array among those that the graphs captured)
    arena      bytes
    """

    code: list[bytes]
    parallel: bool
    entries: int
    arena: int
    inputs: list[int]
    results: list[int]
    constants: list[tuple[int, Array]]
    captured: list[tuple[int, int]]

    @classmethod
    def of(
        cls,
        assembler: Assembler,
        programs: Sequence[Program],
        graphs: Sequence[Graph],
        inputs: Sequence[Buffer],
        results: Sequence[Buffer],
        arena: int,
    ) -> "Compiled":
        """What an assembler has put together of the kernels of `programs`, made from `graphs`."""
        numbers = {id(array): k for k, array in enumerate(captured_by(graphs))}
        captured = [
            (buffer.slot, numbers[id(node.params["array"])])
            for program in programs
            for buffer, node in program.captured
        ]
        constants = [(b.slot, b.constant) for program in programs for b in program.constants]
        return cls(
            assembler.compilation.finish(),
            assembler.parallel,
            assembler.slots.count,
            arena,
            [buffer.slot for buffer in inputs],
            [buffer.slot for buffer in results],
            constants,
            captured,
        )

    @classmethod
    def cached(cls, name: str | None, make: Callable[[], T]) -> "Compiled | T":
        """What the cache has under this name, or else what `make` gives; it is kept if compiled."""
        data = cache.find(name)
        if data is not None:
            return cls.unpack(data)
        made = make()
        if isinstance(made, Compiled):
            cache.keep(name, made.pack())
        return made

    def pack(self) -> bytes:
        pieces = [*(array.tobytes() for _, array in self.constants), *self.code]
        header = {
            "parallel": self.parallel,
            "entries": self.entries,
            "arena": self.arena,
            "inputs": self.inputs,
            "results": self.results,
            "constants": [(at, a.dtype.str, a.shape, a.nbytes) for at, a in self.constants],
            "captured": self.captured,
            "code": [len(code) for code in self.code],
        }
        text = json.dumps(header).encode()
        length = len(text).to_bytes(_LENGTH, "little")
        return b"".join([length, text, *pieces])

    @classmethod
    def unpack(cls, data: bytes) -> "Compiled":
        end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
        header = json.loads(data[_LENGTH:end])
        rest = BytesIO(data[end:])
        constants = [
            (place, np.frombuffer(bytearray(rest.read(size)), dtype).reshape(shape))
            for place, dtype, shape, size in header["constants"]
        ]
        code = [rest.read(size) for size in header["code"]]
        return cls(**header | {"constants": constants, "code": code})


def captured_by(graphs: Sequence[Graph]) -> list[Any]:
    """The arrays from outside the functions that these graphs were recorded from."""
    return [node.params["array"] for graph in graphs for node in graph.captured]


class Loaded:
    """A compiled function in memory, with what it is called with."""

    def __init__(self, compiled: Compiled, name: str, arguments: Sequence[Any]) -> None:
        self._code = jit.Code(compiled.code)
        self._name = name
        self._run = self.function(arguments)
        self._constants = compiled.constants
        self._status = np.zeros(1, np.int64)
        self.table = np.zeros(compiled.entries, np.uintp)
        self.table[0] = self._status.ctypes.data
        for place, array in compiled.constants:
            self.table[place] = array.ctypes.data
        self.arena = aligned(compiled.arena)
        self._sync = aligned(2 * ALIGNMENT)
        self._fixed = (address(self.arena), address(self._sync), address(self.table))

    def function(self, arguments: Sequence[Any]) -> Any:
        """The function itself, with arguments of these types."""
        return self._code.function(self._name, *arguments)

    def call(self, threads: int, control: int = 0) -> None:
        """Call it with the table as it is, on so many threads."""
        call(self._run, threads, *self._fixed, control)
        if self._status[0]:
            complain(self._status)


def complain(status: Array) -> None:
    """Raise the trouble that compiled code has noted."""
    status[0] = 0
    raise IndexError(OUTSIDE)
