"""What a graph becomes before it becomes code: kernels over buffers.

A kernel is one nest of loops. Its axes are those of its result, in order, and behind them the axes
that it sums over. What it computes at one place of those axes is an expression: a tree of op rows
over loads. Threads divide a kernel along its first axis, in whole grains of rows, always in the
same way, so that a row is computed by one thread from its first kernel to its last.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.engines.native.access import Buffer, View, whole
from chainrule.graph import Node, Shape

# --- expressions ---------------------------------------------------------------------------------


@dataclass(eq=False)
class Expression:
    """A number at every place of a kernel's axes. Compared by identity, so that it is shared."""

    dtype: np.dtype[Any]


@dataclass(eq=False)
class Load(Expression):
    view: View = field(kw_only=True)


@dataclass(eq=False)
class Number(Expression):
    value: Any = field(kw_only=True)


@dataclass(eq=False)
class Apply(Expression):
    """A row of kind Map on other expressions."""

    op: Any = field(kw_only=True)
    inputs: tuple[Expression, ...] = field(kw_only=True)
    params: Any = field(kw_only=True)


@dataclass(eq=False)
class Total(Expression):
    """What the kernel itself computes at this place: the sum of a product, a reduction."""


def walk(expression: Expression) -> Iterator[Expression]:
    """Every expression in a tree, each once."""
    seen = set()
    stack = [expression]
    while stack:
        found = stack.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, Apply):
            stack.extend(found.inputs)


def loads(expressions: Sequence[Expression]) -> list[View]:
    return [part.view for root in expressions for part in walk(root) if isinstance(part, Load)]


# --- kernels -------------------------------------------------------------------------------------


@dataclass(eq=False)
class Store:
    expression: Expression
    view: View  # over the axes of the kernel's result


@dataclass(eq=False)
class Kernel(ABC):
    """shape  the lengths of the result's axes"""

    shape: Shape
    cut: int | None = field(default=None, kw_only=True)
    """Where the first axis counts slices: the summed axis that they are slices of."""
    after: list["Kernel"] = field(default_factory=list, kw_only=True)
    """Kernels that must be complete before, whatever this one reads."""
    late: bool = field(default=False, kw_only=True)
    """Whether it overwrites inputs, once everything else has been computed."""
    claims: list[View] = field(default_factory=list, kw_only=True)
    """What the same thread overwrites later at the places of the result; only products claim it."""

    @property
    @abstractmethod
    def reads(self) -> list[View]:
        """Views over the kernel's axes; of those behind `shape` only the extent counts."""

    @property
    def expressions(self) -> list[Expression]:
        """What it evaluates at every place."""
        return []

    @property
    def lengths(self) -> Shape:
        """Of all axes: the result's, then those that are summed over."""
        return self.shape

    @property
    def everywhere(self) -> list[Buffer]:
        """Buffers that are read at places which are not known beforehand."""
        return []

    @property
    @abstractmethod
    def writes(self) -> list[View]:
        """Views over the result's axes."""

    @property
    def divisible(self) -> bool:
        """Whether threads may divide it along its first axis."""
        return bool(self.shape)


@dataclass(eq=False)
class Elementwise(Kernel):
    stores: list[Store] = field(default_factory=list)

    @property
    def expressions(self) -> list[Expression]:
        return [store.expression for store in self.stores]

    @property
    def reads(self) -> list[View]:
        return loads(self.expressions)

    @property
    def writes(self) -> list[View]:
        return [store.view for store in self.stores]


@dataclass(eq=False)
class Reduction(Kernel):
    """how     "sum", "max", "min"
    summed  the lengths of the axes behind the result's
    """

    summed: Shape = ()
    how: str = "sum"
    body: Expression = field(kw_only=True)
    stores: list[Store] = field(default_factory=list)

    @property
    def lengths(self) -> Shape:
        return (*self.shape, *self.summed)

    @property
    def expressions(self) -> list[Expression]:
        return [self.body, *(store.expression for store in self.stores)]

    @property
    def reads(self) -> list[View]:
        return loads(self.expressions)

    @property
    def writes(self) -> list[View]:
        return [store.view for store in self.stores]


@dataclass(frozen=True)
class Clip:
    """Of a summed axis only those places count where low <= place + place on `axis` < high.

    Beyond lie the zeros of a padded operand, which are never read.
    """

    axis: int
    summed: int
    low: int
    high: int


@dataclass(eq=False)
class Product(Kernel):
    """The sum over `summed` of left · right, and what is made of it while it is in registers.

    lanes  the axis that vectors run along: of the result, one operand having its neighbours
           there, or a summed one, both operands having them there
    rows   another one, whose entries are computed several at a time; None where there is none
    turned the operand that has the terms of the sum side by side and not the lanes: it is turned
           while it is copied; None where there is none
    """

    summed: Shape = ()
    clips: tuple[Clip, ...] = ()
    left: View = field(kw_only=True)
    right: View = field(kw_only=True)
    lanes: int = field(kw_only=True)
    rows: int | None = field(kw_only=True)
    dtype: np.dtype[Any] = field(kw_only=True)
    turned: View | None = None
    stores: list[Store] = field(default_factory=list)

    @property
    def is_dots(self) -> bool:
        """Whether vectors run along a summed axis, so that there are no tiles of the result."""
        return self.lanes >= len(self.shape)

    @property
    def lengths(self) -> Shape:
        return (*self.shape, *self.summed)

    @property
    def expressions(self) -> list[Expression]:
        return [store.expression for store in self.stores]

    @property
    def reads(self) -> list[View]:
        return [self.left, self.right, *loads(self.expressions)]

    @property
    def writes(self) -> list[View]:
        return [store.view for store in self.stores]


@dataclass(eq=False)
class Fill(Kernel):
    """Zeros everywhere."""

    target: Buffer = field(kw_only=True)

    @property
    def reads(self) -> list[View]:
        return []

    @property
    def writes(self) -> list[View]:
        return [whole(self.target)]


@dataclass(eq=False)
class Special(Kernel):
    """An op with loops of its own, on whole buffers."""

    node: Node = field(kw_only=True)
    operands: list[Buffer] = field(kw_only=True)
    target: Buffer = field(kw_only=True)
    own: bool = False  # whether threads may divide it

    @property
    def reads(self) -> list[View]:
        return []

    @property
    def everywhere(self) -> list[Buffer]:
        return self.operands

    @property
    def writes(self) -> list[View]:
        return [whole(self.target)]

    @property
    def divisible(self) -> bool:
        return self.own and bool(self.shape)


@dataclass(eq=False)
class Program:
    """The kernels of one graph, and the buffers that its caller knows."""

    kernels: list[Kernel] = field(default_factory=list)
    inputs: list[Buffer] = field(default_factory=list)
    captured: list[tuple[Buffer, Node]] = field(default_factory=list)
    constants: list[Buffer] = field(default_factory=list)
    results: list[Buffer] = field(default_factory=list)


@dataclass(eq=False)
class Repeat(Kernel):
    """A program repeated over time. Every thread runs the loop; its kernels divide the work."""

    program: Program = field(kw_only=True)
    length: int = field(kw_only=True)
    reverse: bool = False
    # pairs (buffer outside, buffer of the body): read whole; one entry a step; written likewise
    constants: list[tuple[Buffer, Buffer]] = field(default_factory=list)
    carries: list[tuple[Buffer, Buffer, Buffer, Buffer]] = field(default_factory=list)
    series: list[tuple[Buffer, Buffer]] = field(default_factory=list)
    stacks: list[tuple[Buffer, Buffer]] = field(default_factory=list)
    made: list[Buffer] = field(default_factory=list)
    plan: Any = None  # of the body, made before that of the program around it
    arena: int = 0  # where the body's own memory begins

    @property
    def reads(self) -> list[View]:
        return []

    @property
    def everywhere(self) -> list[Buffer]:
        outside = [*self.constants, *self.series]
        return [*(buffer for buffer, _ in outside), *(carry[0] for carry in self.carries)]

    @property
    def writes(self) -> list[View]:
        spare = [carry[2] for carry in self.carries]
        return [whole(buffer) for buffer in (*self.made, *spare)]


def written_view(kernel: Kernel, buffer: Buffer) -> View:
    """How a kernel writes one of its buffers."""
    return next(view for view in kernel.writes if view.buffer is buffer)


OPEN = (Elementwise, Reduction, Product)  # kernels that may store further numbers


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
            if isinstance(kernel, OPEN):
                kernel.stores = [s for s in kernel.stores if s.view.buffer in read]
        kernels[:] = [
            kernel for kernel in kernels if any(view.buffer in read for view in kernel.writes)
        ]
        if sum(len(kernel.writes) for kernel in kernels) == before:
            return


def is_block_by_block(kernel: Kernel) -> bool:
    """Whether it goes through buffers that lie in blocks along one of its own axes each, place by
    place and from end to end, so that the place on that axis says which block is meant.
    """
    if any(buffer.block and buffer.jump for buffer in kernel.everywhere):
        return False
    clips = kernel.clips if isinstance(kernel, Product) else ()
    clipped = {axis for clip in clips for axis in (clip.axis, clip.summed)}
    for view in (*kernel.reads, *kernel.writes):
        size, axis = view.buffer.block, view.blocked
        if not size:
            continue
        if axis is None or axis in clipped or view.strides[axis] != 1:
            return False
        length = view.buffer.shape[-1]
        if length in view.strides[:axis]:  # the two axes could be taken for one
            return False
        if view.offset % size or kernel.lengths[axis] != length:
            return False
        if any(step % size for other, step in enumerate(view.strides) if other != axis):
            return False
    return True
