"""The fully connected layer."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.initializers import get as initializer
from chainrule.layers.layer import LAYERS, Array, Arrays, Initial, Layer, Shape
from chainrule.random import split
from chainrule.settings import Count, NotNegative, Switch


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """x @ weight + bias, along the last axis.

    units          how many outputs
    bias           False leaves the bias out
    weight         initializer of the weight (inputs, units); by default Glorot uniform, He normal
                   directly before a ReLU of any sort
    initial_bias   initializer of the bias (units,)
    l1, l2         penalties on the weight
    """

    units: Count
    bias: Switch = True
    weight: Initial = None
    initial_bias: Initial = "zeros"
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0

    elsewhere: ClassVar = {
        "activation": "an activation is a layer of its own: cr.Dense(...), cr.ReLU()",
        "kernel_initializer": "it is called weight here",
    }

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        if not shape:
            raise ShapeError("Dense takes samples with at least one axis, of features")
        default = "he_normal" if after is not None and after.first().rectifies else "glorot_uniform"
        start = initializer(default) if self.weight is None else self.weight
        weight_key, bias_key = split(key)
        params = {"weight": start(weight_key, (shape[-1], self.units), dtype)}
        if self.bias:
            params["bias"] = self.initial_bias(bias_key, (self.units,), dtype)
        return params, {}

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        weight = params["weight"]
        if np.ndim(x) < 2 or x.shape[-1] != weight.shape[0]:
            raise ShapeError(
                f"Dense({self.units}) was built for {weight.shape[0]} features, and its input has "
                f"shape {tuple(x.shape)}; the last axis is the features"
            )
        y = x @ weight
        return (y + params["bias"] if self.bias else y), state
