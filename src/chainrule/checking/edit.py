"""One edit of recorded arithmetic, and the small changes that edits are made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.checking.pool import Pool
from chainrule.checking.quantities import Quantity
from chainrule.checking.steps import Array, Override, Program, always

Site = tuple[int, ...]
UNLIKELY = 1.6  # the cost of a constant that nobody would write
GUESS = 2.9  # edits of this cost put the truth itself somewhere: they tell a place, not a cause
FACTORS = {"local": 1.0, "part": 1.4, "parameter": 1.45, "data": 1.5, "forward": 1.5}


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of the steps of a site.

    action    the row of the table
    cost      how far-fetched it is: of several that fit, the cheapest is told first
    old, new  the value before and the quantity after, where one is exchanged
    constant  the number multiplied with, where it is one
    detail    what the row knows besides, for the words: axes, the operation as it is written
    """

    action: str
    site: Site
    overrides: dict[int, Override]
    cost: float
    constant: float = 1.0
    old: Array | None = None
    new: Quantity | None = None
    slot: int = -1
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scaled:
    """A site multiplied by a number that the search finds."""

    program: Program
    site: Site
    numbers: frozenset[float]

    slot: int = -1  # of the operand that is multiplied; -1 for the result

    def __call__(self, constant: float) -> Edit:
        cost = (
            1.0 if is_fraction(constant) else 1.1 if is_likely(constant, self.numbers) else UNLIKELY
        )
        steps = [self.program.steps[i] for i in self.site]
        if self.slot < 0:
            overrides = {i: times(s.call, constant) for i, s in zip(self.site, steps, strict=True)}
        else:
            overrides = {
                i: on_operand(step.call, self.slot, lambda operand: operand * constant)
                for i, step in zip(self.site, steps, strict=True)
            }
        detail = {"of": self.slot} if self.slot >= 0 else {}
        return Edit("scale", self.site, overrides, cost, constant, detail=detail)


def is_likely(constant: float, numbers: frozenset[float]) -> bool:
    """Whether a root of a fraction, or a fraction of a number that the code contains."""
    if is_fraction(constant**2):
        return True
    return any(is_fraction(constant * n) or is_fraction(constant / n) for n in numbers)


def is_fraction(constant: float) -> bool:
    """Whether a number is a short fraction, as people write them."""
    value = abs(constant)
    for n in range(1, 13):
        for ratio in (value * n, n / value):
            if round(ratio) >= 1 and abs(ratio - round(ratio)) < 1e-9 * ratio:
                return True
    return False


Row = Callable[[Program, Site, Pool], Iterator[Edit | Scaled]]


def on_operand(call: Callable[..., Array], slot: int, change: Callable[[Array], Array]) -> Override:
    """The step with one of its operands changed."""
    return lambda values: call(*values[:slot], change(values[slot]), *values[slot + 1 :])


def times(call: Callable[..., Array], factor: Any) -> Override:
    return lambda values: call(*values) * factor


def transposed(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def exchange(call: Callable[..., Array], slot: int, value: Array) -> Override:
    return on_operand(call, slot, always(value))
