"""Which function writes which kind of kernel."""

from collections.abc import Callable
from math import prod

from chainrule.engines.native.elementwise import write_elementwise, write_fill
from chainrule.engines.native.ir import Module
from chainrule.engines.native.kernels import (
    Elementwise,
    Fill,
    Kernel,
    Product,
    Reduction,
    Special,
)
from chainrule.engines.native.listing import described
from chainrule.engines.native.loops import KernelWriter, Place
from chainrule.engines.native.plan import is_divided
from chainrule.engines.native.products import write_product
from chainrule.engines.native.reductions import write_reduction
from chainrule.engines.native.specials import write_special

WRITERS: dict[type[Kernel], Callable[[KernelWriter], None]] = {
    Elementwise: write_elementwise,
    Reduction: write_reduction,
    Product: write_product,
    Fill: write_fill,
    Special: write_special,
}


def write_kernel(module: Module, name: str, kernel: Kernel, parallel: bool) -> None:
    """Add the function of a kernel to a module."""
    writer = KernelWriter(module, name, kernel, parallel and is_divided(kernel))
    if prod(kernel.shape) or isinstance(kernel, Special):  # which looks at its indices anyway
        _write(writer)
    module.add(f"; {described(kernel)}\n{writer.b.text()}")


def _write(writer: KernelWriter) -> None:
    write = WRITERS[type(writer.kernel)]
    if not writer.divided or writer.kernel.cut is not None:
        write(writer)
        return

    def block(bounds: tuple[Place, Place]) -> None:
        writer.bounds = bounds
        write(writer)

    writer.by_blocks(0, writer.bounds, block)
