"""Learning rates as functions of the step.

`schedule(step)` takes the number of updates made so far, 0 at the first, as a Python or NumPy
integer or a traced one, and returns a float64 scalar. The classes have lower-case names because
they are used like functions: `SGD(cr.schedules.cosine(0.1, steps=1000))`. Any function of the step
written in NumPy does as well, but only the schedules below can be saved.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias, final

import numpy as np

from chainrule.functions import Array
from chainrule.settings import (
    Configured,
    Count,
    CountOrZero,
    Domain,
    Fraction,
    NotNegative,
    Positive,
    Registry,
    finite_number,
)


@dataclass(frozen=True)
class Schedule(Configured, ABC):
    """Base of the schedules: frozen settings and a function of the step."""

    latex: ClassVar[str]  # η as a function of t, the step counted from 0

    @abstractmethod
    def __call__(self, step: Array) -> Array:
        """The learning rate of the update that follows `step` updates, a float64 scalar."""


SCHEDULES: Registry[Schedule] = Registry("schedule")
Schedule.family = SCHEDULES


def _read_rate(value: Any) -> Any:
    if isinstance(value, type):
        raise TypeError  # a schedule without its settings: cosine for cosine(0.1, 1000)
    if callable(value):
        return value
    rate = finite_number(value)
    if rate < 0:
        raise ValueError
    return rate


RATE = Domain("a finite number, 0 or more, or a schedule", _read_rate)
Rate: TypeAlias = Annotated[Any, RATE]  # a number, a Schedule, or a user's function of the step


def rate_at(rate: Any, step: Array) -> Array:
    """The value of a `Rate` at a step, a float64 scalar."""
    return _float(rate(step)) if callable(rate) else np.float64(rate)


def _float(number: Array) -> Array:
    return np.multiply(number, 1.0)  # what makes an integer, traced or not, a float64


def _ramp(t: Array, steps: int) -> Array:
    """From 1/(steps + 1) at t = 0 up to 1 at t = steps: no update is wasted on a rate of 0."""
    return np.minimum((t + 1.0) / (steps + 1.0), 1.0)


def _half_wave(start: float, end: float, fraction: Array) -> Array:
    """Half a cosine wave from `start` (fraction 0) to `end` (fraction 1)."""
    return end + (start - end) * 0.5 * (1.0 + np.cos(np.pi * fraction))


@SCHEDULES.register
@final
@dataclass(frozen=True)
class constant(Schedule):
    """The same learning rate at every step."""

    lr: NotNegative
    latex: ClassVar[str] = r"\eta"

    def __call__(self, step: Array) -> Array:
        return self.lr + 0.0 * _float(step)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class step_decay(Schedule):
    """Multiplied by `factor` after every `every` steps (PyTorch's StepLR)."""

    lr: NotNegative
    every: Count
    factor: NotNegative = 0.1
    latex: ClassVar[str] = r"\eta\, \gamma^{\lfloor t / T \rfloor}"

    def __call__(self, step: Array) -> Array:
        return self.lr * self.factor ** np.floor(_float(step) / self.every)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class exponential(Schedule):
    """Multiplied by `factor` in the course of `every` steps, smoothly (PyTorch's ExponentialLR
    where `every` is 1)."""

    lr: NotNegative
    factor: Positive
    every: Count = 1
    latex: ClassVar[str] = r"\eta\, \gamma^{t / T}"

    def __call__(self, step: Array) -> Array:
        return self.lr * self.factor ** (_float(step) / self.every)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class cosine(Schedule):
    """Half a cosine wave from `lr` down to `final` at step `steps`, then `final`.

    The first `warmup` of these steps rise linearly to `lr` instead. Without them it is PyTorch's
    CosineAnnealingLR up to `steps` (Loshchilov and Hutter 2017, arXiv:1608.03983, without
    restarts). Raises SettingError where the warm-up leaves no step for the wave.
    """

    lr: NotNegative
    steps: Count
    final: NotNegative = 0.0
    warmup: CountOrZero = 0
    latex: ClassVar[str] = (
        r"\eta_T + (\eta - \eta_T)\, \tfrac12 \left(1 + \cos \frac{\pi t}{T}\right)"
    )

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        self.require(self.warmup < self.steps, "warmup must be smaller than steps")

    def __call__(self, step: Array) -> Array:
        t = _float(step)
        fraction = np.clip((t - self.warmup) / (self.steps - self.warmup), 0.0, 1.0)
        return _ramp(t, self.warmup) * _half_wave(self.lr, self.final, fraction)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class linear_warmup(Schedule):
    """A linear rise over the first `steps` steps to `lr`, which may itself be a schedule: it
    starts, at its step 0, where the rise ends (Goyal et al. 2017, arXiv:1706.02677, section 2.2).

    With a number it is PyTorch's LinearLR with start_factor 1/(steps + 1).
    """

    lr: Rate
    steps: CountOrZero
    latex: ClassVar[str] = r"\eta\, \min\left(1, \frac{t + 1}{T + 1}\right)"

    def __call__(self, step: Array) -> Array:
        t = _float(step)
        after = np.maximum(t - self.steps, 0.0)
        return _ramp(t, self.steps) * rate_at(self.lr, after)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class one_cycle(Schedule):
    """Up from `lr / start_divisor` to `lr` in the first share `rise` of the steps, and down to
    `lr / (start_divisor * final_divisor)` at the last, each along half a cosine wave.

    PyTorch's OneCycleLR with two phases; the momentum stays as it is (Smith and Topin 2018,
    arXiv:1708.07120).
    """

    lr: NotNegative
    steps: Count
    rise: Fraction = 0.3
    start_divisor: Positive = 25.0
    final_divisor: Positive = 1e4
    latex: ClassVar[str] = (
        r"\begin{cases} \tfrac{\eta}{d} \nearrow \eta & t \le \rho T - 1 \\ "
        r"\eta \searrow \tfrac{\eta}{d f} & \text{then} \end{cases}"
    )

    def __call__(self, step: Array) -> Array:
        t = _float(step)
        start = self.lr / self.start_divisor
        top = self.rise * self.steps - 1.0  # the step, not always whole, at which lr is reached
        fall = np.clip((t - top) / (self.steps - 1.0 - top), 0.0, 1.0)
        falling = _half_wave(self.lr, start / self.final_divisor, fall)
        if top <= 0.0:
            return falling
        rising = _half_wave(start, self.lr, np.minimum(t / top, 1.0))
        return np.where(t <= top, rising, falling)


@SCHEDULES.register
@final
@dataclass(frozen=True)
class polynomial(Schedule):
    """From `lr` at step 0 to `final` at step `steps` along a power; then `final` (PyTorch's
    PolynomialLR). Power 1 is a straight line."""

    lr: NotNegative
    steps: Count
    power: Positive = 1.0
    final: NotNegative = 0.0
    latex: ClassVar[str] = r"\eta_T + (\eta - \eta_T) \left(1 - \frac{t}{T}\right)^p"

    def __call__(self, step: Array) -> Array:
        left = np.maximum(1.0 - _float(step) / self.steps, 0.0)
        return self.final + (self.lr - self.final) * left**self.power


@SCHEDULES.register
@final
@dataclass(frozen=True)
class inverse_sqrt(Schedule):
    """A linear rise over `warmup` steps to `lr`, then falling with the square root of the step
    (Vaswani et al. 2017, arXiv:1706.03762, equation 3, with its own peak)."""

    lr: NotNegative
    warmup: CountOrZero = 0
    latex: ClassVar[str] = (
        r"\eta\, \min\left(\frac{t + 1}{T + 1}, \sqrt{\frac{T + 1}{t + 1}}\right)"
    )

    def __call__(self, step: Array) -> Array:
        progress = (_float(step) + 1.0) / (self.warmup + 1.0)
        return self.lr * np.minimum(progress, np.sqrt(1.0 / progress))


def get(given: Any) -> Schedule:
    """A schedule as it is. By its name alone none can be made, as each needs a learning rate:
    raises SettingError that says which settings, or UnknownNameError."""
    return SCHEDULES.instance(given)


def from_config(config: Any) -> Schedule:
    """The schedule that `config()` described; SettingError for anything that it cannot have."""
    return SCHEDULES.from_config(config)
