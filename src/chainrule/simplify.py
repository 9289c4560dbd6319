"""Graphs to smaller graphs, for engines: the same numbers from less work.

Equal nodes become one, numbers are computed beforehand, operations that change nothing go, Map
and Contract take transposed and broadcast operands as they are, and a loop that was run again for
its backward pass is merged with the first run.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.gather_rules import (
    map_of_rows,
    product_of_rows,
    rows_picked_in_loop,
    sum_of_products,
    totals_of_rows,
)
from chainrule.graph import (
    CONSTANT,
    VOID,
    Graph,
    Leaf,
    Node,
    constant_node,
    constant_value,
    ordered,
    rewrite,
    with_inputs,
)
from chainrule.loop_motion import totals_after_loops
from chainrule.ops.layout import inverse_permutation
from chainrule.ops.loop import Loop
from chainrule.ops.map import Map
from chainrule.ops.products import LETTERS, parts
from chainrule.window_rules import made as _made
from chainrule.window_rules import sliced_windows, summed_windows

SMALL = 64  # constants of up to so many numbers are computed beforehand


def simplify(graph: Graph) -> Graph:
    """The graph with everything taken out that no engine needs to do."""
    return graph.with_results(simplified(graph.results))


def simplified(outputs: Sequence[Node]) -> list[Node]:
    current = _settled(merge_loops(list(outputs)))
    freed = totals_of_rows(totals_after_loops(current))
    same = all(a is b for a, b in zip(current, freed, strict=True))
    return current if same else _settled(freed)


def _settled(current: list[Node]) -> list[Node]:
    """Rewritten until nothing changes any more."""
    for _ in range(4):  # each pass can open the way for another; more than three is rare
        before = current
        unique: dict[Any, Node] = {}

        def rule(node: Node, unique: dict[Any, Node] = unique) -> Node:
            return _unique(_reduced(node), unique)

        moved = rewrite(current, rule)
        current = [moved[node] for node in current]
        if all(a is b for a, b in zip(before, current, strict=True)):
            break
    return current


# --- equal nodes ---------------------------------------------------------------------------------


def _unique(node: Node, unique: dict[Any, Node]) -> Node:
    return unique.setdefault(_key(node), node)


def _key(node: Node) -> Any:
    if isinstance(node.op, Leaf):
        if node.op is CONSTANT and node.params["value"].size <= SMALL:
            value = node.params["value"]
            return (CONSTANT, value.shape, value.dtype.str, value.tobytes(), node.weak)
        return id(node)
    settings = tuple((key, _hashable(value)) for key, value in sorted(node.params.items()))
    return (node.op.name, tuple(id(child) for child in node.inputs), settings)


def _hashable(value: Any) -> Any:
    return id(value) if isinstance(value, Graph) else value


# --- one node ------------------------------------------------------------------------------------


def _reduced(node: Node) -> Node:
    if isinstance(node.op, Leaf):
        return node
    if node.dtype == VOID:
        return _with_simple_body(rows_picked_in_loop(node) or node)
    same = node.op.shortcut(node.inputs, node.params)
    if same is not None:
        return same
    folded = _folded(node)
    if folded is not None:
        return folded
    rule = _RULES.get(node.op.name)
    replaced = rule(node) if rule is not None else None
    if replaced is not None and (replaced.shape, replaced.dtype) == (node.shape, node.dtype):
        return replaced
    if isinstance(node.op, Map):
        return _stretched_last(node) or map_of_rows(node) or _unstretched(node)
    return node


def _folded(node: Node) -> Node | None:
    """The node as a constant, where it is one of few numbers."""
    if not node.inputs or prod(node.shape) > SMALL:
        return None
    if any(child.op is not CONSTANT or child.params["value"].size > SMALL for child in node.inputs):
        return None
    with np.errstate(all="ignore"):
        value = node.op.evaluate(*[child.params["value"] for child in node.inputs], **node.params)
    return constant_node(np.asarray(value), node.dtype)


def _stretched_last(node: Node) -> Node | None:
    """Map over repetitions of single numbers: the number first, then the repetition."""
    if prod(node.shape) <= 1 or not node.inputs:
        return None
    small = []
    for child in node.inputs:
        base = child.inputs[0] if child.op.name == "broadcast_to" else child
        if prod(base.shape) != 1:
            return None
        small.append(base if base.shape == () else _made("reshape", (base,), child, shape=()))
    single = _made(node.op.name, small, node, **node.params)
    return _made("broadcast_to", (_folded(single) or single,), node, shape=node.shape)


def _unstretched(node: Node) -> Node:
    """Map broadcasts by itself: operands need not be repeated for it, as long as one is not."""
    inputs = list(node.inputs)
    for place, child in enumerate(inputs):
        if child.op.name != "broadcast_to":
            continue
        base = child.inputs[0]
        others = [other.shape for i, other in enumerate(inputs) if i != place]
        if np.broadcast_shapes(base.shape, *others) == node.shape:
            inputs[place] = base
    return with_inputs(node, tuple(inputs))


def _add(node: Node) -> Node | None:
    a, b = node.inputs
    if constant_value(b) == 0:
        return a
    if constant_value(a) == 0:
        return b
    if b.op.name == "negative":
        return _made("subtract", (a, b.inputs[0]), node)
    if a.op.name == "negative":
        return _made("subtract", (b, a.inputs[0]), node)
    return _joined(node)


def _joined(node: Node) -> Node | None:
    """Frames of zeros around parts that lie side by side, added up: the parts joined."""
    pads: list[Node] = []
    stack = [node]
    while stack:
        found = stack.pop()
        if found.op.name == "add" and all(x.shape == node.shape for x in found.inputs):
            stack.extend(found.inputs)
        elif found.op.name == "pad" and not any(found.params["interior"]):
            pads.append(found)
        else:
            return None
    axes = {k for pad in pads for k in range(node.ndim) if pad.inputs[0].shape[k] != node.shape[k]}
    if len(pads) < 2 or len(axes) != 1:
        return None
    (axis,) = axes
    pads.sort(key=lambda pad: pad.params["low"][axis])
    place = 0
    for pad in pads:
        if pad.params["low"][axis] != place:
            return None
        place += pad.inputs[0].shape[axis]
    if place != node.shape[axis]:
        return None
    return _made("concatenate", [pad.inputs[0] for pad in pads], node, axis=axis)


def _subtract(node: Node) -> Node | None:
    a, b = node.inputs
    if constant_value(b) == 0:
        return a
    if b.op.name == "negative":
        return _made("add", (a, b.inputs[0]), node)
    return None


def _multiply(node: Node) -> Node | None:
    a, b = node.inputs
    for one, other in ((a, b), (b, a)):
        value = constant_value(one)
        if value == 1:
            return other
        if value == -1:
            return _made("negative", (other,), node)
        if value is not None and other.op.name == "multiply":
            for inner, rest in (other.inputs, other.inputs[::-1]):
                factor = constant_value(inner)
                # Only a power of two: x * 3 * 5 is rounded twice, and x * 15 once.
                if factor is None or not (_is_scale(value, node) or _is_scale(factor, node)):
                    continue
                if _is_normal(value * factor, node):
                    both = constant_node(value * factor, node.dtype)
                    return _made("multiply", (rest, both), node)
    return None


def _divide(node: Node) -> Node | None:
    a, b = node.inputs
    value = constant_value(b)
    if value == 1:
        return a
    # Only a power of two: other reciprocals are rounded, and x / 3 is not x * (1 / 3).
    if value is not None and _is_scale(value, node) and _is_normal(1 / value, node):
        return _made("multiply", (a, constant_node(1 / value, node.dtype)), node)
    return None


def _is_scale(value: float, node: Node) -> bool:
    """Whether the product with this number is exact: a power of two, of either sign."""
    return _is_normal(value, node) and np.frexp(value)[0] in (0.5, -0.5)


def _is_normal(value: float, node: Node) -> bool:
    """Whether the node's dtype holds a number of this size in full precision."""
    if node.dtype.kind != "f":
        return False
    limits = np.finfo(node.dtype)
    return bool(limits.tiny <= abs(value) <= limits.max)


def _negative(node: Node) -> Node | None:
    (x,) = node.inputs
    if x.op.name == "negative":
        return x.inputs[0]
    if x.op.name == "subtract":
        return _made("subtract", x.inputs[::-1], node)
    return None


def _reshape(node: Node) -> Node | None:
    (x,) = node.inputs
    if x.op.name == "reshape":
        return _made("reshape", x.inputs, node, shape=node.shape)
    if x.op.name == "broadcast_to" and prod(x.inputs[0].shape) == 1:
        single = _made("reshape", x.inputs, node, shape=())
        return _made("broadcast_to", (_folded(single) or single,), node, shape=node.shape)
    return None


def _transpose(node: Node) -> Node | None:
    (x,) = node.inputs
    axes = node.params["axes"]
    if x.op.name == "transpose":
        inner = x.params["axes"]
        return _made("transpose", x.inputs, node, axes=tuple(inner[axis] for axis in axes))
    if x.op.name == "contract":
        left, right, out = parts(x.params["spec"])
        new = "".join(out[axis] for axis in axes)
        return _made("contract", x.inputs, node, spec=f"{left},{right}->{new}")
    return None


def _broadcast(node: Node) -> Node | None:
    (x,) = node.inputs
    if x.op.name == "broadcast_to":
        return _made("broadcast_to", x.inputs, node, shape=node.shape)
    return None


def _contract(node: Node) -> Node | None:
    left, right, out = parts(node.params["spec"])
    letters, inputs = [left, right], list(node.inputs)
    for place, child in enumerate(inputs):
        if child.op.name == "transpose":
            back = inverse_permutation(child.params["axes"])
            letters[place] = "".join(letters[place][axis] for axis in back)
            inputs[place] = child.inputs[0]
    if inputs == list(node.inputs):
        return product_of_rows(node)
    return _made("contract", inputs, node, spec=f"{letters[0]},{letters[1]}->{out}")


def _sum(node: Node) -> Node | None:
    """The sum of all squares is a dot product."""
    (x,) = node.inputs
    if x.op.name != "square" or len(node.params["axes"]) != x.ndim or x.dtype.kind != "f":
        return None
    letters = LETTERS[: x.ndim]
    return _made("contract", (x.inputs[0], x.inputs[0]), node, spec=f"{letters},{letters}->")


_RULES: Mapping[str, Callable[[Node], Node | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast,
    "contract": _contract,
    "sum": _sum,
    "slice": sliced_windows,
    "overlap_add": summed_windows,
    "scatter_add": sum_of_products,
}


# --- loops ---------------------------------------------------------------------------------------

_SIMPLE_BODIES: WeakKeyDictionary[Graph, Graph] = WeakKeyDictionary()


def _with_simple_body(node: Node) -> Node:
    """The loop over the simplified body; a body is simplified once."""
    body: Graph = node.params["body"]
    simple = _SIMPLE_BODIES.get(body)
    if simple is None:
        simple = simplify(body)
        _SIMPLE_BODIES[body] = _SIMPLE_BODIES[simple] = simple
    if simple is body:
        return node
    return _made("loop", node.inputs, node, **{**node.params, "body": simple})


def merge_loops(outputs: list[Node]) -> list[Node]:
    """Loops over the same inputs and the same body nodes become one loop with all their results.

    The backward pass of a loop runs it again with more results; after this it no longer does.
    """
    groups: dict[Any, list[Node]] = {}
    for node in ordered(outputs):
        if isinstance(node.op, Loop):
            body = node.params["body"]
            key = (node.inputs, body.inputs, node.params["length"], node.params["reverse"])
            groups.setdefault(key, []).append(node)
    merged: dict[Node, tuple[Node, list[int]]] = {}
    for loops in groups.values():
        if len(loops) > 1:
            merged |= _merged(loops)
    if not merged:
        return outputs

    def rule(node: Node) -> Node:
        if node.op.name != "result" or node.inputs[0] not in merged:
            return node
        loop, places = merged[node.inputs[0]]
        return _made("result", (loop,), node, index=places[node.params["index"]])

    moved = rewrite(outputs, rule)
    return [moved[node] for node in outputs]


def _merged(loops: Sequence[Node]) -> dict[Node, tuple[Node, list[int]]]:
    first = loops[0]
    n_carry = first.params["carries"]
    body: Graph = first.params["body"]
    outs = list(body.outputs)
    places = {}
    for node in loops:
        found = list(range(n_carry))
        for out in node.params["body"].outputs[n_carry:]:
            if out not in outs[n_carry:]:
                outs.append(out)
            found.append(n_carry + outs[n_carry:].index(out))
        places[node] = found
    union = Graph(body.name, body.inputs, tuple(outs))
    loop = _made("loop", first.inputs, first, **{**first.params, "body": union})
    return {node: (loop, places[node]) for node in loops}
