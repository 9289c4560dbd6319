"""Which elementwise nodes get memory: the others are computed again wherever they are needed."""

from collections import Counter
from dataclasses import dataclass, field
from math import prod

from chainrule.engines.native.access import is_view
from chainrule.engines.native.kernels import Apply, Expression
from chainrule.engines.native.layouts import users_of, uses_of
from chainrule.engines.native.rewrites import joins
from chainrule.graph import Graph, Node
from chainrule.ops.layout import Reshape
from chainrule.ops.map import Map
from chainrule.ops.products import Contract, summed_letters

SUMS = ("sum", "max", "min")
FEW_OPERATIONS = 4  # that are written for each of several vectors, rather than in a loop
CHEAP = 2  # operations that may be done again rather than stored
DEEPEST = 64  # operations on operations that one expression holds
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


def remembered(graph: Graph) -> "Remembered":
    """Which nodes of a graph get memory, and which of it others may use in another way."""
    choice = _Choice(graph)
    choice.choose()
    return choice.found


@dataclass
class Remembered:
    """needed    the elementwise nodes that get a buffer
    matrices  those of two axes whose rows may lie apart
    ends      nodes that others read from memory even in the same loops
    uses      how often a node is read, as a result too
    """

    needed: set[Node]
    uses: Counter[Node]
    matrices: set[Node] = field(default_factory=set)
    ends: set[Node] = field(default_factory=set)


class _Choice:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        needed = {node for node in graph.results if is_elementwise(node)}
        self.found = Remembered(needed, uses_of(graph))
        self.users = users_of(graph)
        self.costs = self._costs()

    def choose(self) -> None:
        needed, sites = self.found.needed, Counter[Node]()
        results = set(self.graph.results)
        for node in reversed(self.graph.nodes):
            users = self.users[node]
            kinds = [is_elementwise(user) or isinstance(user.op, Contract) for user in users]
            if len(node.shape) == 2 and node not in results and all(kinds):
                self.found.matrices.add(node)
            spread = False
            for user in users:
                inline = (is_view(user) or is_elementwise(user)) and user not in needed
                sites[node] += max(sites[user], 1) if is_view(user) and inline else 1
                spread = spread or (prod(user.shape) > prod(node.shape))
                if not _is_fluid(user):
                    self._address(node)
            often = sites[node] > 1 or spread
            if often and is_elementwise(node) and self.costs[node] > CHEAP:
                needed.add(node)
        self._end_chains()

    def _address(self, node: Node) -> None:
        """Give memory to what a node that is read by address is a view of."""
        source = seen_through(node)
        if is_elementwise(source):
            self.found.needed.add(source)

    def _costs(self) -> dict[Node, int]:
        """Operations to compute one number of each node, with all that only it needs."""
        found: dict[Node, int] = {}
        for node in self.graph.nodes:
            name = node.op.name
            own = COSTS.get(name, 1 if name in SIMPLE or isinstance(node.op, Contract) else 15)
            sources = [seen_through(child) for child in node.inputs]
            alone = [x for x in sources if is_elementwise(x) and len(self.users[x]) == 1]
            found[node] = own + sum(found[x] for x in alone)
        return found

    def _end_chains(self) -> None:
        """Cut chains of operations that are too long for one expression: what reads and writes
        expressions calls itself for each operand.
        """
        depths: dict[Node, int] = {}
        for node in self.graph.nodes:
            sources = [seen_through(child) for child in node.inputs]
            depths[node] = 1 + max((depths[x] for x in sources if is_elementwise(x)), default=0)
            if depths[node] > DEEPEST and is_elementwise(node):
                self.found.needed.add(node)
                self.found.ends.add(node)
                depths[node] = 0


def seen_through(node: Node) -> Node:
    """What a node is a view of, or itself."""
    while is_view(node):
        node = node.inputs[0]
    return node


def _is_fluid(node: Node) -> bool:
    """Whether a node takes its input's numbers one by one, wherever they come from."""
    if is_view(node):
        return not (isinstance(node.op, Reshape) and joins(node))
    return is_elementwise(node) or node.op.name in SUMS


def is_brief(expression: Expression) -> bool:
    """Whether a few simple operations make this of what is loaded or summed."""
    seen, left = set(), [expression]
    while left:
        found = left.pop()
        if isinstance(found, Apply) and id(found) not in seen:
            seen.add(id(found))
            if found.op.name not in SIMPLE or len(seen) > FEW_OPERATIONS:
                return False
            left += found.inputs
    return True
