"""Graph to graph, for loops that can leave zeros out: what other engines would lose by.

A convolution's input gradient is summed where it is needed, from windows over a frame of zeros,
instead of being spread out and added up in memory. Elementwise work on pieces that are put
together is done on the pieces.
"""

from collections import Counter
from collections.abc import Sequence

from chainrule.engines.native.access import identity, through
from chainrule.engines.native.kept_sigmoids import with_kept_sigmoids
from chainrule.engines.native.layouts import uses_of
from chainrule.engines.native.signs import with_signs_of_results
from chainrule.graph import Graph, Node, Shape, rewrite, with_inputs
from chainrule.ops.layout import OverlapAdd, Reshape, Transpose
from chainrule.ops.map import Map
from chainrule.ops.products import LETTERS, Contract, parts
from chainrule.window_rules import made


def rewritten(graph: Graph) -> Graph:
    """The same results from a graph that suits this engine."""
    graph = with_signs_of_results(with_kept_sigmoids(graph))
    moved = rewrite(graph.results, lambda node: _as_windows(node) or node)
    graph = graph.with_results([moved[node] for node in graph.results])
    uses = uses_of(graph)
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        new = with_inputs(node, tuple(found[child] for child in node.inputs))
        alone = [_is_read_once(child, uses) for child in node.inputs]
        found[node] = _on_pieces(new, alone) or new
    return graph.with_results([found[node] for node in graph.results])


def _as_windows(node: Node) -> Node | None:
    """OverlapAdd(Contract(δ, W)) as Contract(windows over framed δ, flipped W).

    y[p] = Σ_i δ[p - i] W[i] = Σ_k framed[p + k] W[n - 1 - k], with n - 1 zeros on either side.
    """
    if not isinstance(node.op, OverlapAdd) or not isinstance(node.inputs[0].op, Contract):
        return None
    params, contract = node.params, node.inputs[0]
    if set(params["strides"]) != {1} or set(params["dilations"]) != {1}:
        return None
    left, right, out = parts(contract.params["spec"])
    positions = [out[axis] for axis in params["axes"]]
    inside = list(out[node.ndim :])
    for which, (mine, other) in enumerate(((left, right), (right, left))):
        spread = all(x in mine and x not in other for x in positions)
        if not spread or any(x in mine or x not in other for x in inside):
            continue
        if not any(x not in out for x in mine):
            continue  # nothing is summed: the products would be no fewer
        delta, weight = contract.inputs[which], contract.inputs[1 - which]
        framed = _framed(node, delta, [mine.index(x) for x in positions])
        fresh = [x for x in LETTERS if x not in left + right][: len(inside)]
        slid = made(
            "windows",
            [framed],
            node,
            axes=tuple(mine.index(x) for x in positions),
            sizes=params["sizes"],
            strides=params["strides"],
            dilations=params["dilations"],
        )
        flipped = made("flip", [weight], node, axes=tuple(other.index(x) for x in inside))
        theirs = other
        for old, new in zip(inside, fresh, strict=True):
            theirs = theirs.replace(old, new)
        spec = f"{mine}{''.join(fresh)},{theirs}->{out[: node.ndim]}"
        return made("contract", [slid, flipped], node, spec=spec)
    return None


def _framed(node: Node, delta: Node, axes: Sequence[int]) -> Node:
    low, high = [0] * delta.ndim, [0] * delta.ndim
    columns = (axes, node.params["sizes"], node.params["lengths"])
    for axis, size, length in zip(*columns, strict=True):
        low[axis] = size - 1
        high[axis] = length - delta.shape[axis]
    frame = {"low": tuple(low), "high": tuple(high), "interior": (0,) * delta.ndim}
    return made("pad", [delta], node, **frame)


def _is_read_once(node: Node, uses: Counter[Node]) -> bool:
    """Whether it, and what it is a view of, has one reader."""
    while isinstance(node.op, Reshape | Transpose) and uses[node] == 1:
        node = node.inputs[0]
    return uses[node] == 1


def _on_pieces(node: Node, alone: Sequence[bool]) -> Node | None:
    """Map over a reshape that joins axes of a transpose: the other way round."""
    if not isinstance(node.op, Map):
        return None
    for place, joined in enumerate(node.inputs):
        if not alone[place] or not isinstance(joined.op, Reshape) or joined.shape != node.shape:
            continue
        turned = joined.inputs[0]
        if not isinstance(turned.op, Transpose) or not joins(joined):
            continue
        pieces = turned.inputs[0]
        if not isinstance(pieces.op, Map):
            continue
        others = [child for k, child in enumerate(node.inputs) if k != place]
        if any(child.shape not in ((), node.shape) for child in others):
            continue
        back = tuple(turned.params["axes"].index(axis) for axis in range(pieces.ndim))
        inputs = [
            pieces if k == place else _split(child, turned.shape, back, node)
            for k, child in enumerate(node.inputs)
        ]
        mapped = made(node.op.name, inputs, node, **node.params)
        again = made("transpose", [mapped], node, axes=turned.params["axes"])
        return made("reshape", [again], node, shape=node.shape)
    return None


def _split(child: Node, shape: Shape, axes: Shape, like: Node) -> Node:
    if child.ndim == 0:
        return child
    apart = made("reshape", [child], like, shape=shape)
    return made("transpose", [apart], like, axes=axes)


def joins(node: Node) -> bool:
    """Whether a reshape makes one axis of several, which no index can follow."""
    return through(node, identity(node.ndim), node.ndim) is None
