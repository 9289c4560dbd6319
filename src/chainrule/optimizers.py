"""The optimizers, one class each: its settings, its slots, and its update of one leaf.

The formulas are PyTorch's, to rounding. A float32 parameter is updated in float32; scalars such as
bias corrections are computed in float64 from the step and then rounded to its dtype. To add an
optimizer, write its class here; the documentation, the files and the tests find it in `OPTIMIZERS`.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule.functions import Array
from chainrule.optimizer import Optimizer, Slots, clip_by_global_norm, global_norm
from chainrule.schedules import SCHEDULES, Rate
from chainrule.settings import Fraction, Fractions, NotNegative, Registry, Switch

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "clip_by_global_norm",
    "from_config",
    "get",
    "global_norm",
]

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", nested=SCHEDULES)
Optimizer.family = OPTIMIZERS


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    nesterov   looks ahead along the momentum (Sutskever et al. 2013)
    dampening  the share of a new gradient that the momentum leaves out, after the first
    """

    lr: Rate = 1e-3
    momentum: Fraction = 0.0
    nesterov: Switch = False
    weight_decay: NotNegative = 0.0
    dampening: Fraction = 0.0

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        self.require(
            not self.nesterov or (self.momentum > 0 and self.dampening == 0),
            "nesterov needs a momentum above 0 and no dampening",
        )

    def slots(self, p: Array) -> Slots:
        return {"momentum": np.zeros_like(p)} if self.momentum else {}

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        g = _decayed(g, p, self.weight_decay)
        if not self.momentum:
            return p - lr.astype(p.dtype) * g, {}
        new = g
        if self.dampening:  # PyTorch takes the first gradient whole
            new = np.where(t == 1.0, 1.0, 1.0 - self.dampening).astype(p.dtype) * g
        velocity = self.momentum * s["momentum"] + new
        direction = g + self.momentum * velocity if self.nesterov else velocity
        return p - lr.astype(p.dtype) * direction, {"momentum": velocity}

    def rule(self) -> tuple[str, ...]:
        lines = _decay_rule(self.weight_decay)
        if not self.momentum:
            return (*lines, r"\theta \leftarrow \theta - \eta\, g")
        share = r"(1 - \tau)\, g" if self.dampening else "g"
        lines = (*lines, rf"v \leftarrow \mu v + {share}")
        if self.nesterov:
            return (*lines, r"\theta \leftarrow \theta - \eta\, (g + \mu v)")
        return (*lines, r"\theta \leftarrow \theta - \eta\, v")


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class Adam(Optimizer):
    """Steps of the size of lr, scaled by running moments of the gradient.

    Kingma and Ba 2015, arXiv:1412.6980; amsgrad as Reddi, Kale and Kumar 2018, arXiv:1904.09237.
    """

    lr: Rate = 1e-3
    betas: Fractions = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: Switch = False

    def slots(self, p: Array) -> Slots:
        return _adam_slots(p, self.amsgrad)

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        g = _decayed(g, p, self.weight_decay)
        return _adam_leaf(p, g, s, lr, t, self.betas, self.eps)

    def rule(self) -> tuple[str, ...]:
        return (*_decay_rule(self.weight_decay), *_adam_rule(self.amsgrad))


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam whose weight decay bypasses the moments (Loshchilov and Hutter 2019,
    arXiv:1711.05101)."""

    lr: Rate = 1e-3
    betas: Fractions = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 1e-2
    amsgrad: Switch = False

    def slots(self, p: Array) -> Slots:
        return _adam_slots(p, self.amsgrad)

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        p = _shrunk(p, lr, self.weight_decay)
        return _adam_leaf(p, g, s, lr, t, self.betas, self.eps)

    def rule(self) -> tuple[str, ...]:
        return (*_shrink_rule(self.weight_decay), *_adam_rule(self.amsgrad))


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Gradients divided by their running root mean square (Hinton 2012, lecture 6).

    centered  subtracts the square of their running mean (Graves 2013, arXiv:1308.0850)
    """

    lr: Rate = 1e-2
    alpha: Fraction = 0.99
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    momentum: Fraction = 0.0
    centered: Switch = False

    def slots(self, p: Array) -> Slots:
        names = ["square"]
        if self.centered:
            names.append("mean")
        if self.momentum:
            names.append("momentum")
        return {name: np.zeros_like(p) for name in names}

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        g = _decayed(g, p, self.weight_decay)
        square = _averaged(s["square"], np.square(g), self.alpha)
        slots = {"square": square}
        if self.centered:
            mean = slots["mean"] = _averaged(s["mean"], g, self.alpha)
            square = np.maximum(square - np.square(mean), 0.0)  # rounding may go below 0
        step = g / (np.sqrt(square) + self.eps)
        if self.momentum:
            step = slots["momentum"] = self.momentum * s["momentum"] + step
        return p - lr.astype(p.dtype) * step, slots

    def rule(self) -> tuple[str, ...]:
        lines = [*_decay_rule(self.weight_decay)]
        lines.append(r"v \leftarrow \alpha v + (1 - \alpha)\, g^2")
        scaled = r"\frac{g}{\sqrt{v} + \epsilon}"
        if self.centered:
            lines.append(r"\bar g \leftarrow \alpha \bar g + (1 - \alpha)\, g")
            scaled = r"\frac{g}{\sqrt{v - \bar g^2} + \epsilon}"
        if self.momentum:
            lines.append(rf"u \leftarrow \mu u + {scaled}")
            scaled = "u"
        return (*lines, rf"\theta \leftarrow \theta - \eta\, {scaled}")


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far (Duchi, Hazan and
    Singer 2011)."""

    lr: Rate = 1e-2
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: NotNegative = 1e-10

    def slots(self, p: Array) -> Slots:
        return {"sum": np.full_like(p, self.initial_accumulator_value)}

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        g = _decayed(g, p, self.weight_decay)
        total = s["sum"] + np.square(g)
        rate = lr / (1.0 + (t - 1.0) * self.lr_decay)
        return p - rate.astype(p.dtype) * (g / (np.sqrt(total) + self.eps)), {"sum": total}

    def rule(self) -> tuple[str, ...]:
        rate = r"\frac{\eta}{1 + (t - 1)\gamma}" if self.lr_decay else r"\eta"
        return (
            *_decay_rule(self.weight_decay),
            r"v \leftarrow v + g^2",
            rf"\theta \leftarrow \theta - {rate}\, \frac{{g}}{{\sqrt{{v}} + \epsilon}}",
        )


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Steps in the parameter's own unit: the ratio of the running sizes of past steps and of
    gradients, times the gradient (Zeiler 2012, arXiv:1212.5701)."""

    lr: Rate = 1.0
    rho: Fraction = 0.9
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 0.0

    def slots(self, p: Array) -> Slots:
        return {"square": np.zeros_like(p), "step_square": np.zeros_like(p)}

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        g = _decayed(g, p, self.weight_decay)
        square = _averaged(s["square"], np.square(g), self.rho)
        step = np.sqrt(s["step_square"] + self.eps) / np.sqrt(square + self.eps) * g
        step_square = _averaged(s["step_square"], np.square(step), self.rho)
        return p - lr.astype(p.dtype) * step, {"square": square, "step_square": step_square}

    def rule(self) -> tuple[str, ...]:
        return (
            *_decay_rule(self.weight_decay),
            r"v \leftarrow \rho v + (1 - \rho)\, g^2",
            r"\Delta \leftarrow \frac{\sqrt{u + \epsilon}}{\sqrt{v + \epsilon}}\, g",
            r"u \leftarrow \rho u + (1 - \rho)\, \Delta^2",
            r"\theta \leftarrow \theta - \eta\, \Delta",
        )


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class NAdam(Optimizer):
    """Adam with Nesterov's look-ahead and a momentum that grows with the step (Dozat 2016).

    The slot "momentum_product" is a float64 scalar per parameter: the product of the momenta of
    all steps so far, which the bias correction needs and which has no closed form.
    """

    lr: Rate = 2e-3
    betas: Fractions = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    momentum_decay: NotNegative = 4e-3
    decoupled_weight_decay: Switch = False

    def slots(self, p: Array) -> Slots:
        return {
            "mean": np.zeros_like(p),
            "square": np.zeros_like(p),
            "momentum_product": np.ones((), np.float64),
        }

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        beta1, beta2 = self.betas
        if self.decoupled_weight_decay:
            p = _shrunk(p, lr, self.weight_decay)
        else:
            g = _decayed(g, p, self.weight_decay)
        mean = _averaged(s["mean"], g, beta1)
        square = _averaged(s["square"], np.square(g), beta2)

        momentum, next_momentum = self._momentum(t), self._momentum(t + 1.0)
        product = s["momentum_product"] * momentum
        gradient_rate = lr * (1.0 - momentum) / (1.0 - product)
        mean_rate = lr * next_momentum / (1.0 - product * next_momentum)
        correction = np.sqrt(1.0 - beta2**t)
        step = (gradient_rate * correction).astype(p.dtype) * g
        step = step + (mean_rate * correction).astype(p.dtype) * mean
        size = np.sqrt(square) + (self.eps * correction).astype(p.dtype)
        return p - step / size, {"mean": mean, "square": square, "momentum_product": product}

    def _momentum(self, t: Array) -> Array:
        return self.betas[0] * (1.0 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def rule(self) -> tuple[str, ...]:
        decay = _shrink_rule if self.decoupled_weight_decay else _decay_rule
        return (
            *decay(self.weight_decay),
            r"\mu_t = \beta_1 \left(1 - \tfrac12\, 0.96^{t \psi}\right)",
            r"m \leftarrow \beta_1 m + (1 - \beta_1)\, g",
            r"v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2",
            r"\hat m = \frac{\mu_{t+1}\, m}{1 - \prod_{i \le t+1} \mu_i} + "
            r"\frac{(1 - \mu_t)\, g}{1 - \prod_{i \le t} \mu_i}",
            r"\theta \leftarrow \theta - \eta\, "
            r"\frac{\hat m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}",
        )


@OPTIMIZERS.register
@final
@dataclass(frozen=True)
class Lion(Optimizer):
    """Steps of exactly lr in every coordinate, along the sign of a momentum (Chen et al. 2023,
    arXiv:2302.06675, algorithm 2). The learning rate is three to ten times smaller than Adam's."""

    lr: Rate = 1e-4
    betas: Fractions = (0.9, 0.99)
    weight_decay: NotNegative = 0.0

    def slots(self, p: Array) -> Slots:
        return {"mean": np.zeros_like(p)}

    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        beta1, beta2 = self.betas
        direction = np.sign(_averaged(s["mean"], g, beta1))
        p = _shrunk(p, lr, self.weight_decay) - lr.astype(p.dtype) * direction
        return p, {"mean": _averaged(s["mean"], g, beta2)}

    def rule(self) -> tuple[str, ...]:
        return (
            *_shrink_rule(self.weight_decay),
            r"\theta \leftarrow \theta - \eta\, \mathrm{sign}(\beta_1 m + (1 - \beta_1)\, g)",
            r"m \leftarrow \beta_2 m + (1 - \beta_2)\, g",
        )


def get(given: Any) -> Optimizer:
    """An optimizer as it is, or by name ("adam", in upper or lower case) with its defaults.

    Raises UnknownNameError, with the nearest name, for anything else.
    """
    return OPTIMIZERS.instance(given)


def from_config(config: Any) -> Optimizer:
    """The optimizer that `config()` described; SettingError for anything that it cannot have."""
    return OPTIMIZERS.from_config(config)


# ----------------------------------------------------------- parts that several optimizers share


def _averaged(average: Array, new: Array, keep: float) -> Array:
    return keep * average + (1.0 - keep) * new


def _decayed(g: Array, p: Array, weight_decay: float) -> Array:
    """The gradient of the loss plus ½ weight_decay Σp²."""
    return g + weight_decay * p if weight_decay else g


def _shrunk(p: Array, lr: Array, weight_decay: float) -> Array:
    """Decoupled weight decay: the parameter itself shrinks, whatever its gradient."""
    return p * (1.0 - lr * weight_decay).astype(p.dtype) if weight_decay else p


def _adam_slots(p: Array, amsgrad: bool) -> Slots:
    names = ("mean", "square", "largest_square") if amsgrad else ("mean", "square")
    return {name: np.zeros_like(p) for name in names}


def _adam_leaf(
    p: Array, g: Array, s: Slots, lr: Array, t: Array, betas: tuple[float, float], eps: float
) -> tuple[Array, Slots]:
    """Adam's update; a slot "largest_square" makes it AMSGrad."""
    beta1, beta2 = betas
    mean = _averaged(s["mean"], g, beta1)
    square = _averaged(s["square"], np.square(g), beta2)
    slots = {"mean": mean, "square": square}
    if "largest_square" in s:
        square = slots["largest_square"] = np.maximum(s["largest_square"], square)
    # The corrections are moved to the scalars, as the end of the paper's section 2 suggests: one
    # division per entry instead of two.
    correction = np.sqrt(1.0 - beta2**t)
    rate = (lr * correction / (1.0 - beta1**t)).astype(p.dtype)
    return p - rate * (mean / (np.sqrt(square) + (eps * correction).astype(p.dtype))), slots


def _adam_rule(amsgrad: bool) -> tuple[str, ...]:
    moments = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1)\, g",
        r"v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2",
    )
    largest = (r"\hat v \leftarrow \max(\hat v, v)",) if amsgrad else ()
    used = r"\hat v" if amsgrad else "v"
    return (
        *moments,
        *largest,
        r"\theta \leftarrow \theta - \eta\, \frac{m / (1 - \beta_1^t)}"
        rf"{{\sqrt{{{used} / (1 - \beta_2^t)}} + \epsilon}}",
    )


def _decay_rule(weight_decay: float) -> tuple[str, ...]:
    return (r"g \leftarrow g + \lambda \theta",) if weight_decay else ()


def _shrink_rule(weight_decay: float) -> tuple[str, ...]:
    return (r"\theta \leftarrow (1 - \eta \lambda)\, \theta",) if weight_decay else ()
