"""Where the first NaN or infinity came from."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node


def all_finite(values: Iterable[Any]) -> bool:
    return not any(_has_not_finite(value) for value in values)


def _has_not_finite(value: Any) -> bool:
    if isinstance(value, list):  # the results of a loop
        return any(_has_not_finite(entry) for entry in value)
    return not is_finite(np.asarray(value))


def is_finite(array: Any) -> bool:
    """Whether an array holds no NaN and no infinity."""
    if array.dtype.kind != "f":
        return True
    # A sum of squares says so in a fraction of the time, unless it overflows.
    if array.dtype.itemsize >= 4 and array.flags.c_contiguous:
        with np.errstate(all="ignore"):
            if math.isfinite(np.vdot(array, array)):
                return True
    return bool(np.isfinite(array).all())


def first_not_finite(graph: Graph, inputs: list[Any]) -> Node | None:
    """The first node that made a NaN or an infinity, out of finite inputs, which reached a result.

    The last two results, loss and gradient norm, are asked first. A value that is masked out
    before it reaches a result, such as log(0) under a `where`, is no fault.
    """
    from chainrule.engines.numpy import Program

    values = Program(graph).trace_values(inputs)
    bad = {node for node, value in values.items() if _has_not_finite(value)}
    reached = {node for node in graph.outputs[-2:] if node in bad} or {
        node for node in graph.outputs if node in bad
    }
    for node in reversed(graph.nodes):
        if node in reached:
            reached.update(child for child in node.inputs if child in bad)
    for node in graph.nodes:
        if node in reached and node.inputs and not any(child in bad for child in node.inputs):
            return node
    return None


def describe(node: Node) -> str:
    """`exp in layer 1.Lambda`, `the backward pass of divide in the loss`."""
    forward = node.role.of if node.role else node
    name = f"the backward pass of {forward.op.name}" if node.role else node.op.name
    place = forward.source.scope if forward.source else ""
    if place in ("loss", "optimizer"):
        return f"{name} in the {place}"
    return f"{name} in layer {place}" if place else name
