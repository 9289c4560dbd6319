"""In which order the axes of a node lie in memory, where that is not the order of the node.

Images have few features and many samples. With the samples innermost, vectors run along them:
whatever the number of features, no lane is idle, and windows need no copies. Blocks of samples
follow each other, each with all features: threads, which divide the samples, then write apart from
each other. In lines that lie side by side, a core's prefetcher takes those that the other writes.
"""

from collections import Counter

from chainrule.graph import Graph, Node, Shape
from chainrule.ops.layout import Pad, Reshape, Transpose, Windows
from chainrule.ops.products import Contract, parts

LEAST_SAMPLES = 32  # of a batch whose samples are innermost
SAMPLES_TOGETHER = 64  # in a block: as many as the vectors of a tile hold


def storage_orders(graph: Graph) -> dict[Node, Shape]:
    """For each node that wants another order, its axes from the outermost to the innermost."""
    batches = {node.shape[0] for node in graph.nodes if _slides_over_samples(node)}
    users = users_of(graph)
    found: dict[Node, Shape] = {}
    for node in reversed(graph.nodes):
        if node.ndim < 2 or node.shape[0] not in batches:
            continue
        follows = [user for user in users[node] if isinstance(user.op, Reshape) and user in found]
        if node.ndim > 2 or follows:
            found[node] = _samples_last(node, users)
    return found


def users_of(graph: Graph) -> dict[Node, list[Node]]:
    users: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for child in node.inputs:
            users[child].append(node)
    return users


def uses_of(graph: Graph) -> Counter[Node]:
    """How often each node is read, as a result too."""
    uses = Counter(child for node in graph.nodes for child in node.inputs)
    uses.update(graph.results)
    return uses


def _slides_over_samples(node: Node) -> bool:
    """Whether it multiplies windows of several samples, one by one, with the same numbers."""
    if not isinstance(node.op, Contract) or not node.shape or node.shape[0] < LEAST_SAMPLES:
        return False
    left, right, out = parts(node.params["spec"])
    return any(
        isinstance(child.op, Windows)
        and 0 not in child.params["axes"]
        and letters[0] == out[0]
        and letters[0] not in other
        for letters, other, child in zip((left, right), (right, left), node.inputs, strict=True)
    )


def _samples_last(node: Node, users: dict[Node, list[Node]]) -> Shape:
    """The order in which a transpose that joins axes afterwards finds them, the samples last."""
    order: Shape = tuple(range(node.ndim))
    if len(users[node]) == 1 and isinstance(users[node][0].op, Transpose):
        order = users[node][0].params["axes"]
    return (*(axis for axis in order if axis != 0), 0)


def unread_pads(graph: Graph) -> set[Node]:
    """Zeros around windows that only products read: their loops can leave them out."""
    users = users_of(graph)
    results = set(graph.results)
    return {
        node
        for node in graph.nodes
        if isinstance(node.op, Pad)
        and node not in results
        and not any(node.params["interior"])
        and all(edge >= 0 for edge in (*node.params["low"], *node.params["high"]))
        and users[node]
        and all(_is_clippable(user, node, users[user]) for user in users[node])
    }


def _is_clippable(windows: Node, pad: Node, users: list[Node]) -> bool:
    if not isinstance(windows.op, Windows) or not users:
        return False
    axes, params = windows.params["axes"], windows.params
    if set(params["strides"]) != {1} or set(params["dilations"]) != {1}:
        return False
    edges = zip(pad.params["low"], pad.params["high"], strict=True)
    if any((low or high) and axis not in axes for axis, (low, high) in enumerate(edges)):
        return False
    return all(isinstance(user.op, Contract) and _once(user, windows, axes) for user in users)


def _once(product: Node, windows: Node, axes: Shape) -> bool:
    """Whether, of each pair of axes that slides, one is the result's and one is summed."""
    if product.inputs[0] is product.inputs[1]:
        return False
    left, right, out = parts(product.params["spec"])
    letters = left if product.inputs[0] is windows else right
    rank = windows.inputs[0].ndim
    pairs = [(letters[axis], letters[rank + which]) for which, axis in enumerate(axes)]
    return all((a in out) != (b in out) for a, b in pairs)
