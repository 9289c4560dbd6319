"""The activations: layers without parameters, elementwise but for Softmax."""

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any, ClassVar, final

import numpy as np

from chainrule.functions import softmax
from chainrule.layers.layer import LAYERS, Array, Arrays, Layer
from chainrule.ops import rows
from chainrule.settings import Domain, Number


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """Base of the activations: a function of the input alone."""

    def formula(self, x: Array) -> Array:
        """What the activation is; each states its own."""
        raise NotImplementedError(f"{type(self).__name__} states no formula")

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        return self.formula(x), state


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Identity(Activation):
    """The input as it is."""

    def formula(self, x: Array) -> Array:
        return x


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Sigmoid(Activation):
    """1 / (1 + exp(-x)): squashes a number into (0, 1)."""

    def formula(self, x: Array) -> Array:
        return rows.sigmoid(x)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Tanh(Activation):
    """The hyperbolic tangent: squashes a number into (-1, 1)."""

    def formula(self, x: Array) -> Array:
        return np.tanh(x)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class ReLU(Activation):
    """max(x, 0), with derivative 0 at 0 (Nair and Hinton 2010)."""

    rectifies: ClassVar[bool] = True

    def formula(self, x: Array) -> Array:
        return rows.relu(x)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class LeakyReLU(Activation):
    """x where it is positive, else slope · x (Maas, Hannun and Ng 2013)."""

    slope: Number = 0.01
    rectifies: ClassVar[bool] = True

    def formula(self, x: Array) -> Array:
        return np.where(x > 0, x, self.slope * x)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class ELU(Activation):
    """x where it is positive, else alpha (exp(x) - 1) (Clevert et al. 2016, arXiv:1511.07289)."""

    alpha: Number = 1.0
    rectifies: ClassVar[bool] = True

    def formula(self, x: Array) -> Array:
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0.0)))


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class GELU(Activation):
    """x Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    rectifies: ClassVar[bool] = True

    def formula(self, x: Array) -> Array:
        return 0.5 * x * (1.0 + rows.erf(x * (1 / sqrt(2))))


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class SiLU(Activation):
    """x σ(x), also called swish (Elfwing et al. 2018, arXiv:1702.03118)."""

    rectifies: ClassVar[bool] = True

    def formula(self, x: Array) -> Array:
        return x * rows.sigmoid(x)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Softplus(Activation):
    """log(1 + exp(x)): a smooth relu."""

    def formula(self, x: Array) -> Array:
        return rows.softplus(x)


def _axis(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value:
        raise ValueError
    return int(value)


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Softmax(Activation):
    """exp(x) / Σ exp(x) along an axis: positive numbers that sum to 1."""

    axis: Annotated[int, Domain("a whole number", _axis)] = -1

    def formula(self, x: Array) -> Array:
        return softmax(x, self.axis)
