"""The losses, each a formula in plain NumPy and its row.

A loss is called as `loss(prediction, target, weights=None)` and returns a scalar: the mean over
samples (axis 0), or Σ wᵢlᵢ / Σ wᵢ. To add one, write its formula and its row here; the model, the
documentation and the tests find it in `LOSSES`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.errors import SettingError, UnknownNameError, suggestion
from chainrule.functions import Array, is_class, log_softmax
from chainrule.loss import FunctionLoss, Loss
from chainrule.settings import finite_number
from chainrule.targets import CLASSES, COUNTS, DISTRIBUTIONS, REALS, SIGNS, UNIT

LOSSES: dict[str, Loss] = {}
_MAKERS: dict[str, Callable[..., Loss]] = {}  # of the losses that have settings


def _add(row: Loss) -> None:
    LOSSES[row.name] = row


def _mean_beyond_samples(x: Array) -> Array:
    return np.mean(x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


def _sum_beyond_samples(x: Array) -> Array:
    return np.sum(x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


def _smallest_probability(dtype: Any) -> float:
    """The floor under a probability before its logarithm is taken.

    PyTorch clamps the logarithm at -100. This is the same clamp made before the logarithm, where
    it keeps the derivative finite as well (it is 0 below the floor), raised to the smallest normal
    number of a dtype that cannot hold exp(-100): in float32 the logarithm stops at -87.3. A clamp
    at the dtype's eps, as in Keras and scikit-learn, would alter the loss of probabilities that
    the dtype holds perfectly well, and stop a sample that is confidently wrong from being learned.
    """
    return max(math.exp(-100.0), float(np.finfo(dtype).tiny))


# ------------------------------------------------------------------------------------- regression


def _half_squared_error(prediction: Array, target: Array) -> Array:
    return 0.5 * _sum_beyond_samples(np.square(prediction - target))


_add(
    Loss(
        name="half_squared_error",
        formula=_half_squared_error,
        prediction="values",
        task="regression",
        target=REALS,
        latex=r"\frac{1}{N}\sum_i \tfrac12 \sum_k (\hat y_{ik} - y_{ik})^2",
        doc="Half the squared error, summed over the outputs of a sample: its slope is ŷ - y.",
    )
)


def _mean_squared_error(prediction: Array, target: Array) -> Array:
    return _mean_beyond_samples(np.square(prediction - target))


_add(
    Loss(
        name="mean_squared_error",
        formula=_mean_squared_error,
        prediction="values",
        task="regression",
        target=REALS,
        latex=r"\frac{1}{NK}\sum_{i,k} (\hat y_{ik} - y_{ik})^2",
        doc="The squared error, averaged over samples and outputs.",
    )
)


def _mean_absolute_error(prediction: Array, target: Array) -> Array:
    return _mean_beyond_samples(np.abs(prediction - target))


_add(
    Loss(
        name="mean_absolute_error",
        formula=_mean_absolute_error,
        prediction="values",
        task="regression",
        target=REALS,
        latex=r"\frac{1}{NK}\sum_{i,k} |\hat y_{ik} - y_{ik}|",
        doc="The absolute error, averaged over samples and outputs: it fits the median.",
    )
)


def huber(delta: float = 1.0) -> Loss:
    """½e² for errors up to `delta`, and its tangent delta·(|e| - ½delta) beyond.

    P. J. Huber, Robust estimation of a location parameter (1964). Raises SettingError unless
    `delta` is a finite number above 0.
    """
    try:
        corner = finite_number(delta)
        if corner <= 0:
            raise ValueError
    except (TypeError, ValueError):
        raise SettingError(f"huber: delta must be a finite number above 0, not {delta!r}") from None

    def formula(prediction: Array, target: Array) -> Array:
        size = np.abs(prediction - target)
        return _mean_beyond_samples(
            np.where(size <= corner, 0.5 * np.square(size), corner * (size - 0.5 * corner))
        )

    return Loss(
        name="huber",
        formula=formula,
        prediction="values",
        task="regression",
        target=REALS,
        latex=(
            r"\frac{1}{NK}\sum_{i,k} h_\delta(\hat y_{ik} - y_{ik}), \quad h_\delta(e) = "
            r"\begin{cases} \tfrac12 e^2 & |e| \le \delta \\ "
            r"\delta(|e| - \tfrac12\delta) & \text{else} \end{cases}"
        ),
        doc="Squared near 0 and absolute beyond delta, so that outliers pull with a bounded force.",
        settings={"delta": corner},
    )


_MAKERS["huber"] = huber
_add(huber())


def _poisson(log_rate: Array, target: Array) -> Array:
    return _mean_beyond_samples(np.exp(log_rate) - target * log_rate)


_add(
    Loss(
        name="poisson",
        formula=_poisson,
        prediction="log_rates",
        task="regression",
        target=COUNTS,
        latex=r"\frac{1}{NK}\sum_{i,k} e^{\hat y_{ik}} - y_{ik}\, \hat y_{ik}",
        doc="Negative log-likelihood of counts, without the constant log y!; the prediction is the "
        "logarithm of the rate, as in PyTorch, so that any real number is one.",
    )
)


# --------------------------------------------------------------------- classes: one yes or no each


def _binary_cross_entropy(prediction: Array, target: Array) -> Array:
    floor = _smallest_probability(prediction.dtype)
    log_yes = np.log(np.maximum(prediction, floor))
    log_no = np.log(np.maximum(1.0 - prediction, floor))
    return _mean_beyond_samples(-(target * log_yes + (1.0 - target) * log_no))


_add(
    Loss(
        name="binary_cross_entropy",
        formula=_binary_cross_entropy,
        prediction="probabilities",
        task="binary",
        target=UNIT,
        latex=(
            r"-\frac{1}{NK}\sum_{i,k} y_{ik}\log \hat y_{ik} + (1 - y_{ik})\log(1 - \hat y_{ik})"
        ),
        doc="Of probabilities, as a Sigmoid gives them. Logarithms stop at -100 (float32: -87.3), "
        "so the probabilities 0 and 1 have a finite loss and a finite gradient.",
    )
)


def _binary_cross_entropy_with_logits(logit: Array, target: Array) -> Array:
    # Equal to log(1 + exp(z)) - y z. There, a sample that is well classified as 1 leaves the
    # difference of two large numbers; here its small loss is computed as such.
    return _mean_beyond_samples(np.logaddexp(-target * logit, (1.0 - target) * logit))


_add(
    Loss(
        name="binary_cross_entropy_with_logits",
        formula=_binary_cross_entropy_with_logits,
        prediction="logits",
        task="binary",
        target=UNIT,
        latex=r"\frac{1}{NK}\sum_{i,k} \log(1 + e^{z_{ik}}) - y_{ik}\, z_{ik}",
        doc="Binary cross-entropy of sigmoid(z), taken of z itself: exact however certain.",
    )
)


def _hinge(score: Array, target: Array) -> Array:
    margin_short = np.where(target > 0, 1.0 - score, 1.0 + score)
    return _mean_beyond_samples(np.maximum(margin_short, 0.0))


_add(
    Loss(
        name="hinge",
        formula=_hinge,
        prediction="scores",
        task="binary",
        target=SIGNS,
        latex=(
            r"\frac{1}{NK}\sum_{i,k} \max(0, 1 - s_{ik}\, \hat y_{ik}), \quad s_{ik} = "
            r"\begin{cases} 1 & y_{ik} > 0 \\ -1 & \text{else} \end{cases}"
        ),
        doc="Of scores whose sign decides; labels are 0 and 1, or -1 and 1, as in Keras.",
    )
)


# ------------------------------------------------------------------- classes: one of C, last axis


def _cross_entropy(logits: Array, target: Array) -> Array:
    log_probability = log_softmax(logits)
    if target.shape == logits.shape:
        chosen = target * log_probability
    else:  # selecting, not multiplying, keeps the loss finite where another class has logit -inf
        chosen = np.where(is_class(target, logits.shape[-1]), log_probability, 0.0)
    return _mean_beyond_samples(-np.sum(chosen, axis=-1))


_add(
    Loss(
        name="cross_entropy",
        formula=_cross_entropy,
        prediction="logits",
        task="multiclass",
        target=CLASSES,
        latex=r"-\frac{1}{N}\sum_i \sum_k y_{ik} \log \mathrm{softmax}(z_i)_k",
        doc="Of logits; the target is a class number or a probability per class; the mean is over "
        "samples and time. A label outside 0 … C-1 selects no class: `check_target` refuses it.",
    )
)


def _kl_divergence(prediction: Array, target: Array) -> Array:
    # At target 0 the term is 0, its limit; 1 stands in so that no logarithm of 0 is taken.
    log_target = np.log(np.where(target > 0, target, 1.0))
    log_prediction = np.log(np.maximum(prediction, _smallest_probability(prediction.dtype)))
    return _mean_beyond_samples(np.sum(target * (log_target - log_prediction), axis=-1))


_add(
    Loss(
        name="kl_divergence",
        formula=_kl_divergence,
        prediction="probabilities",
        task="multiclass",
        target=DISTRIBUTIONS,
        latex=r"\frac{1}{N}\sum_i \sum_k y_{ik} (\log y_{ik} - \log \hat y_{ik})",
        doc="KL(target ‖ prediction) over the last axis, both of them probabilities, as a Softmax "
        "gives them (PyTorch's KLDivLoss takes the prediction's logarithm instead).",
    )
)


# --------------------------------------------------------------------------------------- look-up


def get(given: str | Loss | FunctionLoss | Callable[[Array, Array], Array]) -> Loss | FunctionLoss:
    """A loss by name, as it is, or made from a NumPy function `loss(prediction, target)`.

    Raises UnknownNameError, with the nearest name, for anything else.
    """
    if isinstance(given, Loss | FunctionLoss):
        return given
    if isinstance(given, str) and given.casefold() in LOSSES:
        return LOSSES[given.casefold()]
    if callable(given):
        return FunctionLoss(given)
    raise UnknownNameError("loss", given, LOSSES)


def from_config(config: Any) -> Loss:
    """The loss that `Loss.config` described; SettingError for anything that it cannot have."""
    if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
        raise SettingError(f"a saved loss is a mapping with a name, not {config!r}")
    name = config["name"]
    if name not in LOSSES:
        raise UnknownNameError("loss", name, LOSSES)
    settings = {key: value for key, value in config.items() if key != "name"}
    known = LOSSES[name].settings
    for key in settings:
        if key not in known:
            advice = suggestion(key, known) if known else "it has none"
            raise SettingError(f"loss {name!r} has no setting {key!r}; {advice}")
    return _MAKERS[name](**settings) if settings else LOSSES[name]
