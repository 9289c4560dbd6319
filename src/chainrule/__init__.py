"""Neural networks as one graph: see every value and gradient, train, differentiate NumPy code.

    import chainrule as cr

    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(0.1))
    history = model.fit(X, y, epochs=1000)

    gradient = cr.grad(lambda w: np.sum(np.tanh(X @ w)))(w)

Names are loaded when they are first used (PEP 562), so that `import chainrule` costs next to
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in _HOMES, for type checkers and editors; a test compares
    from chainrule import initializers as initializers
    from chainrule import losses as losses
    from chainrule import random as random
    from chainrule import schedules as schedules
    from chainrule.callbacks import Checkpoint as Checkpoint
    from chainrule.callbacks import EarlyStopping as EarlyStopping
    from chainrule.diagnosis import RecordLayers as RecordLayers
    from chainrule.diagnosis import diagnose as diagnose
    from chainrule.diagnosis import why_not_finite as why_not_finite
    from chainrule.errors import ChainruleError as ChainruleError
    from chainrule.errors import DataError as DataError
    from chainrule.errors import FileError as FileError
    from chainrule.errors import GraphError as GraphError
    from chainrule.errors import LeakedValueError as LeakedValueError
    from chainrule.errors import NotFiniteError as NotFiniteError
    from chainrule.errors import SettingError as SettingError
    from chainrule.errors import ShapeError as ShapeError
    from chainrule.errors import TraceError as TraceError
    from chainrule.errors import UnknownNameError as UnknownNameError
    from chainrule.explanation import explain as explain
    from chainrule.graph import Graph as Graph
    from chainrule.graph import Node as Node
    from chainrule.history import History as History
    from chainrule.layers import ELU as ELU
    from chainrule.layers import GELU as GELU
    from chainrule.layers import BatchNorm as BatchNorm
    from chainrule.layers import Concat as Concat
    from chainrule.layers import Dense as Dense
    from chainrule.layers import Dropout as Dropout
    from chainrule.layers import Flatten as Flatten
    from chainrule.layers import Identity as Identity
    from chainrule.layers import Lambda as Lambda
    from chainrule.layers import Layer as Layer
    from chainrule.layers import LayerNorm as LayerNorm
    from chainrule.layers import LeakyReLU as LeakyReLU
    from chainrule.layers import OneHot as OneHot
    from chainrule.layers import ReLU as ReLU
    from chainrule.layers import Reshape as Reshape
    from chainrule.layers import Residual as Residual
    from chainrule.layers import Sequential as Sequential
    from chainrule.layers import Sigmoid as Sigmoid
    from chainrule.layers import SiLU as SiLU
    from chainrule.layers import Softmax as Softmax
    from chainrule.layers import Softplus as Softplus
    from chainrule.layers import Tanh as Tanh
    from chainrule.model import Model as Model
    from chainrule.model import load as load
    from chainrule.optimizers import SGD as SGD
    from chainrule.optimizers import Adadelta as Adadelta
    from chainrule.optimizers import Adagrad as Adagrad
    from chainrule.optimizers import Adam as Adam
    from chainrule.optimizers import AdamW as AdamW
    from chainrule.optimizers import Lion as Lion
    from chainrule.optimizers import NAdam as NAdam
    from chainrule.optimizers import RMSprop as RMSprop
    from chainrule.pipeline import compile as compile
    from chainrule.pipeline import grad as grad
    from chainrule.pipeline import scan as scan
    from chainrule.pipeline import trace as trace
    from chainrule.pipeline import value_and_grad as value_and_grad
    from chainrule.pipeline import vmap as vmap
    from chainrule.runs import run as run
    from chainrule.trail import RecordSteps as RecordSteps

__version__ = "0.1.0"

# Where each public name lives, in pipeline order.
_HOMES = {
    "chainrule.graph": "Graph Node",
    "chainrule.pipeline": "trace grad value_and_grad vmap scan compile",
    "chainrule.runs": "run",
    "chainrule.layers": (
        "Layer Dense Sigmoid Tanh ReLU LeakyReLU ELU GELU SiLU Softplus Softmax Identity "
        "Flatten Reshape OneHot Dropout BatchNorm LayerNorm Sequential Residual Concat Lambda"
    ),
    "chainrule.optimizers": "SGD Adam AdamW RMSprop Adagrad Adadelta NAdam Lion",
    "chainrule.model": "Model load",
    "chainrule.explanation": "explain",
    "chainrule.history": "History",
    "chainrule.callbacks": "EarlyStopping Checkpoint",
    "chainrule.trail": "RecordSteps",
    "chainrule.diagnosis": "RecordLayers diagnose why_not_finite",
    "chainrule.errors": (
        "ChainruleError GraphError TraceError LeakedValueError ShapeError DataError SettingError "
        "UnknownNameError FileError NotFiniteError"
    ),
}
_MODULES = ("random", "losses", "initializers", "schedules")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [*_HOME_OF, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"chainrule.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # from now on found without this function
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
