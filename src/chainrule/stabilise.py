"""Forward graphs to forward graphs that stay finite: the same function, computed the safe way.

Textbook formulas overflow: 1/(1+exp(-x)), log(sigmoid(x)), log(softmax(x)), log(sum(exp(x))). They
are recognised and replaced before anything is differentiated, so that values, gradients,
explanations and every engine start from the same graph and show the same numbers. (The logarithm
of one minus a sigmoid in float32 is NaN at x = 18, where the truth is -18.)
"""

from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

from chainrule.graph import (
    Graph,
    Node,
    Shape,
    at_work,
    constant_value,
    originating,
    playing,
    rewrite,
)
from chainrule.ops import rows
from chainrule.tracing.value import wrap


def stabilise(graph: Graph) -> Graph:
    """The graph with unstable formulas replaced."""
    return graph.with_results(stabilised(graph.results))


@at_work()
def stabilised(outputs: Sequence[Node]) -> list[Node]:
    """The same for nodes."""
    moved = rewrite(outputs, _rule)
    return [moved[node] for node in outputs]


def _rule(node: Node) -> Node:
    rule = _RULES.get(node.op.name)
    if rule is None:
        return node
    with originating(node), playing(node.role):
        found = rule(node)
    fits = found is not None and (found.shape, found.dtype) == (node.shape, node.dtype)
    return found.node if fits else node


# --- looking at nodes ----------------------------------------------------------------------------


def _is(node: Node, value: float) -> bool:
    return constant_value(node) == value


def _one_plus(node: Node) -> Node | None:
    """x where the node is 1 + x."""
    if node.op.name == "add":
        a, b = node.inputs
        if _is(a, 1):
            return b
        if _is(b, 1):
            return a
    return None


def _negated(node: Node) -> Node | None:
    """x where the node is -x."""
    if node.op.name == "negative":
        return node.inputs[0]
    if node.op.name == "multiply":
        a, b = node.inputs
        if _is(a, -1):
            return b
        if _is(b, -1):
            return a
    return None


def _exponent(node: Node) -> Node | None:
    """x where the node is exp(x)."""
    return node.inputs[0] if node.op.name == "exp" else None


def _one_minus(node: Node) -> Node | None:
    """x where the node is 1 - x."""
    if node.op.name == "subtract" and _is(node.inputs[0], 1):
        return node.inputs[1]
    plus = _one_plus(node)
    return None if plus is None else _negated(plus)


class Normalised(NamedTuple):
    """exp(x), perhaps transposed, over its own sum along some axes.

    shifted  x minus its largest value
    order    how the axes of x stand in the quotient
    sums     the sums of exp(shifted) in the shape of the divisor
    is_new   whether the user had not shifted x already
    """

    shifted: Any
    order: Shape
    sums: Any
    is_new: bool


def _normalised(above: Node, below: Node) -> Normalised | None:
    order = tuple(range(above.ndim))
    if above.op.name == "transpose":
        order, above = tuple(above.params["axes"]), above.inputs[0]
    x, total = _exponent(above), _without_reshape(below)
    if x is None or total.op.name != "sum" or _exponent(total.inputs[0]) is not x:
        return None
    axes = total.params["axes"]
    if _is_empty(x, axes):
        return None
    rest = [axis for axis in order if axis not in axes]
    kept = tuple(1 if axis in axes else x.shape[axis] for axis in order)
    if rest != sorted(rest) or (1,) * (len(kept) - below.ndim) + below.shape != kept:
        return None  # the divisor is the sum of other terms than its own
    is_new = not _is_shifted(x, axes)
    shifted = _shift(x, axes) if is_new else wrap(x)
    sums = rows.reshape(rows.sum(rows.exp(shifted), axes=axes), shape=below.shape)
    return Normalised(shifted, order, sums, is_new)


def _without_reshape(node: Node) -> Node:
    return node.inputs[0] if node.op.name == "reshape" else node


def _is_shifted(x: Node, axes: Sequence[int]) -> bool:
    """Whether x is something minus its own maximum along these axes."""
    if x.op.name != "subtract":
        return False
    base, shift = x.inputs
    while shift.op.name in ("reshape", "broadcast_to", "stop_gradient", "where"):
        shift = shift.inputs[1 if shift.op.name == "where" else 0]
    return shift.op.name == "max" and shift.inputs[0] is base and shift.params["axes"] == axes


def _is_empty(x: Node, axes: Sequence[int]) -> bool:
    """Whether there is nothing along the axes, and therefore no largest number."""
    return any(x.shape[axis] == 0 for axis in axes)


def _largest(x: Node, axes: Sequence[int]) -> Any:
    """The maximum along the axes, which stay with length 1; a constant to the chain rule."""
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    return rows.stop_gradient(rows.reshape(rows.max(wrap(x), axes=axes), shape=kept))


def _shift(x: Node, axes: Sequence[int]) -> Any:
    return wrap(x) - _largest(x, axes)


# --- the rules, by the op at the top -------------------------------------------------------------


def _quotient(node: Node) -> Any:
    """1/(1+exp(-x)), exp(x)/(1+exp(x)), exp(x)/sum(exp(x))."""
    above, below = node.inputs
    exponent = _exponent(_one_plus(below) or below)
    if exponent is not None and _one_plus(below) is not None:
        x = _negated(exponent)
        if _is(above, 1):
            return rows.sigmoid(wrap(x)) if x is not None else rows.sigmoid(-wrap(exponent))
        if _exponent(above) is exponent:
            return rows.sigmoid(wrap(exponent))
    return _softmax(above, below)


def _softmax(above: Node, below: Node) -> Any:
    found = _normalised(above, below)
    if found is None or not found.is_new:
        return None
    return rows.transpose(rows.exp(found.shifted), axes=found.order) / found.sums


def _inverse(node: Node) -> Any:
    """reciprocal(1+exp(-x))."""
    exponent = _exponent(_one_plus(node.inputs[0]) or node.inputs[0])
    if exponent is None or _one_plus(node.inputs[0]) is None:
        return None
    x = _negated(exponent)
    return rows.sigmoid(wrap(x)) if x is not None else rows.sigmoid(-wrap(exponent))


def _logarithm(node: Node) -> Any:
    """log of a sigmoid, of one minus it, of 1+exp, of a softmax, of a sum of exponentials."""
    x = node.inputs[0]
    if x.op.name == "sigmoid":
        return rows.log_sigmoid(wrap(x.inputs[0]))
    rest = _one_minus(x)
    if rest is not None and rest.op.name == "sigmoid":
        return rows.log_sigmoid(-wrap(rest.inputs[0]))
    plus = _one_plus(x)
    if plus is not None and (exponent := _exponent(plus)) is not None:
        return rows.softplus(wrap(exponent))
    if x.op.name in ("maximum", "clip"):
        return _logarithm_of_limited(x)
    if x.op.name in ("gather", "reshape", "slice", "transpose") and _is_probability(x.inputs[0]):
        inside = _logarithm_of(x.inputs[0])
        others = [wrap(child) for child in x.inputs[1:]]
        return None if inside is None else x.op(inside, *others, **x.params)
    return _logarithm_of_sums(x)


def _logarithm_of(x: Node) -> Any:
    """log(x) in its stable form, where it has one."""
    if x.op.name in ("reshape", "slice", "transpose"):
        inside = _logarithm_of(x.inputs[0])
        return None if inside is None else x.op(inside, **x.params)
    if x.op.name == "sigmoid":
        return rows.log_sigmoid(wrap(x.inputs[0]))
    return _logarithm_of_sums(x)


def _logarithm_of_limited(x: Node) -> Any:
    """log(max(p, c)) is max(log p, log c): a floor under a probability does not hide what it is."""
    inside, limits = x.inputs[0], [constant_value(limit) for limit in x.inputs[1:]]
    if x.op.name == "maximum" and constant_value(inside) is not None:
        inside, limits = x.inputs[1], [constant_value(inside)]
    if any(limit is None or limit <= 0 for limit in limits):
        return None
    logarithm = _logarithm_of(inside)
    if logarithm is None:
        rest = _one_minus(inside)
        if rest is None or rest.op.name != "sigmoid":
            return None
        logarithm = rows.log_sigmoid(-wrap(rest.inputs[0]))
    return x.op(logarithm, *[log(limit) for limit in limits if limit is not None])


def _is_probability(x: Node) -> bool:
    while x.op.name in ("reshape", "slice", "transpose"):
        x = x.inputs[0]
    return x.op.name in ("sigmoid", "divide")


def _logarithm_of_sums(x: Node) -> Any:
    if x.op.name == "divide":
        found = _normalised(*x.inputs)
        if found is None:
            return None
        return rows.transpose(found.shifted, axes=found.order) - rows.log(found.sums)
    total = _without_reshape(x)
    exponent = _exponent(total.inputs[0]) if total.op.name == "sum" else None
    if exponent is None or _is_shifted(exponent, total.params["axes"]):
        return None
    if _is_empty(exponent, total.params["axes"]):
        return None
    axes = total.params["axes"]
    largest = _largest(exponent, axes)
    largest = rows.where(rows.isfinite(largest), largest, 0.0)  # infinity minus itself is no number
    sums = rows.sum(rows.exp(wrap(exponent) - largest), axes=axes)
    value = rows.log(sums) + rows.reshape(largest, shape=sums.shape)
    return rows.reshape(value, shape=x.shape)


def _logarithm_of_one_plus(node: Node) -> Any:
    """log1p(exp(x)) and log1p(-sigmoid(x))."""
    x = node.inputs[0]
    exponent = _exponent(x)
    if exponent is not None:
        return rows.softplus(wrap(exponent))
    negated = _negated(x)
    if negated is not None and negated.op.name == "sigmoid":
        return rows.log_sigmoid(-wrap(negated.inputs[0]))
    return None


_RULES = {
    "divide": _quotient,
    "reciprocal": _inverse,
    "log": _logarithm,
    "log1p": _logarithm_of_one_plus,
}
