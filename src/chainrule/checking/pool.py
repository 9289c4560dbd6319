"""The quantities that an edit may put somewhere, by shape."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.checking.nearness import CLOSE, mark, near, nearest_factor
from chainrule.checking.point import Point
from chainrule.checking.quantities import DERIVATIVES, Quantity
from chainrule.checking.steps import Array, Program
from chainrule.checking.truth import Truth
from chainrule.trees import flatten

COSTS = {
    "local": 1.3,
    "part": 1.35,
    "parameter": 1.4,
    "data": 1.4,
    "forward": 1.4,
    "slope": 1.45,
    "step": 1.8,
    "adjoint": 3.0,
    "contribution": 3.2,
}
LAYOUT = frozenset(  # what only puts numbers elsewhere
    (
        *("transpose", "reshape", "index", "view", "ravel", "flatten", "squeeze", "swapaxes"),
        *("sliding_window_view", "pad", "copy", "astype", "concatenate", "stack", "hstack"),
        *("vstack", "expand_dims", "broadcast_to", "repeat", "append", "column_stack"),
    )
)
OWN = 80  # of the program's own values of one shape, how many are tried as operands


class Pool:
    """What stands ready for the edits of one program at one point.

    known     the steps that are a value of the loss, computed from such: they are no mistakes
    carrying  the steps that depend on targets, so that they carry the error backwards
    """

    def __init__(self, truth: Truth, program: Program, point: Point) -> None:
        self.truth, self.program, self.point = truth, program, point
        self.looks: Any = None  # what naming knows of the slopes that people write
        self.result_steps = {index: name for name, index in program.outputs.items()}
        self._by_shape: dict[tuple[int, ...], list[Quantity]] = defaultdict(list)
        self._groups: dict[tuple[Any, ...], list[Quantity]] = defaultdict(list)
        self._seen: set[tuple[object, ...]] = set()
        self._numbered: dict[int, int] = {}
        self._number_of: dict[int, int] = {}  # of a quantity, by its identity
        self._layers: dict[tuple[Any, ...], list[Quantity]] = defaultdict(list)
        for quantity in truth.quantities:
            self._layers[quantity.role, quantity.op, quantity.line].append(quantity)
            self._put(quantity, (quantity.role, quantity.op, quantity.line))
        self.known = _known(program, truth)
        self.carrying = _carrying(program, self.known)
        self._own()
        self._groups = {k: v for k, v in self._groups.items() if len(v) > 1}
        self._in_rounds = {id(one) for group in self._groups.values() for one in group}
        self.numbers = _numbers(program, truth, point)

    def _put(self, quantity: Quantity, group: tuple[object, ...]) -> None:
        for one in (quantity, replace(quantity, value=quantity.value.T)):
            shape = one.value.shape
            self._groups[*group, shape].append(one)
            number = self._numbered.setdefault(mark(one.value), len(self._numbered))
            self._number_of[id(one)] = number
            key = (number, one.role in DERIVATIVES)
            if key not in self._seen:
                self._seen.add(key)
                self._by_shape[shape].append(one)
            if one.value.ndim < 2:
                break

    def _own(self) -> None:
        count: dict[tuple[int, ...], int] = defaultdict(int)
        overwritten: dict[tuple[Any, ...], list[Array]] = defaultdict(list)
        for index, step in enumerate(self.program.steps):
            value = step.value
            if value.dtype.kind != "f" or not step.inputs or step.op == "return":
                continue
            place = tuple(frame.place for frame in step.frames)
            overwritten[place or (index,), step.op, value.shape].append(value)
            if not self.program.reach[index] and place:
                self._by_shape[value.shape].append(
                    Quantity("overwritten", step.op, value, step.line)
                )
            count[value.shape] += 1
            if count[value.shape] <= OWN:
                self._put(Quantity("step", step.op, value, step.line), ("step", step.op, place))
        for (_, op, shape), values in overwritten.items():
            if len(values) > 1:
                others = np.sum(values[:-1], axis=0)
                self._by_shape[shape].append(Quantity("overwritten", op, others))

    def cost(self, quantity: Quantity) -> float:
        return COSTS.get(quantity.role, 3.0)

    def numbers_in(self, series: Sequence[Quantity]) -> tuple[int, ...]:
        """What tells series apart: equal values have one number, whatever they are called."""
        return tuple(self._number_of.get(id(one), -1 - id(one)) for one in series)

    def series(self, role: str, values: Sequence[Array]) -> Iterator[list[Quantity]]:
        """For each value of a site a quantity of its shape: one for all, or round by round."""
        shape = values[0].shape
        if any(value.shape != shape for value in values):
            yield from self._of_layers(role, values)
            return
        several = len(values) > 1
        now = self._numbered.get(mark(values[0]))
        for quantity in self._by_shape.get(shape, ()):
            if quantity.role == "overwritten" or (several and id(quantity) in self._in_rounds):
                continue
            if role in ("any", quantity.role) and self._number_of.get(id(quantity)) != now:
                yield [quantity] * len(values)
        if not several:
            return
        for (kind, *_, group_shape), group in self._groups.items():
            if group_shape != shape or role not in ("any", kind):
                continue
            for part in _rounds(group, len(values)):
                yield part
                yield part[::-1]

    def _of_layers(self, role: str, values: Sequence[Array]) -> Iterator[list[Quantity]]:
        """Round by round where every round is a layer of its own size."""
        for (kind, *_), group in self._layers.items():
            if role in ("any", kind):
                for part in _rounds(group, len(values)):
                    for found in (part, part[::-1]):
                        pairs = zip(found, values, strict=True)
                        if all(q.value.shape == value.shape for q, value in pairs):
                            yield found

    def factors(self, role: str, values: Sequence[Array]) -> Iterator[list[Quantity]]:
        """Like `series`, and quantities that broadcast to the shape as well."""
        yield from self.series(role, values)
        shape = values[0].shape
        if any(value.shape != shape for value in values):
            return
        for other, quantities in list(self._by_shape.items()):
            if other == shape or not other or len(other) > len(shape):
                continue
            pairs = zip(other[::-1], shape[::-1], strict=False)
            if all(a in (1, b) for a, b in pairs) and max(other) > 1:
                for quantity in quantities:
                    if quantity.role == role:
                        yield [quantity] * len(values)

    def is_true(self, value: Array) -> bool:
        """Whether a value is one that the right computation meets."""
        return self._meets(value, lambda quantity: quantity.role not in ("step", "overwritten"))

    def _meets(self, value: Array, wanted: Callable[[Quantity], bool]) -> bool:
        """Whether a quantity of this kind has the value."""
        return any(
            wanted(quantity) and near(value, quantity.value)
            for quantity in self._by_shape.get(value.shape, ())
        )

    @cached_property
    def suffering(self) -> frozenset[int]:
        """Steps that read a value which the right computation does not meet: they only suffer."""
        steps = self.program.steps
        wrong: dict[int, bool] = {}

        def is_right(index: int) -> bool:
            if index not in wrong:
                wrong[index] = self.is_wrong(index)
            return not wrong[index]

        def suffers(index: int) -> bool:
            inputs = steps[index].inputs
            if not all(map(is_right, inputs)):
                return True
            # ŷ - y is a value of the loss, and an adjoint only once it has its factor.
            scales = all(steps[i].value.size == 1 for i in inputs if i not in self.carrying)
            return not scales and any(self.is_of_loss(steps[i].value) for i in inputs)

        reach = self.program.reach
        return frozenset(i for i in range(len(steps)) if reach[i] and suffers(i))

    def is_wrong(self, index: int) -> bool:
        """Whether a step is on the way of the error, and not what the right computation has."""
        step = self.program.steps[index]
        plain = index in self.known or not step.inputs or not step.value.ndim
        return not plain and index in self.carrying and not self.is_true(step.value)

    def is_of_loss(self, value: Array) -> bool:
        """Whether a value is one behind the network's output, and no adjoint."""
        of_loss = value.ndim > 0 and self._meets(value, lambda q: q.role == "forward" and q.loss)
        return of_loss and not self.is_adjoint(value)

    def is_adjoint(self, value: Array) -> bool:
        """Whether a value is the gradient of the loss with respect to one of its values."""
        return value.ndim > 0 and self._meets(value, lambda quantity: quantity.role == "adjoint")

    def is_slope(self, value: Array) -> bool:
        """Whether a value is an activation's derivative."""
        return self._meets(value, lambda quantity: quantity.role in DERIVATIVES)

    def missing_at(self, index: int) -> list[Array]:
        """What a result lacks of the truth."""
        name = self.result_steps[index]
        true, mine = self.truth.gradients[name], self.program.steps[index].value
        return [true - mine] if true.shape == mine.shape else []

    def multiples(self, wanted: Array) -> Iterator[tuple[Quantity, float]]:
        """The quantities of which an array is a multiple, and the factor."""
        size = float(np.max(np.abs(wanted), initial=0.0))
        if size == 0 or wanted.ndim == 0:
            return
        for quantity in self._by_shape.get(wanted.shape, ()):
            if quantity.role == "step":  # of the program itself: a multiple of it explains nothing
                continue
            constant = nearest_factor(wanted, quantity.value.astype(float))
            if quantity.role == "overwritten" and abs(constant - 1) > CLOSE:
                continue
            if constant and np.max(np.abs(constant * quantity.value - wanted)) <= CLOSE * size:
                yield quantity, constant


def _rounds(group: Sequence[Quantity], count: int) -> Iterator[list[Quantity]]:
    """Values of as many rounds: all, all but the first or last, or every n-th of a helper's."""
    if len(group) == count:
        yield list(group)
    elif len(group) == count + 1:
        yield list(group[:-1])
        yield list(group[1:])
    elif len(group) % count == 0:
        every = len(group) // count
        for start in range(every if every <= 8 else 0):
            yield list(group[start::every])


def _known(program: Program, truth: Truth) -> frozenset[int]:
    """Steps whose value is one of the loss's own, made of such: the forward pass written again."""
    values: dict[tuple[int, ...], list[Array]] = defaultdict(list)
    for quantity in truth.quantities:
        if quantity.role in ("forward", "parameter", "data"):
            values[quantity.value.shape].append(quantity.value)
    found: set[int] = set()
    for index, step in enumerate(program.steps):
        if not step.inputs:
            found.add(index)
            continue
        if not all(i in found for i in step.inputs) or step.op in ("return", "subtract"):
            continue
        if step.value.dtype.kind != "f":
            continue
        if step.op in LAYOUT or any(
            near(step.value, value) for value in values.get(step.value.shape, ())
        ):
            found.add(index)
    return frozenset(found)


def _carrying(program: Program, known: frozenset[int]) -> frozenset[int]:
    """Steps on the way of the error: that depend on targets, and the terms added to such."""
    data = [i for i, step in enumerate(program.steps) if step.op == "input" and step.name == "data"]
    found = set(data[1:])
    for index, step in enumerate(program.steps):
        if any(child in found for child in step.inputs):
            found.add(index)
    if not found:
        return frozenset(range(len(program.steps)))
    for index in range(len(program.steps) - 1, -1, -1):
        step = program.steps[index]
        if index in found and step.op in ("add", "subtract", "return", "negative"):
            found |= {child for child in step.inputs if child not in known}
    return frozenset(found)


def _numbers(program: Program, truth: Truth, point: Point) -> frozenset[float]:
    """The plain numbers that the user's code and the loss contain, and the sizes of the data."""
    steps = [*program.steps, *(truth.backward.steps if truth.backward else ())]
    found: set[float] = set()
    for part in flatten(point.data)[0]:
        found |= {float(size) for size in (*np.shape(part), np.size(part))}
    for step in steps:
        value = step.value
        if step.op in ("constant", "captured") and value.size == 1 and value.dtype.kind in "fiu":
            number = abs(float(value.reshape(())))
            if np.isfinite(number) and number:
                found.add(number)
    return frozenset(found)
