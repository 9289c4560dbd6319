"""Neural networks as one graph: see every gradient, check every backward pass, train fast.

import chainrule as cr

net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(0.1))
history = model.fit(X, y, epochs=1000)

gradient = cr.grad(lambda w: np.sum(np.tanh(X @ w)))(w)
"""

from chainrule import initializers, losses, random, schedules
from chainrule.callbacks import Checkpoint, EarlyStopping
from chainrule.engines import compile_graph
from chainrule.errors import (
    ChainruleError,
    DataError,
    FileError,
    GraphError,
    LeakedValueError,
    NotFiniteError,
    SettingError,
    ShapeError,
    TraceError,
    UnknownNameError,
)
from chainrule.graph import Graph, Node
from chainrule.history import History
from chainrule.layers import (
    ELU,
    GELU,
    BatchNorm,
    Concat,
    Dense,
    Dropout,
    Flatten,
    Identity,
    Lambda,
    Layer,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from chainrule.model import Model, load
from chainrule.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop
from chainrule.pipeline import compile, grad, scan, value_and_grad, vmap
from chainrule.runs import run
from chainrule.trace import trace

__version__ = "0.1.0"

__all__ = [
    # functions of arrays
    "trace",
    "grad",
    "value_and_grad",
    "vmap",
    "scan",
    "compile",
    "run",
    "random",
    "Graph",
    "Node",
    "compile_graph",
    # layers
    "Layer",
    "Dense",
    "Sigmoid",
    "Tanh",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Softplus",
    "Softmax",
    "Identity",
    "Flatten",
    "Reshape",
    "Dropout",
    "BatchNorm",
    "LayerNorm",
    "Sequential",
    "Residual",
    "Concat",
    "Lambda",
    # training
    "Model",
    "History",
    "load",
    "losses",
    "initializers",
    "schedules",
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "NAdam",
    "Lion",
    "EarlyStopping",
    "Checkpoint",
    # errors
    "ChainruleError",
    "GraphError",
    "TraceError",
    "LeakedValueError",
    "ShapeError",
    "DataError",
    "SettingError",
    "UnknownNameError",
    "FileError",
    "NotFiniteError",
]
