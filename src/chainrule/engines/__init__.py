"""What runs graphs. Each engine is a module with `compile_graph(graph) -> callable on arrays`."""

from types import ModuleType
from typing import Any

from chainrule.errors import UnknownNameError
from chainrule.graph import Graph


def engine(name: str | None) -> ModuleType:
    """An engine by name; None is the best that is available."""
    from chainrule.engines import numpy

    engines: dict[str, ModuleType] = {"numpy": numpy}
    if name is None:
        return numpy
    if name not in engines:
        raise UnknownNameError("engine", name, engines)
    return engines[name]


def compile_graph(graph: Graph, name: str | None = None) -> Any:
    """The graph as a callable: a list of arrays, one for each input, to a list of results."""
    return engine(name).compile_graph(graph)
