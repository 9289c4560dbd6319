"""What code computes inside a line without giving it a name.

`np.sum(np.tanh(a * x) ** 2)` has intermediate values all the same. What an operation reads, and
another has made, gets a name, so that each local derivative on a path is that of one operation.
Sums with what is given, multiples and other shapes are no operations in this sense: they change no
derivative that would need to be told.
"""

from collections.abc import Collection, Iterator

from chainrule.graph import Leaf, Node
from chainrule.ops.indexing import Gather
from chainrule.ops.layout import Layout
from chainrule.ops.loop import Loop
from chainrule.ops.map import Map
from chainrule.ops.products import Contract
from chainrule.ops.reductions import Reduce

PASSING = ("add", "subtract", "negative", "multiply", "divide", "cast")


def unnamed(
    forward: Collection[Node], learned: Collection[Node], named: Collection[Node]
) -> list[Node]:
    """The nodes that get a name, in order.

    learned  the nodes that depend on a parameter
    named    those that have a name
    """
    found: dict[Node, None] = {}
    for node in forward:
        for operand in _operands(node, learned):
            made = _behind_sums(operand, learned, named)
            if made not in named and not isinstance(made.op, Leaf) and made.dtype.kind == "f":
                found[made] = None
    order = {node: place for place, node in enumerate(forward)}
    return sorted(found, key=order.__getitem__)


def _operands(node: Node, learned: Collection[Node]) -> Iterator[Node]:
    """What an operation reads whose derivative depends on it, or mixes entries."""
    inputs = [child for child in node.inputs if child in learned]
    if isinstance(node.op, Contract | Loop):
        yield from inputs
    elif isinstance(node.op, Reduce):
        if node.op.name != "sum" or any(_mixes(child) for child in inputs):
            yield from inputs
    elif isinstance(node.op, Map):
        below = node.op.name == "divide" and node.inputs[1] in learned
        if node.op.name not in PASSING or below or (node.op.name == "multiply" and len(inputs) > 1):
            yield from inputs


def _mixes(node: Node) -> bool:
    """Whether a node is a product of matrices, perhaps with something added, or made by a loop."""
    while not isinstance(node.op, Contract | Loop):
        if any(isinstance(child.op, Contract | Loop) for child in node.inputs):
            return True
        passes = isinstance(node.op, Layout | Gather) or node.op.name in PASSING
        if not passes or len(node.inputs) != 1:
            return False
        (node,) = node.inputs
    return True


def _behind_sums(node: Node, learned: Collection[Node], named: Collection[Node]) -> Node:
    """The node that an operand is made of by sums with constants, multiples and other shapes."""
    while node not in named and not isinstance(node.op, Leaf):
        inputs = [child for child in node.inputs if child in learned]
        others = [child for child in node.inputs if child not in learned]
        scaled = node.op.name in ("multiply", "divide")
        passes = isinstance(node.op, Layout) or node.op.name in PASSING
        divides = node.op.name == "divide" and node.inputs[1] in learned
        if not passes or len(inputs) != 1 or divides:
            break
        if scaled and any(child.ndim for child in others):
            break
        (node,) = inputs
    return node
