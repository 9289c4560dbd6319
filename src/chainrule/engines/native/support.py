"""Which graphs this engine compiles."""

from chainrule.engines.native.access import is_view
from chainrule.engines.native.inlining import is_elementwise
from chainrule.engines.native.specials import SPECIALS
from chainrule.graph import VOID, Graph, Leaf, Node
from chainrule.ops.layout import Concatenate, Pad
from chainrule.ops.loop import Loop, Result
from chainrule.ops.products import Contract
from chainrule.ops.reductions import Extreme

KINDS = (Concatenate, Contract, Extreme, Leaf, Pad, Result)


MOST_NODES = 5000  # about five seconds of compilation; longer graphs are unrolled loops


def is_supported(graph: Graph) -> bool:
    """Whether every op of a graph is compiled, and not so many that it would take long."""
    return len(graph.nodes) <= MOST_NODES and all(_is_supported(node) for node in graph.nodes)


def _is_supported(node: Node) -> bool:
    if isinstance(node.op, Loop):
        return is_supported(node.params["body"])
    if node.dtype != VOID and not _fits(node):
        return False
    known = isinstance(node.op, KINDS) or is_view(node) or is_elementwise(node)
    return known or node.op.name == "sum" or node.op.name in SPECIALS


def _fits(node: Node) -> bool:
    kind, size = node.dtype.kind, node.dtype.itemsize
    return node.dtype.isnative and (size in (4, 8) if kind == "f" else kind in "biu")
