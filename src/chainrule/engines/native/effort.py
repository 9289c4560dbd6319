"""About how much a graph computes, to decide whether a second thread is worth its company."""

from math import prod

from chainrule.graph import Graph, Leaf, Node
from chainrule.ops.loop import Loop, Result
from chainrule.ops.products import Contract, parts
from chainrule.ops.reductions import Reduce

# Operations below which other threads cost more than they bring: their caches have to fetch from
# each other what the other has written.
PARALLEL_WORK = 1_000_000.0


def is_parallel(graph: Graph) -> bool:
    return work_of(graph) >= PARALLEL_WORK


def work_of(graph: Graph) -> float:
    """Operations, where a multiplication and addition of a product count half: they are fast."""
    return sum(_work(node) for node in graph.nodes)


def _work(node: Node) -> float:
    if isinstance(node.op, Leaf | Result):
        return 0.0
    if isinstance(node.op, Loop):
        return float(node.params["length"] * work_of(node.params["body"]))
    if isinstance(node.op, Contract):
        left, right, _ = parts(node.params["spec"])
        pairs = zip(left + right, (*node.inputs[0].shape, *node.inputs[1].shape), strict=True)
        return prod(dict(pairs).values()) / 2
    if isinstance(node.op, Reduce):
        return float(prod(node.inputs[0].shape))
    return float(prod(node.shape))
