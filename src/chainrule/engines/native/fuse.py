"""Graph to kernels: what is computed together, and what gets memory of its own.

An elementwise node is computed where it is needed, inside the kernel of whoever needs it; it gets
a buffer only where several kernels would compute it again, or where an op reads it by address.
Layouts are views. Nodes of one shape share a kernel, and follow a contraction or a reduction while
its numbers are still in registers.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import (
    Affine,
    Buffer,
    Index,
    View,
    at,
    identity,
    is_view,
    row_major,
    stretched,
    through,
    view_through,
    whole,
)
from chainrule.engines.native.contractions import add_contraction
from chainrule.engines.native.inlining import SUMS, is_elementwise, remembered, seen_through
from chainrule.engines.native.kernels import (
    OPEN,
    Apply,
    Elementwise,
    Expression,
    Kernel,
    Load,
    Number,
    Program,
    Special,
    Store,
    forget_unread,
    is_block_by_block,
    loads,
)
from chainrule.engines.native.layouts import SAMPLES_TOGETHER, storage_orders, unread_pads
from chainrule.engines.native.pieces import add_concatenation, add_pad
from chainrule.engines.native.repeats import add_loop
from chainrule.engines.native.sums import add_reduction
from chainrule.graph import CAPTURED, CONSTANT, Graph, Node, Shape
from chainrule.ops import rows
from chainrule.ops.layout import Concatenate, Pad
from chainrule.ops.loop import Loop, Result
from chainrule.ops.products import Contract, parts
from chainrule.ops.reductions import Reduce

LINE, SET_BYTES = 64, 1024  # a cache line; rows this far apart meet in the same sets


def fuse(
    graph: Graph, parallel: bool, late: Sequence[Node] = (), spaced: Sequence[Node] = ()
) -> Program:
    """The kernels that compute a graph's results, in an order in which they can run.

    Where threads will divide them (`parallel`), long sums are cut into slices.

    `late` nodes, results all, share kernels with each other only: they will overwrite inputs, once
    everything else has been computed. Between the rows of `spaced` inputs there may be room.
    """
    # Threads must not write between each other's lines, so samples that are innermost lie in
    # blocks; not where somebody takes other samples than all, one after another.
    found = Fuser(graph, parallel, late, spaced, blocks=parallel).run()
    if not all(is_block_by_block(kernel) for kernel in found.kernels):
        return Fuser(graph, parallel, late, spaced, blocks=False).run()
    return found


class Fuser:
    def __init__(
        self,
        graph: Graph,
        parallel: bool,
        late: Sequence[Node],
        spaced: Sequence[Node],
        blocks: bool,
    ) -> None:
        self.graph, self.parallel, self.late = graph, parallel, set(late)
        self.spaced = set(spaced)
        self.nodes = graph.nodes
        self.results = list(graph.results)
        self.program = Program()
        self.kernels = self.program.kernels
        self.views: dict[Node, View] = {}
        self.maker: dict[Buffer, int] = {}
        self.known: dict[Kernel, dict[Node, Expression]] = {}
        self.copies: dict[tuple[Node, Shape], View] = {}
        self.orders, self.blocks = storage_orders(graph), blocks
        self.innermost = set(self.orders)  # nodes whose samples are
        self.unread = unread_pads(graph)
        self.memory = remembered(graph)

    def run(self) -> Program:
        for node in self.graph.inputs:
            buffer = self._spaced(node) if node in self.spaced else self._buffer(node)
            buffer.name = node.params["name"]
            self.program.inputs.append(buffer)
            self.views[node] = whole(buffer)
        for node in self.nodes:
            if node not in self.views:
                self._add(node)
        for node in self.results:
            self.program.results.append(self._result(node))
        forget_unread(self.program)
        return self.program

    # --- expressions ---

    def expression(
        self, node: Node, index: Index, rank: int, known: dict[Node, Expression]
    ) -> Expression:
        """What a node is at an index over the axes of a kernel of this rank."""
        memo: dict[Any, Expression] = {}
        own = identity(rank)

        def build(node: Node, index: Index) -> Expression:
            key = (node, index)
            if key not in memo:
                memo[key] = make(node, index)
            return memo[key]

        def make(node: Node, index: Index) -> Expression:
            if node in known and index == own[: len(index)]:
                return known[node]
            if node.op is CONSTANT and node.params["value"].ndim == 0:
                return Number(node.dtype, value=node.params["value"].item())
            inline = node not in self.views or seen_through(node) in known
            inner = through(node, index, rank) if inline and is_view(node) else None
            if inner is not None:
                return build(node.inputs[0], inner)
            if node in self.views:
                return Load(node.dtype, view=at(self.views[node], index, rank))
            assert not is_view(node), node  # such an input has a buffer
            if isinstance(node.op, Contract):
                left, right, out = parts(node.params["spec"])
                places = dict(zip(out, index, strict=True))
                inputs = tuple(
                    build(child, tuple(places[letter] for letter in letters))
                    for child, letters in zip(node.inputs, (left, right), strict=True)
                )
                return Apply(node.dtype, op=rows.multiply, inputs=inputs, params={})
            if isinstance(node.op, Reduce):
                return written_out(node, index)
            inputs = tuple(
                build(child, stretched(index, child.shape, node.shape, rank))
                for child in node.inputs
            )
            return Apply(node.dtype, op=node.op, inputs=inputs, params=node.params)

        def written_out(node: Node, index: Index) -> Expression:
            """A sum over a few places, term by term."""
            (x,), axes = node.inputs, node.params["axes"]
            kept = [axis for axis in range(x.ndim) if axis not in axes]
            where = dict(zip(kept, index, strict=True))
            terms = []
            for places in product(*(range(x.shape[axis]) for axis in axes)):
                where |= {
                    axis: Affine(k, (0,) * rank) for axis, k in zip(axes, places, strict=True)
                }
                terms.append(build(x, tuple(where[axis] for axis in range(x.ndim))))
            add = lambda a, b: Apply(node.dtype, op=rows.add, inputs=(a, b), params={})
            return reduce(add, terms)

        return build(node, index)

    # --- kernels ---

    def _buffer(self, node: Node, shape: Shape | None = None) -> Buffer:
        return Buffer(node.shape if shape is None else shape, node.dtype, node.op.name)

    def _spaced(self, node: Node) -> Buffer:
        """A buffer with room between its rows, where that helps and nobody reads it as a whole."""
        buffer = self._buffer(node)
        if node in self.memory.matrices:
            # Rows that begin a power of two apart would compete for the same lines of a cache.
            row = node.shape[-1] * node.dtype.itemsize
            buffer.padded = LINE // node.dtype.itemsize if row % SET_BYTES == 0 else 0
        return buffer

    def append(self, kernel: Kernel) -> Kernel:
        self.kernels.append(kernel)
        for view in kernel.writes:
            self.maker[view.buffer] = len(self.kernels) - 1
        return kernel

    def placed(self, node: Node) -> View:
        """A buffer of its own for a node, its axes in the order that suits its readers."""
        order = self.orders.get(node)
        if order is None:
            return whole(self._spaced(node))
        return self._ordered(node, order)

    def _ordered(self, node: Node, order: Sequence[int]) -> View:
        """A buffer for a node's axes in this order; samples that come last lie in blocks."""
        buffer = self._buffer(node, tuple(node.shape[axis] for axis in order))
        if self.blocks and node in self.innermost and order[-1] == 0:
            buffer.block = SAMPLES_TOGETHER if node.shape[0] > SAMPLES_TOGETHER else 0
        steps = dict(zip(order, buffer.strides, strict=True))
        return View(buffer, 0, tuple(steps[axis] for axis in range(node.ndim)))

    def copied_in_order(self, node: Node, view: View, order: Sequence[int]) -> View:
        """A copy of a node's numbers with its axes in this order, made once."""
        key = (node, tuple(order))
        if key not in self.copies:
            target = self._ordered(node, order)
            self.append(Elementwise(node.shape, [Store(Load(node.dtype, view=view), target)]))
            self.copies[key] = target
        return self.copies[key]

    def _add(self, node: Node) -> None:
        op = node.op
        if node.op is CONSTANT or node.op is CAPTURED:
            self._leaf(node)
        elif is_view(node):
            self.view(node)
        elif is_elementwise(node):
            if node in self.memory.needed:
                self._elementwise(node)
        elif isinstance(op, Contract):
            add_contraction(self, node)
        elif isinstance(op, Reduce) and op.name in SUMS:
            add_reduction(self, node)
        elif isinstance(op, Loop):
            add_loop(self, node)
        elif isinstance(op, Result):
            pass  # its buffer was made with the loop
        elif isinstance(op, Pad):
            add_pad(self, node)
        elif isinstance(op, Concatenate):
            add_concatenation(self, node)
        else:
            self._special(node)

    def _leaf(self, node: Node) -> None:
        if node.op is CONSTANT:
            value = np.ascontiguousarray(node.params["value"])
            buffer = Buffer(node.shape, node.dtype, "constant", constant=value)
            self.program.constants.append(buffer)
        else:
            buffer = Buffer(node.shape, node.dtype, "captured")
            self.program.captured.append((buffer, node))
        self.views[node] = whole(buffer)

    def view(self, node: Node) -> None:
        source = self.views.get(node.inputs[0])
        if source is None:
            return  # inline: its input is computed where it is needed
        found = view_through(node, source)
        if found is None:  # a reshape of numbers that do not lie in that order
            found = self._copied(node.inputs[0], self._buffer(node))
        self.views[node] = found

    def _copied(self, node: Node, buffer: Buffer) -> View:
        """A copy of a node's numbers, in row-major order, in a buffer of as many."""
        self._joined(node, View(buffer, 0, row_major(node.shape)))
        return whole(buffer)

    def _elementwise(self, node: Node) -> None:
        target = self.placed(node)
        kernel, value = self._joined(node, target)
        if node not in self.memory.ends:
            self.known.setdefault(kernel, {})[node] = value
        self.views[node] = target

    def _joined(self, node: Node, target: View) -> tuple[Kernel, Expression]:
        """Have a node's numbers written by an earlier kernel of its shape, or by one of its own."""
        found = self.followed(node, target, lambda kernel: True)
        if found is not None:
            return found
        value = self.expression(node, identity(node.ndim), node.ndim, {})
        store = Store(value, target)
        return self.append(Elementwise(node.shape, [store], late=node in self.late)), value

    def followed(
        self, node: Node, target: View, fits: Callable[[Kernel], bool]
    ) -> tuple[Kernel, Expression] | None:
        """The same by an earlier kernel only, where one fits."""
        rank = len(node.shape)
        first = max([0, *(self.made(v) for v in self._loads(node))])
        for place in range(first, len(self.kernels)):
            kernel = self.kernels[place]
            if kernel.shape != node.shape or not isinstance(kernel, OPEN) or not fits(kernel):
                continue
            if kernel.late != (node in self.late):
                continue
            known = self.known.get(kernel, {})
            axes = len(kernel.lengths)
            value = self.expression(node, identity(axes)[:rank], axes, known)
            written = {view.buffer for view in kernel.writes}
            if any(view.buffer in written for view in loads([value])):
                continue
            if any(self.made(view) >= place for view in loads([value])):
                continue
            kernel.stores.append(Store(value, target))
            self.maker[target.buffer] = place
            return kernel, value
        return None

    def _loads(self, node: Node) -> list[View]:
        rank = len(node.shape)
        return loads([self.expression(node, identity(rank), rank, {})])

    def made(self, view: View) -> int:
        return self.maker.get(view.buffer, -1)

    # --- others ---

    def _special(self, node: Node) -> None:
        operands = [self.dense(child) for child in node.inputs]
        buffer = self._buffer(node)
        own = node.op.name in ("gather", "scatter_add", "argmax", "argmin")
        kernel = Special(node.shape, node=node, operands=operands, target=buffer, own=own)
        self.append(kernel)
        self.views[node] = whole(buffer)
        if node in self.orders:
            self.views[node] = self.copied_in_order(node, whole(buffer), self.orders[node])

    def dense(self, node: Node) -> Buffer:
        """A buffer that holds a node's numbers, and nothing else, in row-major order."""
        view = self.views.get(node)
        if view is not None and view.offset == 0 and view.buffer.size == prod(node.shape):
            strides = zip(node.shape, view.strides, row_major(node.shape), strict=True)
            if all(length == 1 or a == b for length, a, b in strides):
                return view.buffer
        buffer = self._buffer(node)
        self._copied(node, buffer)
        return buffer

    def of_body(self, body: Graph, constants: int) -> Program:
        """The kernels of a loop's body, whose first inputs are the loop's constants."""
        return fuse(body, self.parallel, spaced=body.inputs[:constants])

    def as_constant(self, node: Node, inner: Buffer) -> Buffer:
        """A node's numbers where a loop reads them: with the same room between the rows."""
        if not inner.padded:
            return self.dense(node)
        buffer = self._buffer(node)
        buffer.padded = inner.padded
        self._joined(node, whole(buffer))
        return buffer

    # --- results ---

    def _result(self, node: Node) -> Buffer:
        """The buffer of a result, which nothing else may be: a copy where it is an input's."""
        view = self.views.get(node)
        taken = {*self.program.inputs, *self.program.results, *self.program.constants}
        taken |= {buffer for buffer, _ in self.program.captured}
        if view is not None:
            buffer = self.dense(node)
            if buffer not in taken:
                return buffer
        buffer = self._buffer(node)
        self._copied(node, buffer)
        return buffer
