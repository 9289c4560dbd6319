"""Sums that a loop accumulates, taken out of it.

    for t: total = total + contract(a[t], b[t])        becomes        contract(a, b) over t as well

The gradient of a weight that every time step uses is such a sum. One contraction over all steps
does the same work several times faster than one a step, and the total need not go through memory
each time. The loop gives back, stacked, what it had multiplied.
"""

from collections.abc import Sequence
from typing import Any

from chainrule.graph import Graph, Node, constant_value, rewrite
from chainrule.ops.loop import Loop
from chainrule.ops.products import LETTERS, Contract, parts
from chainrule.window_rules import made as _made


def totals_after_loops(outputs: Sequence[Node]) -> list[Node]:
    """The same outputs, with such sums after their loops."""
    found: dict[Node, list[Node]] = {}  # for each new loop, its results in the order of the old

    def rule(node: Node) -> Node:
        if isinstance(node.op, Loop):
            freed = _freed(node)
            if freed is None:
                return node
            loop, results = freed
            found[loop] = results
            return loop
        if node.op.name == "result" and node.inputs[0] in found:
            return found[node.inputs[0]][node.params["index"]]
        return node

    moved = rewrite(outputs, rule)
    return [moved[node] for node in outputs]


def _freed(node: Node) -> tuple[Node, list[Node]] | None:
    """The loop without its totals, and what stands for each of the old results."""
    body: Graph = node.params["body"]
    n_const, n_carry = node.params["constants"], node.params["carries"]
    split = n_const + n_carry
    terms = {k: term for k in range(n_carry) if (term := _term(body, n_const + k, k)) is not None}
    if not terms:
        return None
    series = dict(zip(body.inputs[split:], node.inputs[split:], strict=True))
    kept = [k for k in range(n_carry) if k not in terms]
    outs = [body.outputs[k] for k in kept] + list(body.outputs[n_carry:])
    operands = [child for term in terms.values() for child in term.inputs]
    outs += [
        child
        for child in dict.fromkeys(operands)
        if child not in series and child not in outs[len(kept) :]
    ]
    gone = {n_const + k for k in terms}
    inputs = [x for place, x in enumerate(node.inputs) if place not in gone]
    inner = tuple(x for place, x in enumerate(body.inputs) if place not in gone)
    new_body = Graph(body.name, inner, tuple(outs))
    params = {**node.params, "body": new_body, "carries": len(kept)}
    loop = _made("loop", inputs, node, **params)

    def result(place: int) -> Node:
        return _made("result", (loop,), node, index=place)

    def over_time(child: Node) -> Node:
        if child in series:
            return series[child]
        return result(len(kept) + outs[len(kept) :].index(child))

    results = []
    for k in range(len(body.outputs)):
        if k in terms:
            results.append(_total(terms[k], over_time, node.inputs[n_const + k]))
        elif k < n_carry:
            results.append(result(kept.index(k)))
        else:
            results.append(result(len(kept) + k - n_carry))
    return loop, results


def _term(body: Graph, place: int, k: int) -> Node | None:
    """The product that is added to carry `k` in each step, where nothing else reads the carry."""
    carry, out = body.inputs[place], body.outputs[k]
    if out.op.name != "add" or carry not in out.inputs or out.inputs[0] is out.inputs[1]:
        return None
    (term,) = [child for child in out.inputs if child is not carry]
    if not isinstance(term.op, Contract) or term.shape != carry.shape:
        return None
    readers = [node for node in body.nodes if carry in node.inputs or out in node.inputs]
    if readers != [out] or body.results.count(out) != 1 or carry in body.results:
        return None
    return term


def _total(term: Node, over_time: Any, initial: Node) -> Node:
    left, right, out = parts(term.params["spec"])
    step = next(letter for letter in LETTERS if letter not in left + right)
    inputs = [over_time(child) for child in term.inputs]
    total = _made("contract", inputs, term, spec=f"{step}{left},{step}{right}->{out}")
    start = initial.inputs[0] if initial.op.name == "broadcast_to" else initial
    if constant_value(start) == 0:
        return total
    return _made("add", (initial, total), term)
