"""Where the gradient of a loss is shorter than what computes it: (ŷ − y)/N.

Sigmoid and binary cross-entropy, softmax and cross-entropy cancel to prediction minus target. The
graph computes the same number by stable forms, in many operations. Here the short form is looked
for and *tested*: it is told only where it agrees with the graph on the numbers at hand and on
random ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.explaining.record import Array, Record
from chainrule.functions import one_hot, sigmoid, softmax
from chainrule.graph import INPUT, Graph, Node, input_node, ordered, substitute

TRIALS = 3


@dataclass(frozen=True)
class Short:
    """∂L/∂node = scale · (function(node) − target).

    name      of the function: "sigmoid", "softmax", "exp", or "" for the node itself
    latex     the function of {0}
    shown     the node that holds function(node), where the graph has one
    crosses   whether the loss was computed from `node` past the function: they cancel
    """

    node: Node
    target: Node
    scale: float
    name: str
    latex: str
    shown: Node | None
    crosses: bool
    prediction_value: Array
    target_value: Array


_FUNCTIONS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "": ("{0}", lambda z: z),
    "sigmoid": (r"\sigma({0})", sigmoid),
    "softmax": (r"\operatorname{{softmax}}({0})", softmax),
    "exp": (r"e^{{{0}}}", np.exp),
}


def find(record: Record, node: Node) -> Short | None:
    """The short form of the gradient of a node that the loss reads, where it has one."""
    gradient = record.adjoints.get(node)
    if gradient is None or record.run is None or node.ndim == 0 or not np.size(record.value(node)):
        return None
    for target in record.roots.data.values():
        if target is node or not _may_be_target(target, node):
            continue
        for name, (latex, function) in _FUNCTIONS.items():
            scale = _scale(record.value(gradient), function, record.value(node), record, target)
            if scale is None or not _holds(record, node, target, gradient, function, scale):
                continue
            prediction = function(record.value(node))
            shown = node if not name else _holder(record, node, prediction)
            crosses = bool(name) and shown not in record.adjoints
            goal = _as_prediction(record.value(target), node.shape)
            return Short(node, target, scale, name, latex, shown, crosses, prediction, goal)
    return None


def _may_be_target(target: Node, node: Node) -> bool:
    same = target.shape == node.shape
    labels = target.dtype.kind in "iu" and target.shape == node.shape[:-1]
    columns = target.dtype.kind in "iu" and target.shape == (*node.shape[:-1], 1)
    return target.op is INPUT and (same or labels or columns)


def _as_prediction(target: Array, shape: tuple[int, ...]) -> Array:
    """Class numbers as rows of 0 and 1; anything else as it is."""
    if target.shape == shape:
        return target
    return np.asarray(one_hot(target.reshape(shape[:-1]), shape[-1]))


def _scale(
    gradient: Array, function: Callable[[Array], Array], value: Array, record: Record, target: Node
) -> float | None:
    """The constant between the two forms, where there is one, on the numbers at hand."""
    with np.errstate(all="ignore"):
        difference = function(value) - _as_prediction(record.value(target), value.shape)
    largest = np.unravel_index(np.argmax(np.abs(difference)), difference.shape)
    if not np.isfinite(difference).all() or difference[largest] == 0:
        return None
    scale = float(gradient[largest] / difference[largest])
    inverse = 1 / scale if scale else 0.0
    nice = round(inverse) if abs(inverse) >= 0.999 else inverse
    if not nice or abs(inverse - nice) > 1e-3 * abs(nice):
        return None
    return 1 / nice if _close(gradient, difference / nice) else None


def _close(a: Array, b: Array) -> bool:
    eps = float(np.finfo(np.asarray(a).dtype).eps)
    size = float(np.max(np.abs(b), initial=0.0))
    return bool(np.all(np.abs(a - b) <= 1e3 * eps * max(size, 1e-30)))


def _holds(
    record: Record,
    node: Node,
    target: Node,
    gradient: Node,
    function: Callable[[Array], Array],
    scale: float,
) -> bool:
    """Whether the two forms agree at random numbers as well."""
    fresh = input_node("z", node.shape, node.dtype)
    (result,) = substitute([gradient], {node: fresh}, roles_follow=False)
    inputs = [n for n in ordered([result]) if n.op is INPUT]
    if not set(inputs) <= {fresh, target}:
        return False
    assert record.run is not None  # asked by the caller
    run = record.run(Graph("short form", tuple(inputs), (result,)))
    rng = np.random.default_rng(0)
    for _ in range(TRIALS):
        value = rng.normal(size=node.shape).astype(node.dtype)
        goal = _random_target(record.value(target), node.shape, rng)
        arrays: Mapping[Node, Any] = {fresh: value, target: goal}
        try:
            found = run([arrays[n] for n in inputs])[result]
        except ChainruleError:
            return False
        expected = scale * (function(value) - _as_prediction(goal, node.shape))
        if not _close(np.asarray(found), expected):
            return False
    return True


def _random_target(like: Array, shape: tuple[int, ...], rng: Any) -> Any:
    """Another target of the same sort: classes, rows that sum to 1, or shares."""
    if like.dtype.kind in "iu" and like.shape != shape:
        return rng.integers(0, shape[-1], like.shape).astype(like.dtype)
    if like.ndim and like.shape[-1] > 1 and np.allclose(like.sum(axis=-1), 1):
        drawn = rng.uniform(size=like.shape)
        return (drawn / drawn.sum(axis=-1, keepdims=True)).astype(like.dtype)
    if like.dtype.kind in "iub":
        return rng.integers(0, 2, like.shape).astype(like.dtype)
    return rng.uniform(size=like.shape).astype(like.dtype)


def _holder(record: Record, node: Node, prediction: Array) -> Node | None:
    """The node of the forward pass that is this function of `node`."""
    for found in record.roots.forward:
        if found.shape == node.shape and found is not node and found.dtype == node.dtype:
            value = record.values.get(found)
            if value is not None and _depends(found, node) and np.array_equal(value, prediction):
                return found
    return None


def _depends(node: Node, source: Node) -> bool:
    seen, stack = set(), [node]
    while stack:
        here = stack.pop()
        if here is source:
            return True
        if here not in seen and here.serial >= source.serial:
            seen.add(here)
            stack.extend(here.inputs)
    return False
