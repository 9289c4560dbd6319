"""A Python function and example arguments to a Graph."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.graph import Graph, Node, constant_node, input_node
from chainrule.tracing.dice import DICE
from chainrule.tracing.makers import traced_makers
from chainrule.tracing.recording import recording
from chainrule.tracing.refusals import stop
from chainrule.tracing.selection import Selection
from chainrule.tracing.strides import ROW_MAJOR, strides_of
from chainrule.tracing.surroundings import NOTHING, Outside, read_surroundings
from chainrule.tracing.value import Traced, as_node
from chainrule.trees import Structure, Tree, flatten, paths, unflatten

WATCHED = 10_000  # an outside array of so many numbers is held against what it was at each call


Entry = tuple[Literal["given", "node", "object"], Any]


@dataclass(frozen=True)
class Call:
    """What one recorded call gave, beside its graph.

    dynamic    for every leaf of the arguments: whether it is an input of the graph
    returned   how many outputs of the graph are what the call returns
    baked      (array, copy): arrays whose contents decided the graph's shape
    refilled   what the containers among the arguments hold after the call, where it is not what
               they held: a structure, and for each of its leaves a given leaf (by its number), a
               new node, or a plain object
    """

    graph: Graph
    dynamic: tuple[bool, ...]
    returned: int
    baked: tuple[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]], ...]
    refilled: tuple[Structure, tuple[Entry, ...]] | None


def trace(function: Callable[..., Any], *arguments: Any) -> Graph:
    """Record `function` on arguments like these: arrays, numbers, or containers of them.

    Arrays and floats become inputs; Python ints, bools and strings are taken as they are. Only
    shapes and dtypes matter. Raises TraceError, at the user's line, for what cannot be recorded.
    """
    return trace_call(function, arguments, read_surroundings(function)).graph


def trace_call(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    outside: Outside = NOTHING,
) -> Call:
    """Record one call. What is `outside` must not change by it: it would in this call only."""
    name = getattr(function, "__name__", type(function).__name__)
    leaves, structure = flatten(tuple(arguments))
    names = argument_names(function, arguments)
    dynamic = tuple(is_dynamic(leaf) for leaf in leaves)
    handles = [
        handle_for(leaf, leaf_name) if flag else leaf
        for leaf, leaf_name, flag in zip(leaves, names, dynamic, strict=True)
    ]
    inputs = [handle.node for handle, flag in zip(handles, dynamic, strict=True) if flag]
    given = unflatten(structure, handles)
    dice = [*outside.dice, *(leaf for leaf in leaves if isinstance(leaf, DICE))]
    with traced_makers(), recording(name, outside.arrays, dice) as session:
        returned = function(*given)
        found, output_structure = flatten(returned)
        outputs = [output_node(leaf, name) for leaf in found]
        refilled = _refilled(given, structure, handles, name)
        for array in outside.arrays:
            if id(array) not in session.captured and array.size <= WATCHED:
                session.bake(array)  # only plain numbers were made of it
    changed = [handle.node for handle, flag in zip(handles, dynamic, strict=True) if flag]
    pairs = zip(changed, inputs, strict=True)
    graph = Graph(
        name,
        tuple(inputs),
        tuple(outputs),
        structure,
        output_structure,
        tuple((index, new) for index, (new, old) in enumerate(pairs) if new is not old),
    ).check()
    return Call(graph, dynamic, len(found), tuple(session.baked), refilled)


def argument_names(function: Callable[..., Any], arguments: Sequence[Any]) -> list[str]:
    """`params['w']`, `x`, …: the names of all leaves, from the function's own signature."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for place, argument in enumerate(arguments):
        if place < len(parameters) and parameters[place].kind != inspect.Parameter.VAR_POSITIONAL:
            prefix = parameters[place].name
        else:
            prefix = f"argument{place}"
        names += paths(argument, prefix)
    return names


def is_dynamic(leaf: Any) -> bool:
    """Arrays and floats are inputs; Python ints, bools, strings and objects are static."""
    if isinstance(leaf, np.ndarray):
        return bool(leaf.dtype != object)
    if isinstance(leaf, bool | int):
        return False
    return isinstance(leaf, float | np.floating | Traced)


def handle_for(leaf: Any, name: str) -> Traced:
    """A fresh input of the shape and dtype of an example."""
    if isinstance(leaf, Traced):
        node = leaf.node
        fresh = input_node(name, node.shape, node.dtype, node.weak)
        return Traced(fresh, None, leaf.is_scalar, leaf.memory)
    array = np.asarray(leaf)
    if array.dtype.kind not in "fiub":
        stop(
            f"{name} holds {array.dtype} values, and only real numbers and booleans can be traced",
            f"{name}.astype(float)",
        )
    weak = isinstance(leaf, float) and not isinstance(leaf, np.floating)
    return Traced(
        input_node(name, array.shape, array.dtype, weak),
        None,
        is_scalar=not isinstance(leaf, np.ndarray),
        strides=ROW_MAJOR if array.flags.c_contiguous else strides_of(array),
    )


def output_node(leaf: Any, name: str) -> Node:
    if isinstance(leaf, Traced | np.ndarray | np.generic):
        return as_node(leaf)
    if isinstance(leaf, bool | int | float):
        return constant_node(leaf)
    if isinstance(leaf, Selection):
        leaf.refuse()
    stop(
        f"{name} returns {leaf!r}, a {type(leaf).__name__}; a traced function returns arrays, "
        "numbers, or lists, tuples and dictionaries of them",
        "a return of those alone",
    )


def _refilled(
    given: Tree, structure: Structure, handles: Sequence[Any], name: str
) -> tuple[Structure, tuple[Entry, ...]] | None:
    """What the function left in the containers that it was given, where that is something new."""
    leaves, after = flatten(given)
    numbers = {id(handle): number for number, handle in enumerate(handles)}
    if after == structure and all(a is b for a, b in zip(leaves, handles, strict=True)):
        return None
    entries: list[Entry] = []
    for leaf in leaves:
        if isinstance(leaf, Traced) and id(leaf) in numbers:
            entries.append(("given", numbers[id(leaf)]))
        elif isinstance(leaf, Traced | Selection | np.ndarray):
            entries.append(("node", output_node(leaf, name)))
        else:
            entries.append(("object", leaf))
    return after, tuple(entries)
