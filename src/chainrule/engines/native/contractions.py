"""One contraction as a kernel: which axis vectors run along, what is copied before, what is cut.

Axes are letters here, as in the contraction's `spec`.
"""

from math import prod
from typing import TYPE_CHECKING

from chainrule.engines.native.access import Buffer, View, identity, row_major, view_through
from chainrule.engines.native.kernels import (
    Apply,
    Clip,
    Elementwise,
    Load,
    Product,
    Store,
    Total,
)
from chainrule.engines.native.pieces import fill_pad
from chainrule.engines.native.slicing import slices
from chainrule.engines.native.sums import add_slices, add_total
from chainrule.graph import Node
from chainrule.ops import rows
from chainrule.ops.layout import Windows
from chainrule.ops.loop import Result
from chainrule.ops.products import parts, summed_letters

if TYPE_CHECKING:
    from chainrule.engines.native.fuse import Fuser

NARROW = 4  # an axis that is shorter has no vectors along it
LEAST_TURNED = 512  # rows, columns and terms of a product whose rows are copied
MANY_ROWS = 256  # of a product that turns an operand itself, as each of its threads has to
TURNED_WITHIN = 128, 2048  # columns at least, and terms, of such an operand: they fit one copy
LANES_EACH = 64  # samples of a slice, at least, where they are in the lanes
DOT_SUM = 1024  # numbers from which on a sum may be parts in the lanes of a vector
MOST_DOTS = 16_384  # of such sums, whose operands are read again and again
LEAST_DOT = 32  # and from which on that is better than lanes along few columns


def add_contraction(fuser: "Fuser", node: Node) -> None:
    """Append the kernels of a contraction."""
    _Contraction(fuser, node).add()


class _Contraction:
    def __init__(self, fuser: "Fuser", node: Node) -> None:
        self.fuser, self.node = fuser, node
        self.left, self.right, self.out = parts(node.params["spec"])
        self.letters = (self.left, self.right)
        self.summed = summed_letters(node.params["spec"])
        self.lengths = {
            letter: length
            for letters, child in zip(self.letters, node.inputs, strict=True)
            for letter, length in zip(letters, child.shape, strict=True)
        }

    def add(self) -> None:
        fuser, node = self.fuser, self.node
        if not self.out or not self._is_tileable():
            self._as_sum()
            return
        self.clips = self._clips()
        self.views = [fuser.views[child] for child in node.inputs]
        self.steps = [
            dict(zip(letters, view.strides, strict=True))
            for letters, view in zip(self.letters, self.views, strict=True)
        ]
        wide, turned = self._lane_letter() or self._dot_letter(), None
        if wide is None:
            dots = self._turned_to_dots()
            which, wide = dots or self._turned()
            if dots is None and self._turns_within(which, wide):
                turned = which
            else:
                self.views[which], self.steps[which] = self._packed(which, wide)
        self._product(wide, turned)

    def _size(self, letters: str) -> int:
        return prod(self.lengths[letter] for letter in letters)

    def _as_sum(self) -> None:
        """A reduction, whose body is the product of two numbers."""
        fuser, node, order = self.fuser, self.node, self.out + self.summed
        for child in node.inputs:
            fill_pad(fuser, child)
        units = dict(zip(order, identity(len(order)), strict=True))
        inputs = tuple(
            fuser.expression(child, tuple(units[x] for x in letters), len(order), {})
            for child, letters in zip(node.inputs, self.letters, strict=True)
        )
        body = Apply(node.dtype, op=rows.multiply, inputs=inputs, params={})
        shape = tuple(self.lengths[letter] for letter in self.out)
        add_total(fuser, node, shape, tuple(self.lengths[letter] for letter in self.summed), body)

    def _is_tileable(self) -> bool:
        """Whether some axis of the result is long enough to run vectors along it."""
        if max(self.lengths[letter] for letter in self.out) < NARROW:
            return False
        left, right = self.letters
        if not any(x for x in self.out if not (x in left and x in right)):
            return False
        # A matrix times a vector, along the rows of the matrix: their sums are faster.
        for letters, other, child in zip(
            (left, right), (right, left), self.node.inputs, strict=True
        ):
            strides = dict(zip(letters, self.fuser.views[child].strides, strict=True))
            single = all(self.lengths[x] == 1 for x in other if x in self.out)
            if single and any(strides.get(x) == 1 and self.lengths[x] > 1 for x in self.summed):
                return False
        return True

    def _clips(self) -> list[tuple[str, str, int, int]]:
        """(the result's letter, the summed one, low, high) of windows over a frame of zeros."""
        found = []
        for letters, child in zip(self.letters, self.node.inputs, strict=True):
            if not isinstance(child.op, Windows) or child.inputs[0] not in self.fuser.unread:
                continue
            pad = child.inputs[0]
            for which, axis in enumerate(child.params["axes"]):
                low, length = pad.params["low"][axis], pad.inputs[0].shape[axis]
                if low or pad.params["high"][axis]:
                    pair = letters[axis], letters[pad.ndim + which]
                    kept, summed = pair if pair[0] in self.out else pair[::-1]
                    found.append((kept, summed, low, low + length))
        return found

    def _is_free(self, letter: str) -> bool:
        """Whether loops over an axis may take several places together."""
        return not any(letter in clip[:2] for clip in self.clips)

    # --- the axis of vectors ---

    def _lane_letter(self) -> str | None:
        """An axis of the result whose numbers are neighbours in an operand."""
        fitting = [
            letter
            for letter in self.out
            if self.lengths[letter] >= NARROW
            and self._is_free(letter)
            and any(step.get(letter) == 1 for step in self.steps)
            and all(step.get(letter, 0) in (0, 1) for step in self.steps)
        ]
        last = self._last()
        if self.node in self.fuser.innermost:
            return last if last in fitting else None
        if not fitting:
            return None
        return last if last in fitting else max(fitting, key=lambda x: self.lengths[x])

    def _last(self) -> str:
        """The letter of the result's innermost axis in memory."""
        order = self.fuser.orders.get(self.node)
        return self.out[-1 if order is None else order[-1]]

    def _dot_letter(self) -> str | None:
        """A summed axis whose numbers are neighbours in both operands, of a long sum."""
        short = self._size(self.summed) < DOT_SUM
        if short or self._size(self.out) > MOST_DOTS or self.node in self.fuser.innermost:
            return None
        fitting = [
            letter
            for letter in self.summed
            if all(step[letter] == 1 for step in self.steps)
            and self._is_free(letter)
            and self.lengths[letter] >= NARROW
        ]
        return max(fitting, key=lambda x: self.lengths[x], default=None)

    def _turned(self) -> tuple[int, str]:
        """The operand to copy into another order, and the axis to come last there."""
        choices = []
        for which, letters in enumerate(self.letters):
            for letter in letters:
                if letter in self.out and letter not in self.letters[1 - which]:
                    narrow = self.lengths[letter] < NARROW or not self._is_free(letter)
                    choices.append(
                        (narrow, letter != self._last(), self._size(letters), which, letter)
                    )
        *_, which, letter = min(choices)
        return which, letter

    def _turned_to_dots(self) -> tuple[int, str] | None:
        """An operand of few columns to copy, so that both have their neighbours along a sum."""
        for which, letters in enumerate(self.letters):
            if self._size("".join(x for x in letters if x in self.out)) >= NARROW:
                continue
            for letter in self.summed:
                near = self.steps[1 - which][letter] == 1 and self._is_free(letter)
                if near and self.lengths[letter] >= LEAST_DOT:
                    return which, letter
        return None

    def _turns_within(self, which: int, wide: str) -> bool:
        """Whether the product turns this operand itself, while it copies it: a matrix whose terms
        lie side by side, for so many rows that it hardly matters that every thread does so.
        """
        rows, term = self._rows(wide), self.summed
        if len(term) != 1 or self._cut_letter() == term or self.clips:
            return False
        if rows is None or wide == self.out[0]:
            return False
        if sorted(self.letters[which]) != sorted(wide + term) or self.steps[which][term] != 1:
            return False
        least, most = TURNED_WITHIN
        fits = self.lengths[wide] >= least and least <= self.lengths[term] <= most
        return fits and self.lengths[self.out[rows]] >= MANY_ROWS

    def _packed(self, which: int, last: str) -> tuple[View, dict[str, int]]:
        """A copy of an operand whose last axis is the one of this letter."""
        fuser, letters, view = self.fuser, self.letters[which], self.views[which]
        child = self.node.inputs[which]
        if isinstance(child.op, Windows):
            return self._packed_source(child, letters, last)
        order = [x for x in letters if x != last] + [last]
        buffer = Buffer(tuple(self.lengths[x] for x in order), child.dtype, child.op.name)
        found = dict(zip(order, row_major(buffer.shape), strict=True))
        target = View(buffer, 0, tuple(found[x] for x in letters))
        # In the order of the node, so that threads divide it as they did the node itself.
        fuser.append(Elementwise(child.shape, [Store(Load(child.dtype, view=view), target)]))
        return target, found

    def _packed_source(self, windows: Node, letters: str, last: str) -> tuple[View, dict[str, int]]:
        """The same of windows: it is what they slide over that is copied, once for everybody."""
        source = windows.inputs[0]
        fill_pad(self.fuser, windows)
        self.clips = [clip for clip in self.clips if not {*clip[:2]} & {*letters}]
        view = self.fuser.views[source]
        axis = letters.index(last) if letters.index(last) < source.ndim else source.ndim - 1
        order = [k for k in range(source.ndim) if k != axis] + [axis]
        copy = self.fuser.copied_in_order(source, view, order)
        found = view_through(windows, copy)
        assert found is not None  # windows are views of anything
        return found, dict(zip(letters, found.strides, strict=True))

    # --- the kernel ---

    def _product(self, wide: str, turned: int | None = None) -> None:
        fuser, node, out = self.fuser, self.node, self.out
        cut = self._cut_letter()
        count = self._slices(cut, wide)
        if count == 1:
            self._turn_rows(wide)
        follows = wide == self._last() or wide in self.summed
        if not follows:
            places = [axis for axis in range(len(out)) if out[axis] != wide]
            fuser.orders[node] = (*places, out.index(wide))
        axes = out + self.summed
        operands = [self._over(which, axes) for which in range(2)]
        kernel = Product(
            tuple(self.lengths[letter] for letter in out),
            summed=tuple(self.lengths[letter] for letter in self.summed),
            left=operands[0],
            right=operands[1],
            turned=None if turned is None else operands[turned],
            lanes=axes.index(wide),
            rows=self._rows(wide),
            dtype=node.dtype,
            clips=tuple(
                Clip(axes.index(kept), axes.index(summed), low, high)
                for kept, summed, low, high in self.clips
            ),
        )
        if count > 1:
            add_slices(fuser, node, _sliced(kernel, count, axes.index(cut)))
            return
        total = Total(node.dtype)
        target = fuser.placed(node)
        kernel.stores.append(Store(total, target))
        fuser.append(kernel)
        fuser.views[node] = target
        fuser.known[kernel] = {node: total} if follows else {}

    def _over(self, which: int, axes: str) -> View:
        view, step = self.views[which], self.steps[which]
        return View(view.buffer, view.offset, tuple(step.get(letter, 0) for letter in axes))

    def _turn_rows(self, wide: str) -> None:
        """Copy the operand that goes by row, where its rows lie side by side and are many: a tile
        would take a few numbers of a line of the caches, and another line for each term.
        """
        rows = self._rows(wide)
        if rows is None or not self.summed:
            return
        letter = self.out[rows]
        which = 0 if letter in self.left else 1
        long = min(self.lengths[wide], self._size(self.summed), self.lengths[letter])
        plain = not isinstance(self.node.inputs[which].op, Windows)
        if self.steps[which][letter] == 1 and plain and long >= LEAST_TURNED:
            last = [x for x in self.letters[which] if x in self.summed][-1]
            self.views[which], self.steps[which] = self._packed(which, last)

    def _rows(self, wide: str) -> int | None:
        """The longest axis of the operand that vectors are not loaded from: it is repeated."""
        fitting = [
            letter
            for letter in self.out
            if letter != wide
            and self._is_free(letter)
            and any(letter not in step for step in self.steps if wide in step)
        ]
        longest = max(fitting, key=lambda x: self.lengths[x], default=None)
        return None if longest is None else self.out.index(longest)

    def _cut_letter(self) -> str:
        """The summed axis that slices are made of: the samples of both operands."""
        first = [
            letters[_samples_axis(child)]
            for letters, child in zip(self.letters, self.node.inputs, strict=True)
        ]
        return first[0] if first[0] == first[1] and first[0] in self.summed else ""

    def _slices(self, cut: str, wide: str) -> int:
        if not cut or not self.fuser.parallel or not self._is_free(cut):
            return 1
        moved = sum(self._size(letters) for letters in self.letters)
        count = slices(self._size(self.out), self._size(self.summed), self.lengths[cut], moved)
        if cut == wide:  # the lanes' own axis: not so short that every sum is one vector
            count = min(count, max(self.lengths[cut] // LANES_EACH, 2))
        return count


def _samples_axis(node: Node) -> int:
    """The axis that threads divide what a node holds along: behind time, in what a loop stacks."""
    stacked = isinstance(node.op, Result) and node.ndim > 1
    return int(stacked and node.params["index"] >= node.inputs[0].params["carries"])


def _sliced(kernel: Product, count: int, cut: int) -> Product:
    """The same sums in slices, which are the first axis."""

    def shifted(view: View) -> View:
        return View(view.buffer, view.offset, (0, *view.strides))

    return Product(
        (count, *kernel.shape),
        cut=cut + 1,
        summed=kernel.summed,
        left=shifted(kernel.left),
        right=shifted(kernel.right),
        lanes=kernel.lanes + 1,
        rows=None if kernel.rows is None else kernel.rows + 1,
        dtype=kernel.dtype,
        clips=tuple(Clip(c.axis + 1, c.summed + 1, c.low, c.high) for c in kernel.clips),
    )
