"""A graph in a few lines of text: under its digest is kept what was compiled from it.

A graph as it was recorded has a key, so that a process that finds an entry does nothing more with
the graph: no simplifying, no kernels, no plan.
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


def key(kind: str, graphs: Sequence[Graph], *settings: Any) -> str:
    """A digest of everything that machine code for these graphs depends on, but the processor.

    Names and lines do not count, nor do the numbers of arrays that are read at each call.
    """
    description = _Description()
    parts = [kind, sources(), description.of((settings, effort.PARALLEL_WORK))]
    parts += [description.of(graph) for graph in graphs]
    return blake2b("\n".join(parts).encode(), digest_size=20).hexdigest()


@cache
def sources() -> str:
    """The files of this package, told by their places, times and sizes.

    Python itself tells by them whether what it has compiled of a file is still good.
    """
    folders = [str(Path(__file__).parents[2])]
    found = []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append(f"{entry.path} {status.st_mtime_ns} {status.st_size}")
    return blake2b("\n".join(found).encode(), digest_size=20).hexdigest()


class _Description:
    """Objects as text. A graph that is met again is named by its number."""

    def __init__(self) -> None:
        self._graphs: dict[int, int] = {}

    def of(self, value: Any) -> str:
        kind = type(value)
        if kind is tuple or kind is list:
            return f"({' '.join([self.of(part) for part in value])})"
        if value is None or kind in (bool, int, float, str):
            return repr(value)
        if isinstance(value, np.dtype):
            return value.str
        if isinstance(value, np.ndarray | np.generic):
            digest = blake2b(value.tobytes(), digest_size=20).hexdigest()
            return f"{value.dtype.str}{value.shape}{digest}"
        if isinstance(value, Mapping):
            return self.of([*value.items()])
        if isinstance(value, Graph):
            return self._graph(value)
        if isinstance(value, Op):
            return f"{type(value).__name__}.{value.name}"
        raise TypeError(f"a {kind.__name__} has no description that a key could be made of")

    def _graph(self, graph: Graph) -> str:
        """Its nodes in their order, each by its number; then which are inputs and results."""
        if id(graph) in self._graphs:
            return f"graph {self._graphs[id(graph)]}"
        self._graphs[id(graph)] = len(self._graphs)
        numbers: dict[Node, int] = {}
        lines: list[str] = []
        for node in dict.fromkeys((*graph.inputs, *graph.nodes)):
            numbers[node] = len(numbers)
            operands = [numbers[child] for child in node.inputs]
            lines.append(f"{operands} {self._node(node)}")
        ends = [[numbers[node] for node in part] for part in (graph.inputs, graph.results)]
        return "\n".join([*lines, str(ends)])

    def _node(self, node: Node) -> str:
        op, params, dtype = node.op, node.params, node.dtype
        settings = self.of(params) if params and op is not INPUT and op is not CAPTURED else ""
        return f"{type(op).__name__}.{op.name} {settings} {node.shape} {dtype.str} {node.weak}"
