"""A graph over one sample to the same over a batch: every kind's batching rule, node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.graph import Graph, Leaf, Node, at_work, dependents, input_node, ordered
from chainrule.ops import rows
from chainrule.ops.loop import loop as loop_op
from chainrule.ops.loop import result as result_op
from chainrule.tracing.value import Traced, wrap


@at_work()
def batched(
    outputs: Sequence[Node], samples: Mapping[Node, Traced], size: int
) -> list[tuple[Traced, bool]]:
    """Each output over the batch, and whether it depends on the batch at all.

    `samples` gives, for nodes of one sample, the values with a new first axis of length `size`.
    """
    found: dict[Node, Any] = {node: (value, True) for node, value in samples.items()}
    reached = dependents(outputs, list(samples))
    for node in ordered(outputs):
        if node in found:
            continue
        if node not in reached or isinstance(node.op, Leaf):
            found[node] = (wrap(node), False)
            continue
        inputs = [found[child] for child in node.inputs]
        if node.op is loop_op:
            found[node] = _batched_loop(node, inputs, size)
        elif node.op is result_op:
            found[node] = inputs[0][node.params["index"]]
        else:
            xs, flags = [value for value, _ in inputs], [flag for _, flag in inputs]
            found[node] = (node.op.batch(node, xs, flags, size), True)
    return [found[node] for node in outputs]


def spread(value: Traced, size: int) -> Traced:
    """A value that is the same for every sample, repeated over the batch."""
    repeated: Traced = rows.broadcast_to(value, shape=(size, *value.shape))
    return repeated


def _batched_loop(
    node: Node, inputs: Sequence[tuple[Traced, bool]], size: int
) -> list[tuple[Traced, bool]]:
    """The loop over batched state. A carry is batched as soon as anything batched flows into it."""
    params = node.params
    body: Graph = params["body"]
    n_const, n_carry = params["constants"], params["carries"]
    split = n_const + n_carry
    flags = [flag for _, flag in inputs]
    while True:
        body_inputs = [
            _placeholder(inner, size) if flag else inner
            for inner, flag in zip(body.inputs, flags, strict=True)
        ]
        samples = {
            inner: wrap(outer)
            for inner, outer, flag in zip(body.inputs, body_inputs, flags, strict=True)
            if flag
        }
        outs = batched(body.outputs, samples, size)
        grown = [flags[n_const + k] or outs[k][1] for k in range(n_carry)]
        if grown == flags[n_const:split]:
            break
        flags[n_const:split] = grown
    results = [
        spread(value, size) if flags[n_const + k] and not flag else value
        for k, (value, flag) in enumerate(outs[:n_carry])
    ] + [value for value, _ in outs[n_carry:]]
    new_body = Graph(
        f"{body.name} batched", tuple(body_inputs), tuple(r.node for r in results)
    ).check()
    operands = []
    for place, ((value, given), flag) in enumerate(zip(inputs, flags, strict=True)):
        full = spread(value, size) if flag and not given else value
        operands.append(_swapped(full) if flag and place >= split else full)
    done = rows.loop(*operands, **{**params, "body": new_body})
    found = []
    for place, (_, flag) in enumerate(outs):
        value = rows.result(done, index=place)
        if place < n_carry:
            found.append((value, flags[n_const + place]))
        else:
            found.append((_swapped(value) if flag else value, flag))
    return found


def _placeholder(inner: Node, size: int) -> Node:
    return input_node(inner.params["name"], (size, *inner.shape), inner.dtype)


def _swapped(value: Any) -> Any:
    """Batch and time, the first two axes, in the other order."""
    return rows.transpose(value, axes=(1, 0, *range(2, len(value.shape))))
