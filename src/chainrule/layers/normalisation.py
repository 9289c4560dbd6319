"""Batch and layer normalisation."""

from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np

from chainrule.errors import SettingError, ShapeError
from chainrule.layers.layer import LAYERS, Array, Arrays, Layer, Shape
from chainrule.settings import Fraction, Positive


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """Each feature (last axis) with mean 0 and variance 1 over the batch, then scaled and shifted
    (Ioffe and Szegedy 2015, arXiv:1502.03167).

    While training, the batch's own mean and variance are used, and running averages keep
    `1 - momentum` of the old and `momentum` of the new (the variance of n numbers with n - 1, as
    in PyTorch); otherwise the running averages are used.
    """

    momentum: Fraction = 0.1
    eps: Positive = 1e-5

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        if not shape:
            raise ShapeError("BatchNorm takes samples with at least one axis, of features")
        features = shape[-1:]
        params = {"scale": np.ones(features, dtype), "bias": np.zeros(features, dtype)}
        state = {"mean": np.zeros(features, dtype), "variance": np.ones(features, dtype)}
        return params, state

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        if training:
            axes = tuple(range(x.ndim - 1))
            count = prod(x.shape[:-1])
            if count < 2:
                raise SettingError(
                    "BatchNorm cannot train on a single number per feature; use a larger batch "
                    "(batch_size, and its remainder at the end of an epoch, of 2 or more)"
                )
            mean = np.mean(x, axis=axes)
            variance = np.mean(np.square(x - mean), axis=axes)
            keep = 1 - self.momentum
            state = {
                "mean": keep * state["mean"] + self.momentum * mean,
                "variance": keep * state["variance"]
                + (self.momentum * count / (count - 1)) * variance,
            }
        else:
            mean, variance = state["mean"], state["variance"]
        y = (x - mean) / np.sqrt(variance + self.eps)
        return y * params["scale"] + params["bias"], state


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class LayerNorm(Layer):
    """The features (last axis) of each sample with mean 0 and variance 1, then scaled and shifted
    (Ba, Kiros and Hinton 2016, arXiv:1607.06450)."""

    eps: Positive = 1e-5

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        if not shape:
            raise ShapeError("LayerNorm takes samples with at least one axis, of features")
        return {"scale": np.ones(shape[-1:], dtype), "bias": np.zeros(shape[-1:], dtype)}, {}

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(np.square(centred), axis=-1, keepdims=True)
        y = centred / np.sqrt(variance + self.eps)
        return y * params["scale"] + params["bias"], state
