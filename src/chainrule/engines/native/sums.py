"""Sums, maxima and minima as kernels: in slices that threads share, beside others, or alone."""

from math import prod
from typing import TYPE_CHECKING

from chainrule.engines.native.access import Buffer, View, identity, whole
from chainrule.engines.native.inlining import SIMPLE
from chainrule.engines.native.kernels import (
    Apply,
    Expression,
    Kernel,
    Load,
    Product,
    Reduction,
    Store,
    Total,
    loads,
    walk,
)
from chainrule.engines.native.loops import FEW_PLACES
from chainrule.engines.native.slicing import slices
from chainrule.graph import Node, Shape
from chainrule.ops.reductions import Reduce

if TYPE_CHECKING:
    from chainrule.engines.native.fuse import Fuser


def add_reduction(fuser: "Fuser", node: Node) -> None:
    (x,) = node.inputs
    axes = node.params["axes"]
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    order = [*kept, *axes]
    summed = tuple(x.shape[axis] for axis in axes)
    shape = tuple(x.shape[axis] for axis in kept)
    if _beside(fuser, node, summed):
        return
    count = 1
    if fuser.parallel and node.op.name == "sum" and kept and axes[0] == 0:
        count = slices(prod(shape), prod(summed), summed[0], prod(x.shape))
    before = int(count > 1)  # axes that count slices
    units = identity(len(order) + before)[before:]
    index = tuple(units[order.index(axis)] for axis in range(len(order)))
    body = fuser.expression(x, index, len(order) + before, {})
    if count == 1:
        add_total(fuser, node, shape, summed, body)
        return
    add_slices(
        fuser, node, Reduction((count, *shape), cut=1 + len(shape), summed=summed, body=body)
    )


def _beside(fuser: "Fuser", node: Node, summed: Shape) -> bool:
    """Add up a few simple terms where a kernel looks at the same places one by one."""

    def fits(kernel: Kernel) -> bool:
        if not isinstance(kernel, Reduction) or kernel.cut is not None:
            return False
        kept = len(kernel.shape)
        across = all(1 not in view.strides[kept:] for view in loads([kernel.body]))
        return kernel.summed == summed and across

    if node.op.name != "sum" or not 0 < prod(summed) <= FEW_PLACES:
        return False
    value = fuser.expression(node, identity(node.ndim), node.ndim, {})
    if any(isinstance(p, Apply) and p.op.name not in (*SIMPLE, "cast") for p in walk(value)):
        return False
    target = fuser.placed(node)
    if fuser.followed(node, target, fits) is None:
        return False
    fuser.views[node] = target
    return True


def add_slices(fuser: "Fuser", node: Node, kernel: Reduction | Product) -> None:
    """Add up what a kernel gives for each slice."""
    partial = Buffer(kernel.shape, node.dtype, "slices")
    kernel.stores.append(Store(Total(node.dtype), whole(partial)))
    fuser.append(kernel)
    shape = kernel.shape[1:]
    step, *others = whole(partial).strides
    body = Load(node.dtype, view=View(partial, 0, (*others, step)))
    add_total(fuser, node, shape, kernel.shape[:1], body)


def add_total(fuser: "Fuser", node: Node, shape: Shape, summed: Shape, body: Expression) -> None:
    how = node.op.name if isinstance(node.op, Reduce) else "sum"
    if not shape and len(summed) > 1 and prod(summed) > 4096 and how == "sum":
        # Row by row first, which threads can divide, and in the order that others keep.
        partial = Buffer(summed[:1], node.dtype, "rows")
        total = Total(node.dtype)
        rows_of = Reduction(summed[:1], summed=summed[1:], body=body)
        rows_of.stores.append(Store(total, whole(partial)))
        fuser.append(rows_of)
        body, summed = Load(node.dtype, view=View(partial, 0, (1,))), summed[:1]
    target = fuser.placed(node)
    total = Total(node.dtype)
    kernel = Reduction(shape, summed=summed, how=how, body=body)
    kernel.stores.append(Store(total, target))
    fuser.append(kernel)
    fuser.known[kernel] = {node: total}
    fuser.views[node] = target
