"""Kernels in words: the comments above their functions in a listing."""

from collections.abc import Sequence

from chainrule.engines.native.access import Buffer
from chainrule.engines.native.kernels import Kernel, Product, Reduction, Repeat, Special


def described(kernel: Kernel) -> str:
    """What a kernel computes, over which axes, and what it reads and writes."""
    axes = _times(kernel.shape) or "one number"
    parts = [f"{_name(kernel)}, {axes}"]
    if isinstance(kernel, Product | Reduction):
        parts.append(f"summed over {_times(kernel.summed)}")
    if isinstance(kernel, Product):
        lanes = f"vectors along axis {kernel.lanes}"
        parts.append(lanes if kernel.rows is None else f"{lanes}, tiles along axis {kernel.rows}")
    if kernel.cut is not None:
        parts.append(f"axis 0 counts slices of axis {kernel.cut}")
    read = [view.buffer for view in kernel.reads] + kernel.everywhere
    written = [view.buffer for view in kernel.writes]
    return f"{'; '.join(parts)}: {_names(read) or 'nothing'} -> {_names(written)}"


def _name(kernel: Kernel) -> str:
    if isinstance(kernel, Special):
        return str(kernel.node.op.name)
    if isinstance(kernel, Reduction):
        return kernel.how
    return "loop" if isinstance(kernel, Repeat) else type(kernel).__name__.lower()


def _times(lengths: Sequence[int]) -> str:
    return " × ".join(map(str, lengths))


def _names(buffers: Sequence[Buffer]) -> str:
    return ", ".join(dict.fromkeys(buffer.name for buffer in buffers))
