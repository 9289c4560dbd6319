"""The layers, a file for each family. `LAYERS` maps names to classes."""

from chainrule.layers.activations import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from chainrule.layers.containers import Concat, Lambda, Residual, Sequential
from chainrule.layers.dense import Dense
from chainrule.layers.dropout import Dropout
from chainrule.layers.layer import LAYERS, Layer
from chainrule.layers.normalisation import BatchNorm, LayerNorm
from chainrule.layers.one_hot import OneHot
from chainrule.layers.shape import Flatten, Reshape

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "BatchNorm",
    "Concat",
    "Dense",
    "Dropout",
    "Flatten",
    "Identity",
    "Lambda",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "OneHot",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
