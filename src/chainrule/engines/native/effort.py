"""About how much a graph computes, to decide whether a second thread is worth its company."""

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeVar

from chainrule.engines.native.kernels import Kernel
from chainrule.engines.native.plan import barriers_of
from chainrule.graph import Graph, Leaf, Node
from chainrule.ops.loop import Loop, Result
from chainrule.ops.products import Contract, parts
from chainrule.ops.reductions import Reduce

T = TypeVar("T")

# Operations below which other threads cost more than they bring: their caches have to fetch from
# each other what the other has written. At every barrier they do so again.
PARALLEL_WORK = 1_000_000.0
BARRIERS = 6  # for so much work
WAKING = 8.0  # times as much for a single call, whose threads must be woken first


def is_parallel(graph: Graph, least: float = 1.0, barriers: int = 0) -> bool:
    """Whether threads should share the work, with so many barriers as far as they are known."""
    return work_of(graph) >= PARALLEL_WORK * max(least, barriers / BARRIERS)


def divided(
    graph: Graph,
    make: Callable[[bool], T],
    kernels: Callable[[T], Sequence[Kernel]],
    least: float = 1.0,
) -> tuple[T, bool]:
    """What `make` makes of a graph for several threads, where they are worth their barriers, or
    else for one; and whether it is for several.
    """
    if is_parallel(graph, least):
        found = make(True)
        if is_parallel(graph, least, barriers_of(kernels(found))):
            return found, True
    return make(False), False


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
