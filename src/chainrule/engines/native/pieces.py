"""Results that are put together of pieces: joined, or with zeros around and between them."""

from typing import TYPE_CHECKING

from chainrule.engines.native.access import View, identity
from chainrule.engines.native.kernels import OPEN, Elementwise, Fill, Kernel, Store
from chainrule.graph import Node
from chainrule.ops.layout import Windows

if TYPE_CHECKING:
    from chainrule.engines.native.fuse import Fuser


def add_pad(fuser: "Fuser", node: Node) -> None:
    (x,) = node.inputs
    low, gaps = node.params["low"], node.params["interior"]
    if node in fuser.unread:
        # As if there were zeros around it: whoever slides over it stays inside.
        view = fuser.views[x]
        before = sum(a * s for a, s in zip(low, view.strides, strict=True))
        fuser.views[node] = View(view.buffer, view.offset - before, view.strides)
        return
    target = fuser.placed(node)
    fill = fuser.append(Fill(target.buffer.shape, target=target.buffer))
    offset = sum(a * s for a, s in zip(low, target.strides, strict=True))
    steps = tuple((gap + 1) * s for gap, s in zip(gaps, target.strides, strict=True))
    _write(fuser, x, View(target.buffer, offset, steps), fill)
    fuser.views[node] = target


def fill_pad(fuser: "Fuser", windows: Node) -> None:
    """Give windows real zeros to slide over, where their reader cannot leave them out."""
    pad = windows.inputs[0] if isinstance(windows.op, Windows) else None
    if pad in fuser.unread:
        fuser.unread.remove(pad)
        add_pad(fuser, pad)
        fuser.view(windows)


def add_concatenation(fuser: "Fuser", node: Node) -> None:
    target = fuser.placed(node)
    axis, begin = node.params["axis"], 0
    for x in node.inputs:
        piece = View(target.buffer, begin * target.strides[axis], target.strides)
        if not _is_made_there(fuser, x, piece):
            _write(fuser, x, piece, None)
        begin += x.shape[axis]
    fuser.views[node] = target


def _is_made_there(fuser: "Fuser", node: Node, target: View) -> bool:
    """Let the kernel that computes a node put it there, if nobody else reads the node."""
    view = fuser.views.get(node)
    place = None if view is None else fuser.maker.get(view.buffer)
    if place is None or fuser.memory.uses[node] > 1 or node in fuser.orders:
        return False
    kernel = fuser.kernels[place]
    if not isinstance(kernel, OPEN) or kernel.shape != node.shape:
        return False
    own = [store for store in kernel.stores if store.view is view]
    if len(own) != 1:
        return False
    own[0].view = fuser.views[node] = target
    fuser.maker[target.buffer] = max(fuser.made(target), place)
    return True


def _write(fuser: "Fuser", node: Node, target: View, after: Kernel | None) -> None:
    rank = len(node.shape)
    value = fuser.expression(node, identity(rank), rank, {})
    kernel = Elementwise(node.shape, [Store(value, target)])
    if after is not None:
        kernel.after.append(after)
    fuser.append(kernel)
