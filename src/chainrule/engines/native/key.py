"""A graph as text: under its digest is kept what was compiled from it.

A graph that has a key is found before anything else is made of it: no kernels, no plan. Steps of a
training run are looked up as they were recorded, and are not even simplified.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines.native import effort
from chainrule.graph import CAPTURED, INPUT, Graph, Node, Op

FOLDERS = ("", "ops", "tracing", "engines", "engines/native", "engines/native/vector_math")


def key(kind: str, graphs: Sequence[Graph], *settings: Any) -> str | None:
    """A digest of everything that machine code for these graphs depends on, but the processor.

    Names and lines do not count, nor do the numbers of arrays that are read at each call. None
    where an op has settings that no text describes: such a graph is compiled in each process.
    """
    plain = _Plain()
    try:
        described = [plain.of(graph) for graph in graphs]
    except TypeError:
        return None
    # NumPy has computed the constants that simplification folds.
    parts = (kind, np.__version__, sources(), effort.PARALLEL_WORK, settings, described)
    return blake2b(repr(parts).encode(), digest_size=20).hexdigest()


@cache
def sources() -> str:
    """The files between a recorded graph and its code, told by their places, times and sizes.

    Python itself tells by times and sizes whether what it has compiled of a file is still good.
    """
    found = []
    for path in written_by():
        status = os.stat(path)
        found.append((path, status.st_mtime_ns, status.st_size))
    return blake2b(repr(found).encode(), digest_size=20).hexdigest()


def written_by() -> list[str]:
    """The files whose code has a part in what becomes of a recorded graph."""
    package = Path(__file__).parents[2]
    names = (os.path.join(package, folder) for folder in FOLDERS)
    return [
        os.path.join(folder, name)
        for folder in names
        for name in sorted(os.listdir(folder))
        if name.endswith(".py")
    ]


class _Plain:
    """Objects as tuples and lists of numbers and strings, whose text says what they are."""

    def __init__(self) -> None:
        self._graphs: dict[int, int] = {}  # one that is met again is named by its number

    def of(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is tuple or kind is list:
            return [self.of(part) for part in value]
        if isinstance(value, np.dtype):
            return ("dtype", value.str)
        if isinstance(value, np.ndarray | np.generic):
            numbers = blake2b(value.tobytes(), digest_size=20).hexdigest()
            return ("array", value.dtype.str, value.shape, numbers)
        if isinstance(value, Mapping):
            return [(name, self.of(part)) for name, part in value.items()]
        if isinstance(value, Graph):
            return self._graph(value)
        if isinstance(value, Op):
            return ("op", type(value).__name__, value.name)
        raise TypeError(f"a {kind.__name__} is not described by numbers and strings")

    def _graph(self, graph: Graph) -> Any:
        """Its nodes in their order, operands by their numbers; then which are inputs, results."""
        if id(graph) in self._graphs:
            return ("graph", self._graphs[id(graph)])
        self._graphs[id(graph)] = len(self._graphs)
        numbers: dict[Node, int] = {}
        nodes: list[Any] = []
        for node in dict.fromkeys((*graph.inputs, *graph.nodes)):
            numbers[node] = len(numbers)
            op, params = node.op, node.params
            settings = self.of(params) if params and op is not INPUT and op is not CAPTURED else 0
            operands = [numbers[child] for child in node.inputs]
            kind = (type(op).__name__, op.name)
            nodes.append((kind, operands, settings, node.shape, node.dtype.str, node.weak))
        return nodes, [[numbers[node] for node in part] for part in (graph.inputs, graph.results)]
