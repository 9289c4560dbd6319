"""Graph to kernels: what is computed together, and what gets memory of its own.

An elementwise node is computed where it is needed, inside the kernel of whoever needs it; it gets
a buffer only where several kernels would compute it again, or where an op reads it by address.
Layouts are views. Nodes of one shape share a kernel, and follow a contraction or a reduction while
its numbers are still in registers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import (
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
from chainrule.engines.native.contractions import add_contraction, summed_letters
from chainrule.engines.native.kernels import (
    Apply,
    Elementwise,
    Expression,
    Fill,
    Kernel,
    Load,
    Number,
    Product,
    Reduction,
    Repeat,
    Special,
    Store,
    Total,
    loads,
)
from chainrule.engines.native.layouts import storage_orders, unread_pads
from chainrule.engines.native.loop_constants import with_turned_constants
from chainrule.engines.native.rewrites import joins
from chainrule.engines.native.slicing import slices
from chainrule.graph import CAPTURED, CONSTANT, Graph, Node, Shape
from chainrule.ops import rows
from chainrule.ops.layout import Concatenate, Pad, Reshape, Windows
from chainrule.ops.loop import Loop, Result
from chainrule.ops.map import Map
from chainrule.ops.products import Contract, parts
from chainrule.ops.reductions import Reduce

LINE, SET_BYTES = 64, 1024  # a cache line; rows this far apart meet in the same sets
CHEAP = 2  # operations that may be done again rather than stored
COSTS = {"divide": 6, "sqrt": 6, "reciprocal": 6, "power": 40, "remainder": 10, "cast": 1}
SIMPLE = {
    *("add", "subtract", "multiply", "negative", "square", "absolute", "maximum", "minimum"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "where", "relu"),
    *("logical_and", "logical_or", "logical_not", "sign", "floor", "ceil", "clip", "copysign"),
}


@dataclass(eq=False)
class Program:
    """The kernels of one graph, and the buffers that its caller knows."""

    kernels: list[Kernel] = field(default_factory=list)
    inputs: list[Buffer] = field(default_factory=list)
    captured: list[tuple[Buffer, Node]] = field(default_factory=list)
    constants: list[Buffer] = field(default_factory=list)
    results: list[Buffer] = field(default_factory=list)


def fuse(graph: Graph, parallel: bool, late: Sequence[Node] = ()) -> Program:
    """The kernels that compute a graph's results, in an order in which they can run.

    Where threads will divide them (`parallel`), long sums are cut into slices.

    `late` nodes, results all, share kernels with each other only: they will overwrite inputs, once
    everything else has been computed.
    """
    return Fuser(graph, parallel, late).run()


def is_elementwise(node: Node) -> bool:
    """Maps, and products that sum over nothing."""
    if isinstance(node.op, Contract):
        return not summed_letters(node.params["spec"])
    return isinstance(node.op, Map)


class Fuser:
    def __init__(self, graph: Graph, parallel: bool, late: Sequence[Node]) -> None:
        self.graph, self.parallel, self.late = graph, parallel, set(late)
        self.nodes = graph.nodes
        self.results = list(graph.results)
        self.program = Program()
        self.kernels = self.program.kernels
        self.views: dict[Node, View] = {}
        self.maker: dict[Buffer, int] = {}
        self.loops: dict[Node, Repeat] = {}
        self.known: dict[Kernel, dict[Node, Expression]] = {}
        self.matrices: set[Node] = set()
        self.copies: dict[tuple[Node, Shape], View] = {}
        self.orders = storage_orders(graph)
        self.innermost = set(self.orders)  # nodes whose samples are
        self.unread = unread_pads(graph)
        self.needed = self._needed()

    def run(self) -> Program:
        for node in self.graph.inputs:
            buffer = Buffer(node.shape, node.dtype, node.params["name"])
            self.program.inputs.append(buffer)
            self.views[node] = whole(buffer)
        for node in self.nodes:
            if node not in self.views:
                self._add(node)
        for node in self.results:
            self.program.results.append(self._result(node))
        forget_unread(self.program)
        return self.program

    # --- what gets memory ---

    def _needed(self) -> set[Node]:
        """The elementwise nodes that need a buffer."""
        users: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for child in node.inputs:
                users[child].append(node)
        needed = {node for node in self.results if is_elementwise(node)}
        sites: Counter[Node] = Counter()
        results = set(self.results)
        for node in reversed(self.nodes):
            kinds = [is_elementwise(user) or isinstance(user.op, Contract) for user in users[node]]
            if len(node.shape) == 2 and node not in results and all(kinds):
                self.matrices.add(node)
            spread = False
            for user in users[node]:
                inline = (is_view(user) or is_elementwise(user)) and user not in needed
                sites[node] += max(sites[user], 1) if is_view(user) and inline else 1
                spread = spread or (prod(user.shape) > prod(node.shape))
                if not _is_fluid(user):
                    self._address(node, needed)
            if is_elementwise(node) and node not in needed:
                cost = self._cost(node, users)
                if (sites[node] > 1 or spread) and cost > CHEAP:
                    needed.add(node)
        return needed

    def _address(self, node: Node, needed: set[Node]) -> None:
        while is_view(node):
            node = node.inputs[0]
        if is_elementwise(node):
            needed.add(node)

    def _cost(self, node: Node, users: dict[Node, list[Node]]) -> int:
        name = node.op.name
        own = COSTS.get(name, 1 if name in SIMPLE or isinstance(node.op, Contract) else 15)
        for child in node.inputs:
            while is_view(child):
                child = child.inputs[0]
            if is_elementwise(child) and len(users[child]) == 1:
                own += self._cost(child, users)
        return own

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
            if node in self.views:
                return Load(node.dtype, view=at(self.views[node], index, rank))
            if is_view(node):
                inner = through(node, index, rank)
                assert inner is not None, node  # such an input has a buffer
                return build(node.inputs[0], inner)
            if isinstance(node.op, Contract):
                left, right, out = parts(node.params["spec"])
                places = dict(zip(out, index, strict=True))
                inputs = tuple(
                    build(child, tuple(places[letter] for letter in letters))
                    for child, letters in zip(node.inputs, (left, right), strict=True)
                )
                return Apply(node.dtype, op=rows.multiply, inputs=inputs, params={})
            inputs = tuple(
                build(child, stretched(index, child.shape, rank)) for child in node.inputs
            )
            return Apply(node.dtype, op=node.op, inputs=inputs, params=node.params)

        return build(node, index)

    # --- kernels ---

    def _buffer(self, node: Node, shape: Shape | None = None) -> Buffer:
        return Buffer(node.shape if shape is None else shape, node.dtype, node.op.name)

    def _spaced(self, node: Node) -> Buffer:
        """A buffer with room between its rows, where that helps and nobody reads it as a whole."""
        buffer = self._buffer(node)
        if node in self.matrices:
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
        buffer = self._buffer(node, tuple(node.shape[axis] for axis in order))
        steps = dict(zip(order, buffer.strides, strict=True))
        return View(buffer, 0, tuple(steps[axis] for axis in range(node.ndim)))

    def copied_in_order(self, node: Node, view: View, order: Sequence[int]) -> View:
        """A copy of a node's numbers with its axes in this order, made once."""
        key = (node, tuple(order))
        if key not in self.copies:
            buffer = self._buffer(node, tuple(node.shape[axis] for axis in order))
            steps = dict(zip(order, buffer.strides, strict=True))
            target = View(buffer, 0, tuple(steps[axis] for axis in range(node.ndim)))
            self.append(Elementwise(node.shape, [Store(Load(node.dtype, view=view), target)]))
            self.copies[key] = target
        return self.copies[key]

    def _add(self, node: Node) -> None:
        op = node.op
        if node.op is CONSTANT or node.op is CAPTURED:
            self._leaf(node)
        elif is_view(node):
            self._view(node)
        elif is_elementwise(node):
            if node in self.needed:
                self._elementwise(node)
        elif isinstance(op, Contract):
            add_contraction(self, node)
        elif isinstance(op, Reduce) and op.name in _SUMS:
            self._reduce(node)
        elif isinstance(op, Loop):
            self._loop(node)
        elif isinstance(op, Result):
            pass  # its buffer was made with the loop
        elif isinstance(op, Pad):
            self._pad(node)
        elif isinstance(op, Concatenate):
            self._concatenate(node)
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

    def _view(self, node: Node) -> None:
        source = self.views.get(node.inputs[0])
        if source is None:
            return  # inline: its input is computed where it is needed
        found = view_through(node, source)
        if found is None:  # a reshape of numbers that do not lie in that order
            found = self._copied(node.inputs[0], self._buffer(node))
        self.views[node] = found

    def _copied(self, node: Node, buffer: Buffer) -> View:
        """A copy of a node's numbers, in row-major order, in a buffer of as many."""
        rank = len(node.shape)
        value = self.expression(node, identity(rank), rank, {})
        target = View(buffer, 0, row_major(node.shape))
        self.append(Elementwise(node.shape, [Store(value, target)]))
        return whole(buffer)

    def _elementwise(self, node: Node) -> None:
        target = self.placed(node)
        rank = len(node.shape)
        own = identity(rank)
        first = max([0, *(self._made(v) for v in self._loads(node))])
        for place in range(first, len(self.kernels)):
            kernel = self.kernels[place]
            if kernel.shape != node.shape or not isinstance(kernel, _OPEN):
                continue
            if kernel.late != (node in self.late):
                continue
            known = self.known.setdefault(kernel, {})
            axes = len(kernel.lengths)
            index = own if axes == rank else identity(axes)[:rank]
            value = self.expression(node, index, axes, known)
            written = {view.buffer for view in kernel.writes}
            if any(view.buffer in written for view in loads([value])):
                continue
            if any(self._made(view) >= place for view in loads([value])):
                continue
            kernel.stores.append(Store(value, target))
            self.maker[target.buffer] = place
            break
        else:
            value = self.expression(node, own, rank, {})
            kernel = Elementwise(node.shape, [Store(value, target)], late=node in self.late)
            self.append(kernel)
            known = self.known.setdefault(kernel, {})
        known[node] = value
        self.views[node] = target

    def _loads(self, node: Node) -> list[View]:
        rank = len(node.shape)
        return loads([self.expression(node, identity(rank), rank, {})])

    def _made(self, view: View) -> int:
        return self.maker.get(view.buffer, -1)

    # --- sums ---

    def _reduce(self, node: Node) -> None:
        (x,) = node.inputs
        axes = node.params["axes"]
        kept = [axis for axis in range(len(x.shape)) if axis not in axes]
        order = [*kept, *axes]
        units = identity(len(order))
        index = tuple(units[order.index(axis)] for axis in range(len(order)))
        body = self.expression(x, index, len(order), {})
        summed = tuple(x.shape[axis] for axis in axes)
        shape = tuple(x.shape[axis] for axis in kept)
        count = 1
        if self.parallel and node.op.name == "sum" and kept and axes[0] == 0:
            count = slices(prod(shape), prod(summed), summed[0], prod(x.shape))
        if count == 1:
            self.total(node, shape, summed, body)
            return
        units = identity(len(order) + 1)[1:]
        index = tuple(units[order.index(axis)] for axis in range(len(order)))
        body = self.expression(x, index, len(order) + 1, {})
        self.sum_slices(
            node, Reduction((count, *shape), cut=1 + len(shape), summed=summed, body=body)
        )

    def sum_slices(self, node: Node, kernel: Reduction | Product) -> None:
        """Add up what a kernel gives for each slice."""
        partial = Buffer(kernel.shape, node.dtype, "slices")
        kernel.stores.append(Store(Total(node.dtype), whole(partial)))
        self.append(kernel)
        shape = kernel.shape[1:]
        step, *others = whole(partial).strides
        body = Load(node.dtype, view=View(partial, 0, (*others, step)))
        self.total(node, shape, kernel.shape[:1], body)

    def total(self, node: Node, shape: Shape, summed: Shape, body: Expression) -> None:
        how = node.op.name if isinstance(node.op, Reduce) else "sum"
        if not shape and len(summed) > 1 and prod(summed) > 4096 and how == "sum":
            # Row by row first, which threads can divide, and in the order that others keep.
            partial = Buffer(summed[:1], node.dtype, "rows")
            total = Total(node.dtype)
            rows_of = Reduction(summed[:1], summed=summed[1:], body=body)
            rows_of.stores.append(Store(total, whole(partial)))
            self.append(rows_of)
            body, summed = Load(node.dtype, view=View(partial, 0, (1,))), summed[:1]
        target = self.placed(node)
        total = Total(node.dtype)
        kernel = Reduction(shape, summed=summed, how=how, body=body)
        kernel.stores.append(Store(total, target))
        self.append(kernel)
        self.known[kernel] = {node: total}
        self.views[node] = target

    # --- copies with holes ---

    def _pad(self, node: Node) -> None:
        (x,) = node.inputs
        low, gaps = node.params["low"], node.params["interior"]
        if node in self.unread:
            # As if there were zeros around it: whoever slides over it stays inside.
            view = self.views[x]
            before = sum(a * s for a, s in zip(low, view.strides, strict=True))
            self.views[node] = View(view.buffer, view.offset - before, view.strides)
            return
        target = self.placed(node)
        fill = self.append(Fill(target.buffer.shape, target=target.buffer))
        offset = sum(a * s for a, s in zip(low, target.strides, strict=True))
        steps = tuple((gap + 1) * s for gap, s in zip(gaps, target.strides, strict=True))
        self._write(x, View(target.buffer, offset, steps), fill)
        self.views[node] = target

    def fill_pad(self, windows: Node) -> None:
        """Give windows real zeros to slide over, where their reader cannot leave them out."""
        pad = windows.inputs[0] if isinstance(windows.op, Windows) else None
        if pad in self.unread:
            self.unread.remove(pad)
            self._pad(pad)
            self._view(windows)

    def _concatenate(self, node: Node) -> None:
        target = self.placed(node)
        axis, begin = node.params["axis"], 0
        for x in node.inputs:
            offset = begin * target.strides[axis]
            self._write(x, View(target.buffer, offset, target.strides), None)
            begin += x.shape[axis]
        self.views[node] = target

    def _write(self, node: Node, target: View, after: Kernel | None) -> None:
        rank = len(node.shape)
        value = self.expression(node, identity(rank), rank, {})
        kernel = Elementwise(node.shape, [Store(value, target)])
        if after is not None:
            kernel.after.append(after)
        self.append(kernel)

    # --- others ---

    def _special(self, node: Node) -> None:
        operands = [self._dense(child) for child in node.inputs]
        buffer = self._buffer(node)
        own = node.op.name in ("gather", "scatter_add", "argmax", "argmin")
        kernel = Special(node.shape, node=node, operands=operands, target=buffer, own=own)
        self.append(kernel)
        self.views[node] = whole(buffer)
        if node in self.orders:
            self.views[node] = self.copied_in_order(node, whole(buffer), self.orders[node])

    def _dense(self, node: Node) -> Buffer:
        """A buffer that holds a node's numbers, and nothing else, in row-major order."""
        view = self.views.get(node)
        if view is not None and view.offset == 0 and view.buffer.size == prod(node.shape):
            strides = zip(node.shape, view.strides, row_major(node.shape), strict=True)
            if all(length == 1 or a == b for length, a, b in strides):
                return view.buffer
        buffer = self._buffer(node)
        self._copied(node, buffer)
        return buffer

    def _loop(self, node: Node) -> None:
        prepared = with_turned_constants(node)
        params = prepared.params
        body = fuse(params["body"], self.parallel)
        constants, carries = params["constants"], params["carries"]
        outer = [self._dense(child) for child in prepared.inputs]
        inner = body.inputs
        repeat = Repeat((), program=body, length=params["length"], reverse=params["reverse"])
        split = constants + carries
        repeat.constants = list(zip(outer[:constants], inner[:constants], strict=True))
        repeat.series = list(zip(outer[split:], inner[split:], strict=True))
        outputs = params["body"].outputs
        made = []
        for k, result in enumerate(outputs):
            if k < carries:
                final = Buffer(result.shape, result.dtype, "carry")
                spare = Buffer(result.shape, result.dtype, "spare")
                source = outer[constants + k]
                repeat.carries.append((source, final, spare, inner[constants + k]))
                made.append(final)
            else:
                stack = Buffer((params["length"], *result.shape), result.dtype, "stack")
                repeat.stacks.append((stack, body.results[k]))
                made.append(stack)
        repeat.made = made
        self.append(repeat)
        for user in self.nodes:
            if isinstance(user.op, Result) and user.inputs[0] is node:
                self.views[user] = whole(made[user.params["index"]])
        self.program.captured += body.captured
        self.program.constants += body.constants

    # --- results ---

    def _result(self, node: Node) -> Buffer:
        """The buffer of a result, which nothing else may be: a copy where it is an input's."""
        view = self.views.get(node)
        taken = {*self.program.inputs, *self.program.results, *self.program.constants}
        taken |= {buffer for buffer, _ in self.program.captured}
        if view is not None:
            buffer = self._dense(node)
            if buffer not in taken:
                return buffer
        buffer = self._buffer(node)
        self._copied(node, buffer)
        return buffer


def forget_unread(program: Program) -> None:
    """Take out stores that nobody reads, and kernels that store nothing."""
    kernels = program.kernels
    while True:
        read = set(program.results)
        for kernel in kernels:
            read.update(view.buffer for view in kernel.reads)
            read.update(kernel.everywhere)
        before = sum(len(kernel.writes) for kernel in kernels)
        for kernel in kernels:
            if isinstance(kernel, _OPEN):
                kernel.stores = [s for s in kernel.stores if s.view.buffer in read]
        kernels[:] = [
            kernel for kernel in kernels if any(view.buffer in read for view in kernel.writes)
        ]
        if sum(len(kernel.writes) for kernel in kernels) == before:
            return


_SUMS = ("sum", "max", "min")
_OPEN = (Elementwise, Reduction, Product)


def _is_fluid(node: Node) -> bool:
    """Whether a node takes its input's numbers one by one, wherever they come from."""
    if is_view(node):
        return not (isinstance(node.op, Reshape) and joins(node))
    return is_elementwise(node) or node.op.name in _SUMS
