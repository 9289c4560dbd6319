"""The quantities that an edit may put somewhere, by shape, and the constants worth trying."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from chainrule.checking.steps import Array, Program
from chainrule.checking.truth import Point, Quantity, Truth
from chainrule.trees import flatten

COSTS = {
    "local": 1.3,
    "parameter": 1.4,
    "data": 1.4,
    "forward": 1.4,
    "slope": 1.45,
    "step": 1.8,
    "adjoint": 3.0,
    "contribution": 3.2,
}


class Pool:
    """What stands ready for the edits of one program at one point."""

    def __init__(self, truth: Truth, program: Program, point: Point) -> None:
        self.truth, self.program = truth, program
        self.result_steps = {index: name for name, index in program.outputs.items()}
        self.constants = _constants(point)
        self._by_shape: dict[tuple[int, ...], list[Quantity]] = defaultdict(list)
        self._groups: dict[tuple[object, ...], list[Quantity]] = defaultdict(list)
        seen: set[tuple[object, ...]] = set()
        for quantity in (*truth.quantities, *_own(program)):
            for one in (quantity, replace(quantity, value=quantity.value.T)):
                self._groups[one.role, one.op, one.line, one.value.shape].append(one)
                key = (one.value.shape, one.value.tobytes(), one.role == "local")
                if key not in seen:
                    seen.add(key)
                    self._by_shape[one.value.shape].append(one)
                if one.value.ndim < 2:
                    break
        self._groups = {k: v for k, v in self._groups.items() if len(v) > 1}

    def cost(self, quantity: Quantity) -> float:
        return COSTS[quantity.role]

    def series(self, role: str, values: Sequence[Array]) -> Iterator[list[Quantity]]:
        """For each value of a site a quantity of its shape: one for all, or round by round."""
        shape = values[0].shape
        if any(value.shape != shape for value in values):
            return
        for quantity in self._by_shape.get(shape, ()):
            if role in ("any", quantity.role) and not _same(quantity.value, values[0]):
                yield [quantity] * len(values)
        if len(values) == 1:
            return
        for (kind, _, _, group_shape), group in self._groups.items():
            if group_shape == shape and role in ("any", kind) and len(group) == len(values):
                yield group
                yield group[::-1]

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
            square = float(np.sum(quantity.value.astype(float) ** 2))
            if square == 0:
                continue
            factor = float(np.sum(quantity.value * wanted)) / square
            if np.max(np.abs(factor * quantity.value - wanted)) <= 1e-9 * size:
                yield quantity, factor


def _same(a: Array, b: Array) -> bool:
    return a is b or (a.shape == b.shape and bool(np.array_equal(a, b)))


def _own(program: Program) -> Iterator[Quantity]:
    for step in program.steps:
        if isinstance(step.value, np.ndarray) and step.value.dtype.kind == "f" and step.inputs:
            yield Quantity("step", step.op, step.value, step.line)


def _constants(point: Point) -> list[float]:
    """-1, 2, ½, and every length and size of the data with its reciprocal."""
    sizes: set[int] = set()
    for part in flatten(point.data)[0]:
        array = np.asarray(part)
        sizes |= {*array.shape, array.size}
        if array.dtype.kind in "iu" and array.ndim == 0:
            sizes.add(int(array))
    found = [-1.0, 2.0, 0.5, -2.0, -0.5]
    for size in sorted(sizes - {0, 1}):
        for base in (1.0, 2.0, 0.5):
            found += [base * size, base / size]
    return list(dict.fromkeys(found))
