"""What is simpler about windows: those that skip, and those that do not overlap.

NumPy code writes a pooling as all windows, of which a slice takes every s-th. Taken together that
is windows with a stride, and going back, a frame of zeros between the windows need not be made.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

from chainrule.graph import Node
from chainrule.ops import TABLE


def made(name: str, inputs: Sequence[Node], like: Node, **params: Any) -> Node:
    """A node that stands in for `like`: the same line and role, shape and dtype as inferred."""
    op = TABLE[name]
    shape, dtype = op.infer(inputs, params)
    return Node(op, tuple(inputs), params, shape, dtype, False, like.source, like.role)


def _reach(params: Any, which: int) -> int:
    """How many numbers one window spans along its axis."""
    return int(params["dilations"][which] * (params["sizes"][which] - 1) + 1)


def sliced_windows(node: Node) -> Node | None:
    """Every s-th window: windows with a stride, of what those windows see."""
    (x,) = node.inputs
    if x.op.name != "windows":
        return None
    start, stop, step = (node.params[key] for key in ("start", "stop", "step"))
    base = x.inputs[0]
    rank = base.ndim
    inside = zip(start[rank:], stop[rank:], step[rank:], x.shape[rank:], strict=True)
    if any((a, b, c) != (0, length, 1) for a, b, c, length in inside) or prod(node.shape) == 0:
        return None
    axes = x.params["axes"]
    begin, end = list(start[:rank]), list(stop[:rank])
    every, strides = list(step[:rank]), list(x.params["strides"])
    for which, axis in enumerate(axes):
        own = x.params["strides"][which]
        strides[which] = own * step[axis]
        begin[axis] = start[axis] * own
        span = (node.shape[axis] - 1) * strides[which] + _reach(x.params, which)
        end[axis], every[axis] = begin[axis] + span, 1
    part = made("slice", [base], node, start=tuple(begin), stop=tuple(end), step=tuple(every))
    return made("windows", [part], node, **{**x.params, "strides": tuple(strides)})


def summed_windows(node: Node) -> Node | None:
    """Windows added back: without the zeros between them, and in place where none overlap."""
    (x,) = node.inputs
    if prod(x.shape) == 0:
        return None
    if x.op.name == "pad":
        return _without_frame(node, x)
    params, rank = node.params, node.ndim
    for which, axis in enumerate(params["axes"]):
        size = params["sizes"][which]
        if params["strides"][which] != size or params["dilations"][which] != 1:
            return None
        if params["lengths"][which] != x.shape[axis] * size:
            return None
    order: list[int] = []
    for axis in range(rank):
        order.append(axis)
        if axis in params["axes"]:
            order.append(rank + params["axes"].index(axis))
    turned = made("transpose", [x], node, axes=tuple(order))
    return made("reshape", [turned], node, shape=node.shape)


def _without_frame(node: Node, x: Node) -> Node | None:
    params, rank = node.params, node.ndim
    low, high, gaps = (x.params[key] for key in ("low", "high", "interior"))
    axes = params["axes"]
    others = [k for k in range(x.ndim) if k not in axes]
    if any(low[k] or high[k] or gaps[k] for k in others):
        return None
    g = x.inputs[0]
    strides, lengths = list(params["strides"]), list(params["lengths"])
    before, after = [0] * rank, [0] * rank
    for which, axis in enumerate(axes):
        own = params["strides"][which]
        strides[which] = own * (gaps[axis] + 1)
        lengths[which] = (g.shape[axis] - 1) * strides[which] + _reach(params, which)
        before[axis] = low[axis] * own
        after[axis] = params["lengths"][which] - lengths[which] - before[axis]
    new = {**params, "strides": tuple(strides), "lengths": tuple(lengths)}
    part = made("overlap_add", [g], node, **new)
    frame = {"low": tuple(before), "high": tuple(after), "interior": (0,) * rank}
    return made("pad", [part], node, **frame)
