"""What runs graphs. Each engine is a module with `compile_graph(graph) -> callable on arrays`."""

import warnings
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from chainrule.errors import UnknownNameError
from chainrule.graph import Graph


def engine(name: str | None) -> ModuleType:
    """An engine by name; None is the best that is available.

    Without llvmlite "native" is NumPy's, with a warning.
    """
    if name is None:
        return _native() or _numpy()
    if name == "native":
        found = _native()
        if found is None:
            _warn_of_missing_llvmlite()
        return found or _numpy()
    if name == "numpy":
        return _numpy()
    raise UnknownNameError("engine", name, ["native", "numpy"])


def _numpy() -> ModuleType:
    from chainrule.engines import numpy

    return numpy


@cache
def _native() -> ModuleType | None:
    if find_spec("llvmlite") is None:
        return None
    from chainrule.engines import native

    return native


@cache
def _warn_of_missing_llvmlite() -> None:
    warnings.warn(
        "the native engine needs llvmlite, which is not installed (pip install llvmlite); "
        "the NumPy engine runs instead",
        RuntimeWarning,
        stacklevel=3,
    )


def compile_graph(graph: Graph, name: str | None = None) -> Any:
    """The graph as a callable: a list of arrays, one for each input, to a list of results."""
    return engine(name).compile_graph(graph)
