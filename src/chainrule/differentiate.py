"""Reverse mode: a graph to the graph of its gradient.

Walking the nodes backwards, each carries the adjoint of its result to its inputs by its kind's
`pullback`, and adjoints that meet are added. Rules are recorded like any other NumPy code, so a
gradient is a graph again and can be differentiated again. Every node made on the way knows its
forward node and which term of the chain rule it is (`Node.role`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.graph import (
    CONSTANT,
    VOID,
    Graph,
    Leaf,
    Node,
    Role,
    at_work,
    constant_node,
    dependents,
    input_node,
    ordered,
    playing,
    substitute,
)
from chainrule.ops import rows
from chainrule.ops.loop import loop as loop_op
from chainrule.ops.loop import result as result_op
from chainrule.tracing.value import Traced, astype, wrap

Adjoint = Any  # a Traced; for a Loop, {index of the result: Traced}


def differentiate(graph: Graph, wrt: Sequence[int] | None = None) -> Graph:
    """The graph of one number together with its gradient.

    wrt  places among the inputs; by default all that hold floating-point numbers. The results are
         the number, then the gradients in this order.
    """
    if len(graph.outputs) != 1:
        raise SettingError(f"{graph.name} has {len(graph.outputs)} results; a gradient is of one")
    places = range(len(graph.inputs)) if wrt is None else wrt
    wanted = [graph.inputs[i] for i in places if graph.inputs[i].dtype.kind == "f"]
    (output,) = graph.outputs
    name = f"gradient of {graph.name}"
    return Graph(name, graph.inputs, (output, *gradients(output, wanted))).check()


def gradients(output: Node, wanted: Sequence[Node]) -> list[Node]:
    """The gradient of a scalar node with respect to others, in their shapes and dtypes."""
    if output.shape != ():
        raise SettingError(
            f"a gradient is that of one number, and this has shape {output.shape}; take its sum "
            "or mean first"
        )
    if output.dtype.kind != "f":
        raise SettingError(f"a gradient needs a floating-point value, not {output.dtype}")
    with playing(Role("seed", output)):
        seed = _number(1, output.dtype)
    return [adjoint.node for adjoint in adjoints([output], [seed], wanted)]


def _number(value: float, dtype: np.dtype[Any]) -> Traced:
    return wrap(constant_node(value, dtype))


def zeros_like(node: Node) -> Traced:
    zeros: Traced = rows.broadcast_to(_number(0, node.dtype), shape=node.shape)
    return zeros


@at_work()
def adjoints(
    outputs: Sequence[Node], seeds: Sequence[Traced], wanted: Sequence[Node]
) -> list[Traced]:
    """The adjoints of `wanted`, given those of the outputs; zeros where nothing depends on them."""
    relevant = dependents(outputs, wanted)
    found: dict[Node, Adjoint] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        _accumulate(found, output, seed)
    for node in reversed(ordered(outputs)):
        if node not in found or node not in relevant or isinstance(node.op, Leaf):
            continue
        indices = [
            index
            for index, child in enumerate(node.inputs)
            if child in relevant and (child.dtype.kind == "f" or child.dtype == VOID)
        ]
        for index, adjoint in _pull_back(node, found[node], indices).items():
            if adjoint is not None:
                _accumulate(found, node.inputs[index], adjoint)
    return [found[node] if node in found else _nothing(node) for node in wanted]


def _pull_back(node: Node, g: Adjoint, indices: Sequence[int]) -> dict[int, Adjoint]:
    if node.op is loop_op:
        with playing(Role("product", node)):
            return loop_adjoints(node, g, indices)
    if node.op is result_op:
        return {0: {node.params["index"]: g}}
    y, xs = wrap(node), [wrap(child) for child in node.inputs]
    found: dict[int, Adjoint] = {}
    for index in indices:
        with playing(Role("product", node, index)):
            adjoint = node.op.pullback(index, g, y, xs, node.params)
            found[index] = None if adjoint is None else astype(adjoint, xs[index].dtype)
    return found


def _accumulate(found: dict[Node, Adjoint], node: Node, adjoint: Adjoint) -> None:
    if node not in found:
        found[node] = adjoint
    elif isinstance(adjoint, dict):
        for index, part in adjoint.items():
            if index in found[node]:
                found[node][index] = _sum(node, found[node][index], part)
            else:
                found[node][index] = part
    else:
        found[node] = _sum(node, found[node], adjoint)


def _sum(node: Node, a: Traced, b: Traced) -> Traced:
    with playing(Role("sum", node)):
        total: Traced = rows.add(a, b)
        return total


def _nothing(node: Node) -> Traced:
    """The adjoint of a node without uses: an empty sum."""
    with playing(Role("sum", node)):
        return zeros_like(node)


# --- loops ---------------------------------------------------------------------------------------


def loop_adjoints(node: Node, g: dict[int, Traced], indices: Sequence[int]) -> dict[int, Traced]:
    """The gradient of a Loop is a Loop backwards.

    The forward loop is run once more in the graph, with the intermediate values that the backward
    steps read stacked over time (`simplify` makes one loop of the two). The backward loop carries
    the adjoints of the carries, and sums those of the constants.
    """
    params = node.params
    body: Graph = params["body"]
    n_const, n_carry = params["constants"], params["carries"]
    split = n_const + n_carry
    carries = [k for k in range(n_carry) if body.outputs[k].dtype.kind == "f"]
    ys = [k for k in g if k >= n_carry]
    constants = [i for i in indices if i < n_const]
    series = [i for i in indices if i >= split]

    # One backward step, as nodes over the body's own nodes and the incoming adjoints.
    d_carry = {k: _placeholder(f"adjoint of carry {k}", body.outputs[k]) for k in carries}
    d_y = {k: _placeholder(f"adjoint of y {k - n_carry}", body.outputs[k]) for k in ys}
    targets = [body.inputs[n_const + k] for k in carries]
    targets += [body.inputs[i] for i in (*constants, *series)]
    incoming = {**d_carry, **d_y}
    step = adjoints(
        [body.outputs[k] for k in incoming], [wrap(n) for n in incoming.values()], targets
    )
    new_carry = [a.node for a in step[: len(carries)]]
    d_constants = [a.node for a in step[len(carries) : len(carries) + len(constants)]]
    d_series = [a.node for a in step[len(carries) + len(constants) :]]

    # What the backward step reads of the forward one: stacked over time where it changes.
    needed = _read_by([*new_carry, *d_constants, *d_series], body, set(incoming.values()))
    kept_constants = [n for n in needed if n in body.inputs[:n_const]]
    kept_series = [n for n in needed if n in body.inputs[split:]]
    saved = [n for n in needed if n not in kept_constants and n not in kept_series]
    forward = rows.loop(
        *[wrap(child) for child in node.inputs],
        **{**params, "body": _extended(body, saved)},
    )
    first_saved = len(body.outputs)
    stacks = [rows.result(forward, index=first_saved + i) for i in range(len(saved))]

    sums = [_placeholder(f"sum {i}", body.inputs[i]) for i in constants]
    totals = [
        _sum(body.inputs[i], wrap(total), wrap(part)).node
        for i, total, part in zip(constants, sums, d_constants, strict=True)
    ]
    backward_body = Graph(
        f"{body.name} backward",
        (*kept_constants, *d_carry.values(), *sums, *saved, *kept_series, *d_y.values()),
        (*new_carry, *totals, *d_series),
    )
    inputs = body.inputs
    backward = rows.loop(
        *[wrap(node.inputs[inputs.index(n)]) for n in kept_constants],
        *[g.get(k, zeros_like(d_carry[k])) for k in carries],
        *[zeros_like(n) for n in sums],
        *stacks,
        *[wrap(node.inputs[inputs.index(n)]) for n in kept_series],
        *[g[k] for k in ys],
        body=_fresh_inputs(backward_body),
        length=params["length"],
        reverse=not params["reverse"],
        constants=len(kept_constants),
        carries=len(carries) + len(sums),
    )
    results = [rows.result(backward, index=i) for i in range(len(backward_body.outputs))]
    found: dict[int, Traced] = {}
    for place, k in enumerate(carries):
        if n_const + k in indices:
            found[n_const + k] = results[place]
    for place, index in enumerate((*constants, *series)):
        found[index] = results[len(carries) + place]
    return found


def _placeholder(name: str, like: Node) -> Node:
    return input_node(name, like.shape, like.dtype)


def _extended(body: Graph, saved: Sequence[Node]) -> Graph:
    return Graph(body.name, body.inputs, (*body.outputs, *saved))


def _read_by(outputs: Sequence[Node], body: Graph, incoming: set[Node]) -> list[Node]:
    """The nodes of the forward body that the backward step reads, in order."""
    own = set(body.nodes) | set(body.inputs)
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen or node in incoming or node.op is CONSTANT:
            continue
        seen.add(node)
        if node in own:
            found[node] = None
        else:
            stack.extend(node.inputs)
    return sorted(found, key=lambda node: node.serial)


def _fresh_inputs(graph: Graph) -> Graph:
    """The same graph over inputs of its own, where it had read another graph's nodes."""
    moved = {
        node: _placeholder(str(node.params.get("name", f"saved {index}")), node)
        for index, node in enumerate(graph.inputs)
    }
    # The terms in a backward step name nodes of the forward one, not the copies saved from it.
    outputs = substitute(graph.outputs, moved, roles_follow=False)
    return Graph(graph.name, tuple(moved[n] for n in graph.inputs), tuple(outputs)).check()
