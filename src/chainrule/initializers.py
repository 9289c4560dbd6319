"""How parameters begin: `initializer(key, shape, dtype)` returns a NumPy array.

The classes have lower-case names because they are used like functions,
`Dense(4, weight=cr.initializers.orthogonal(gain=2.0))`, or by name, `weight="he_normal"`.

Weights have the shape (inputs, outputs), or (kernel…, inputs, outputs) in a convolution. *Fan in*
is the number of numbers that one output is computed from, kernel positions included; *fan out* is
the number of outputs that one input reaches. Normal draws are not truncated, as in PyTorch.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import random
from chainrule.errors import ShapeError
from chainrule.settings import Configured, Domain, Number, Registry

Shape: TypeAlias = tuple[int, ...]
Fan: TypeAlias = float | None
Floats: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Initializer(Configured, ABC):
    """Base of the initializers."""

    def __call__(
        self,
        key: Any,
        shape: Shape,
        dtype: DTypeLike = np.float32,
        fan_in: float | None = None,
        fan_out: float | None = None,
    ) -> Floats:
        """An array of this shape and dtype. `key` comes from `chainrule.random.key(seed)`.

        `fan_in` and `fan_out` take the place of what the shape says. Raises ShapeError for a shape
        that the initializer cannot fill.
        """
        return self.fill(key, tuple(shape), fan_in, fan_out).astype(dtype)

    @abstractmethod
    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        """The same in float64: a model in float32 starts from the float64 model, rounded."""


INITIALIZERS: Registry[Initializer] = Registry("initializer")
Initializer.family = INITIALIZERS


def fans(shape: Shape) -> tuple[int, int]:
    """(fan in, fan out) of a weight; ShapeError for fewer than two axes."""
    if len(shape) < 2:
        raise ShapeError(
            f"shape {shape} has no axes of inputs and outputs to scale by; give fan_in and "
            "fan_out, or use zeros, ones or constant"
        )
    positions = math.prod(shape[:-2])
    return positions * shape[-2], positions * shape[-1]


def _normal(key: Any, shape: Shape) -> Floats:
    return np.asarray(random.normal(key, shape), np.float64)


def _uniform(key: Any, shape: Shape) -> Floats:
    return np.asarray(random.uniform(key, shape), np.float64)


# ----------------------------------------------------------------------- scaled random numbers


@dataclass(frozen=True)
class Scaled(Initializer):
    """Base of those that draw around 0, with a variance that the fans decide."""

    distribution: ClassVar[Literal["normal", "uniform"]]

    @staticmethod
    @abstractmethod
    def variance(fan_in: float, fan_out: float) -> float:
        """The variance of each entry."""

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        if fan_in is None or fan_out is None:
            shape_in, shape_out = fans(shape)
            fan_in = shape_in if fan_in is None else fan_in
            fan_out = shape_out if fan_out is None else fan_out
        variance = self.variance(max(fan_in, 1), max(fan_out, 1))  # an empty weight has fan 0
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)  # U(-a, a) has the variance a²/3
            return limit * (2.0 * _uniform(key, shape) - 1.0)
        return math.sqrt(variance) * _normal(key, shape)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class glorot_uniform(Scaled):
    """Uniform, variance 2 / (fan in + fan out): for tanh and sigmoid (Glorot and Bengio 2010)."""

    distribution = "uniform"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 2.0 / (fan_in + fan_out)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class glorot_normal(Scaled):
    """Normal, variance 2 / (fan in + fan out): for tanh and sigmoid (Glorot and Bengio 2010)."""

    distribution = "normal"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 2.0 / (fan_in + fan_out)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class he_uniform(Scaled):
    """Uniform, variance 2 / fan in: for ReLU (He et al. 2015, arXiv:1502.01852)."""

    distribution = "uniform"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 2.0 / fan_in


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class he_normal(Scaled):
    """Normal, variance 2 / fan in: for ReLU (He et al. 2015, arXiv:1502.01852)."""

    distribution = "normal"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 2.0 / fan_in


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class lecun_uniform(Scaled):
    """Uniform, variance 1 / fan in: keeps the variance of linear units (LeCun et al. 1998)."""

    distribution = "uniform"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 1.0 / fan_in


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class lecun_normal(Scaled):
    """Normal, variance 1 / fan in: keeps the variance of linear units (LeCun et al. 1998)."""

    distribution = "normal"

    @staticmethod
    def variance(fan_in: float, fan_out: float) -> float:
        return 1.0 / fan_in


# ------------------------------------------------------------------------------------- the others


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class orthogonal(Initializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer: repeated
    products neither grow nor shrink (Saxe, McClelland and Ganguli 2014, arXiv:1312.6120).

    A convolution's weight is read as a matrix (kernel positions · inputs, outputs).
    """

    gain: Number = 1.0

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        if len(shape) < 2:
            raise ShapeError(f"orthogonal makes matrices; shape {shape} has fewer than two axes")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(_normal(key, tall))
        # With the signs of R's diagonal moved to Q every orthogonal matrix is equally likely
        # (Mezzadri 2007, arXiv:math-ph/0609050).
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        matrix = q if rows >= columns else q.T
        return self.gain * matrix.reshape(shape)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class constant(Initializer):
    """The same number everywhere."""

    value: Number

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        return np.full(shape, self.value)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class zeros(Initializer):
    """0 everywhere: for biases."""

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        return np.zeros(shape)


@INITIALIZERS.register
@final
@dataclass(frozen=True)
class ones(Initializer):
    """1 everywhere: for scales."""

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        return np.ones(shape)


def _read_array(value: Any) -> Floats:
    found = np.asarray(value)
    if found.dtype.kind not in "iuf":
        raise TypeError
    if not np.isfinite(found).all():
        raise ValueError
    array = found.astype(np.float64)  # a copy: what the caller does to theirs changes nothing here
    array.flags.writeable = False
    return array


@INITIALIZERS.register
@final
@dataclass(frozen=True, eq=False)
class fixed(Initializer):
    """Exactly this array, which must have the parameter's shape: for worked examples."""

    array: Annotated[Any, Domain("an array of finite numbers", _read_array)]

    def fill(self, key: Any, shape: Shape, fan_in: Fan, fan_out: Fan) -> Floats:
        if self.array.shape != shape:
            raise ShapeError(f"the fixed array has shape {self.array.shape}, the parameter {shape}")
        return np.array(self.array)


def get(given: Any) -> Initializer:
    """An initializer as it is, or by name; UnknownNameError, with the nearest name, for others."""
    return INITIALIZERS.instance(given)


def from_config(config: Any) -> Initializer:
    """The initializer that `config()` described; SettingError for anything that it cannot have."""
    return INITIALIZERS.from_config(config)
