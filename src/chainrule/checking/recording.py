"""A user's function recorded: as a graph, which can be differentiated, or as it runs."""

import copy
from typing import Any

import numpy as np

from chainrule.checking.point import Function, Point, named
from chainrule.checking.recorder import Recorder
from chainrule.checking.steps import Array, Program
from chainrule.checking.surroundings import preserved, recordable
from chainrule.graph import Graph
from chainrule.tracing.function import trace_call
from chainrule.trees import flatten, map_tree, unflatten


def graph_of(function: Function, point: Point) -> tuple[Graph, list[Array]]:
    """The graph of a function of parameters and data, and the arrays of its inputs.

    Data are recorded as inputs where that goes, so that what is made of them is seen; else they
    are read as they are. Raises what recording raises.
    """
    failure: Exception | None = None
    for with_data in (True, False):
        data = copy.deepcopy(point.data)

        def call(params: Any, *given: Any, fixed: Any = data) -> Any:
            kept = iter(given)
            parts = [next(kept) if given and _floating(part) else part for part in fixed]
            return function(params, *parts)

        arguments = [copy.deepcopy(point.params)]
        if with_data:
            arguments += [part for part in data if _floating(part)]
        try:
            with preserved(function), recordable(function), np.errstate(all="ignore"):
                found = trace_call(call, arguments)
        except Exception as error:
            failure = failure or error
            continue
        arrays = [np.asarray(leaf) for leaf in flatten(tuple(arguments))[0]]
        return found.graph, arrays
    assert failure is not None
    raise failure


def _floating(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "f"


def record(function: Function, point: Point, *more: Any) -> Program:
    """The steps of a function whose result is a tree of arrays; raises what the function raises."""
    recorder = Recorder()
    params, data = given(point, recorder)
    with preserved(function), recordable(function, recorder), np.errstate(all="ignore"):
        return recorder.program(named(function(params, *data, *more)))


def given(point: Point, recorder: Recorder) -> tuple[Any, list[Any]]:
    """Parameters and data as a recorded function gets them."""
    names = iter(point.names)
    leaves, structure = flatten(point.params)
    params = unflatten(structure, [recorder.given(leaf, next(names)) for leaf in leaves])
    return params, [_given(part, recorder) for part in point.data]


def _given(part: Any, recorder: Recorder) -> Any:
    def convert(leaf: Any) -> Any:
        number = isinstance(leaf, float | np.floating)
        if number or (isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub"):
            return recorder.given(leaf, "data")
        return leaf

    return map_tree(convert, part)


def results(point: Point, function: Function, *more: Any) -> dict[str, Array]:
    """The arrays that a function gives, by name, without recording."""
    with preserved(function):
        found = point.call(function, *more)
    return {name: np.asarray(leaf) for name, leaf in named(found).items()}
