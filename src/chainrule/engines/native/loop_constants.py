"""Matrices that every time step multiplies with, brought into the order that products read.

Vectors run along an axis of the result whose numbers are neighbours in an operand. Where neither
operand has one, the kernel would copy an operand first, in every step; a constant of the loop is
copied once, before it.
"""

from collections.abc import Sequence

from chainrule.graph import Graph, Node, input_node, rewrite
from chainrule.ops.products import Contract, parts
from chainrule.window_rules import made


def with_turned_constants(node: Node) -> Node:
    """The same loop, which takes the transposes of such constants as further constants."""
    body: Graph = node.params["body"]
    count = node.params["constants"]
    outer = dict(zip(body.inputs[:count], node.inputs[:count], strict=True))
    turned: dict[tuple[Node, Sequence[int]], Node] = {}

    def rule(inner: Node) -> Node:
        if not isinstance(inner.op, Contract):
            return inner
        left, right, out = parts(inner.params["spec"])
        if _has_lanes(left, out) or _has_lanes(right, out):
            return inner
        letters, inputs = [left, right], list(inner.inputs)
        for place, child in enumerate(inputs):
            own = [x for x in letters[place] if x in out and x not in letters[1 - place]]
            if child not in outer or not own:
                continue
            letters[place] = letters[place].replace(own[-1], "") + own[-1]
            axes = tuple((left, right)[place].index(x) for x in letters[place])
            shape = tuple(child.shape[axis] for axis in axes)
            fresh = input_node(f"{child.params['name']}, turned", shape, child.dtype)
            inputs[place] = turned.setdefault((child, axes), fresh)
            spec = f"{letters[0]},{letters[1]}->{out}"
            return made("contract", inputs, inner, spec=spec)
        return inner

    moved = rewrite(body.outputs, rule)
    if not turned:
        return node
    transposes = [
        made("transpose", [outer[child]], outer[child], axes=axes) for child, axes in turned
    ]
    inputs = [*node.inputs[:count], *transposes, *node.inputs[count:]]
    inner = (*body.inputs[:count], *turned.values(), *body.inputs[count:])
    new = Graph(body.name, inner, tuple(moved[out] for out in body.outputs))
    params = {**node.params, "body": new, "constants": count + len(turned)}
    return made("loop", inputs, node, **params)


def _has_lanes(letters: str, out: str) -> bool:
    """Whether the last axis of an operand is one of the result's."""
    return bool(letters) and letters[-1] in out
