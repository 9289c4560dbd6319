"""Which elementwise nodes get memory: the others are computed again wherever they are needed."""

from collections import Counter
from math import prod

from chainrule.engines.native.access import is_view
from chainrule.engines.native.contractions import summed_letters
from chainrule.engines.native.rewrites import joins
from chainrule.graph import Graph, Node
from chainrule.ops.layout import Reshape
from chainrule.ops.map import Map
from chainrule.ops.products import Contract

SUMS = ("sum", "max", "min")
CHEAP = 2  # operations that may be done again rather than stored
COSTS = {"divide": 6, "sqrt": 6, "reciprocal": 6, "power": 40, "remainder": 10, "cast": 1}
SIMPLE = {
    *("add", "subtract", "multiply", "negative", "square", "absolute", "maximum", "minimum"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "where", "relu"),
    *("logical_and", "logical_or", "logical_not", "sign", "floor", "ceil", "clip", "copysign"),
}


def is_elementwise(node: Node) -> bool:
    """Maps, and products that sum over nothing."""
    if isinstance(node.op, Contract):
        return not summed_letters(node.params["spec"])
    return isinstance(node.op, Map)


def remembered(graph: Graph) -> tuple[set[Node], set[Node]]:
    """The elementwise nodes that need a buffer, and the matrices whose rows may lie apart."""
    return _Choice(graph).made()


class _Choice:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.needed = {node for node in graph.results if is_elementwise(node)}
        self.matrices: set[Node] = set()
        self.users: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
        for node in graph.nodes:
            for child in node.inputs:
                self.users[child].append(node)

    def made(self) -> tuple[set[Node], set[Node]]:
        needed, sites = self.needed, Counter[Node]()
        results = set(self.graph.results)
        for node in reversed(self.graph.nodes):
            users = self.users[node]
            kinds = [is_elementwise(user) or isinstance(user.op, Contract) for user in users]
            if len(node.shape) == 2 and node not in results and all(kinds):
                self.matrices.add(node)
            spread = False
            for user in users:
                inline = (is_view(user) or is_elementwise(user)) and user not in needed
                sites[node] += max(sites[user], 1) if is_view(user) and inline else 1
                spread = spread or (prod(user.shape) > prod(node.shape))
                if not _is_fluid(user):
                    self._address(node)
            often = sites[node] > 1 or spread
            if often and is_elementwise(node) and self._cost(node) > CHEAP:
                needed.add(node)
        return needed, self.matrices

    def _address(self, node: Node) -> None:
        """Give memory to what a node that is read by address is a view of."""
        while is_view(node):
            node = node.inputs[0]
        if is_elementwise(node):
            self.needed.add(node)

    def _cost(self, node: Node) -> int:
        """Operations to compute one number of a node, with all that only it needs."""
        name = node.op.name
        own = COSTS.get(name, 1 if name in SIMPLE or isinstance(node.op, Contract) else 15)
        for child in node.inputs:
            while is_view(child):
                child = child.inputs[0]
            if is_elementwise(child) and len(self.users[child]) == 1:
                own += self._cost(child)
        return own


def _is_fluid(node: Node) -> bool:
    """Whether a node takes its input's numbers one by one, wherever they come from."""
    if is_view(node):
        return not (isinstance(node.op, Reshape) and joins(node))
    return is_elementwise(node) or node.op.name in SUMS
