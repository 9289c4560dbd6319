"""Graph to graph: what a loop keeps of a sigmoid for its way back, as one number instead of two.

The derivative of σ(x) is σ(x) σ(-x), so that the steps back would read both σ(x) and x, and compute
another exponential. Both factors follow from the smaller one with the sign of x,

    t = copysign(σ(-|x|), x):    σ(x) is 1 - t, or -t below 0;    σ(-x) is t, or 1 + t below 0,

and with all their digits: |t| is at most 1/2, so the differences are rounded once.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chainrule.graph import Graph, Node, constant_node, ordered, substitute, with_inputs
from chainrule.ops.loop import Loop, Result
from chainrule.window_rules import made


def with_kept_sigmoids(graph: Graph) -> Graph:
    """The same results, where loops keep such numbers for others."""
    uses = Counter(_what(child) for node in graph.nodes for child in node.inputs)
    uses.update(_what(node) for node in graph.results)
    forward: dict[Node, _Forward] = {}
    backward: dict[Node, dict[int, Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Loop):
            _find(node, uses, forward, backward)
    if not backward:
        return graph
    moved: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple(moved[child] for child in node.inputs if child in moved)
        if node in forward:
            moved[node] = forward[node].rebuilt(node, inputs)
        elif node in backward:
            moved[node] = _rebuilt(node, inputs, backward[node], moved)
        elif isinstance(node.op, Result) and node.inputs[0] in forward:
            place = forward[node.inputs[0]].place_of(node.params["index"])
            if place is not None:
                moved[node] = made("result", inputs, node, index=place)
        else:
            moved[node] = with_inputs(node, inputs)
    return graph.with_results([moved[node] for node in graph.results])


@dataclass
class _Forward:
    """A loop that keeps: which outputs of its body were x, the σ(x) of each, what is dropped."""

    sigmoids: dict[int, Node] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)

    def place_of(self, index: int) -> int | None:
        if index in self.dropped:
            return None
        return index - sum(other < index for other in self.dropped)

    def rebuilt(self, loop: Node, inputs: tuple[Node, ...]) -> Node:
        body: Graph = loop.params["body"]
        chosen = set(self.sigmoids.values())
        smaller: dict[Node, Node] = {}
        moved: dict[Node, Node] = {}
        for node in ordered(body.outputs):
            moved[node] = with_inputs(node, tuple(moved[child] for child in node.inputs))
            if node in chosen:
                smaller[node] = _smaller(moved[node])
                moved[node] = _of_itself(smaller[node])
        outputs = [
            smaller[self.sigmoids[place]] if place in self.sigmoids else moved[out]
            for place, out in enumerate(body.outputs)
            if place not in self.dropped
        ]
        new = Graph(body.name, body.inputs, tuple(outputs))
        return made("loop", inputs, loop, **{**loop.params, "body": new})


def _find(
    node: Node,
    uses: Counter[Any],
    forward: dict[Node, _Forward],
    backward: dict[Node, dict[int, Node]],
) -> None:
    """What a loop reads of another one's x, only to compute σ(-x)."""
    body: Graph = node.params["body"]
    split = node.params["constants"] + node.params["carries"]
    for place in range(split, len(node.inputs)):
        found = node.inputs[place]
        if not isinstance(found.op, Result) or uses[_what(found)] > 1:
            continue
        source, index = found.inputs[0], found.params["index"]
        if index < source.params["carries"] or source in backward or node in forward:
            continue
        opposite = _opposite(body, body.inputs[place])
        made_there: Graph = source.params["body"]
        x = made_there.outputs[index]
        known = next((other for other in made_there.nodes if _is_sigmoid(other, x)), None)
        if known is None or not opposite:
            continue
        kept = forward.setdefault(source, _Forward())
        kept.sigmoids[index] = known
        backward.setdefault(node, {})[place] = known
        own = [x for x in node.inputs[split:] if isinstance(x.op, Result) and x.inputs[0] is source]
        kept.dropped |= {
            result.params["index"]
            for result in own
            if _output(result) is known and uses[_what(result)] == 1
        }


def _what(node: Node) -> Any:
    """A node, or which result of which loop it is."""
    return (node.inputs[0], node.params["index"]) if isinstance(node.op, Result) else node


def _is_sigmoid(node: Node, x: Node) -> bool:
    return node.op.name == "sigmoid" and node.inputs[0] is x


def _opposite(body: Graph, x: Node) -> list[Node]:
    """The nodes σ(-x) of a body that reads x for nothing else, or none."""
    if x in body.results:
        return []
    readers = [node for node in body.nodes if x in node.inputs]
    found = [node for node in body.nodes if any(child in readers for child in node.inputs)]
    fitting = all(node.op.name == "negative" and node not in body.results for node in readers)
    return found if fitting and all(node.op.name == "sigmoid" for node in found) else []


def _rebuilt(
    loop: Node, inputs: tuple[Node, ...], kept: dict[int, Node], moved: dict[Node, Node]
) -> Node:
    body: Graph = loop.params["body"]
    known: dict[Node, Node] = {}
    for place, sigmoid in kept.items():
        smaller = body.inputs[place]
        known |= dict.fromkeys(_opposite(body, smaller), _of_opposite(smaller))
        for inner, outer in zip(body.inputs, loop.inputs, strict=True):
            if outer not in moved and _output(outer) is sigmoid:
                known[inner] = _of_itself(smaller)
    outputs = tuple(substitute(body.outputs, known))
    pairs = zip(body.inputs, loop.inputs, strict=True)
    new = Graph(body.name, tuple(x for x, outer in pairs if outer in moved), outputs)
    return made("loop", inputs, loop, **{**loop.params, "body": new})


def _output(result: Node) -> Node:
    """What a loop's body computes of a result."""
    outputs: Any = result.inputs[0].params["body"].outputs
    node: Node = outputs[result.params["index"]]
    return node


# --- the number ----------------------------------------------------------------------------------


def _smaller(sigmoid: Node) -> Node:
    """copysign(σ(-|x|), x) for σ(x)."""
    (x,) = sigmoid.inputs
    size = made("negative", [made("absolute", [x], sigmoid)], sigmoid)
    return made("copysign", [made("sigmoid", [size], sigmoid), x], sigmoid)


def _of_itself(smaller: Node) -> Node:
    """σ(x)."""
    rest = made("subtract", [constant_node(1, smaller.dtype), smaller], smaller)
    return _chosen(smaller, rest, made("negative", [smaller], smaller))


def _of_opposite(smaller: Node) -> Node:
    """σ(-x)."""
    rest = made("add", [constant_node(1, smaller.dtype), smaller], smaller)
    return _chosen(smaller, smaller, rest)


def _chosen(smaller: Node, above: Node, below: Node) -> Node:
    """By the sign of x, which a 0 has as well."""
    one, zero = (constant_node(number, smaller.dtype) for number in (1, 0))
    sign = made("copysign", [one, smaller], smaller)
    return made("where", [made("greater", [sign, zero], smaller), above, below], smaller)
