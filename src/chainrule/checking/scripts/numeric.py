"""The arithmetic that a recorder knows by name, and a replay calls by name.

Nothing else of a recorded script is ever called by the process that reads the record.
"""

import builtins
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "matmul": operator.matmul,
    "floor_divide": operator.floordiv,
    "mod": operator.mod,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "negative": operator.neg,
    "invert": operator.invert,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
IN_PLACE: dict[str, Callable[..., Any]] = {
    "add": operator.iadd,
    "subtract": operator.isub,
    "multiply": operator.imul,
    "divide": operator.itruediv,
    "power": operator.ipow,
    "matmul": operator.imatmul,
    "floor_divide": operator.ifloordiv,
    "mod": operator.imod,
    "bitwise_and": operator.iand,
    "bitwise_or": operator.ior,
}

_NUMPY = """
add subtract multiply divide true_divide power float_power negative positive exp exp2 expm1 log
log2 log10 log1p sqrt cbrt square reciprocal abs absolute fabs sign sin cos tan sinh cosh tanh
arcsin arccos arctan arcsinh arccosh arctanh arctan2 hypot maximum minimum fmax fmin logaddexp
logaddexp2 greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not
isnan isinf isfinite floor ceil rint round around clip where heaviside mod matmul dot vdot inner
outer tensordot einsum kron cross sum mean average prod cumsum cumprod std var max min amax amin
ptp median argmax argmin argsort sort nanmean nansum transpose swapaxes moveaxis reshape ravel
squeeze expand_dims broadcast_to atleast_1d atleast_2d atleast_3d concatenate stack vstack hstack
dstack column_stack row_stack append insert delete split array_split vsplit hsplit tile repeat flip
fliplr flipud rot90 roll take take_along_axis pad diag diagonal trace tril triu diff gradient copy
array asarray asanyarray ascontiguousarray nan_to_num interp any all bincount unique nonzero
count_nonzero sinc deg2rad rad2deg real multi_dot
"""
_LINALG = "norm inv solve det matrix_power multi_dot pinv"
_MATH = (
    "exp log log2 log10 log1p expm1 sqrt tanh sinh cosh sin cos tan atan asin acos atan2 pow fabs "
    "fsum prod hypot erf"
)
METHODS = frozenset(
    "dot sum mean max min transpose reshape ravel flatten copy astype clip std var prod cumsum "
    "argmax argmin argsort squeeze swapaxes take repeat round item trace diagonal nonzero any all "
    "conj __getitem__ __len__".split()
)
# Methods that numbers have too: `w.sum()` of a float does not exist, of a NumPy number it does.
UFUNC_METHODS = ("outer", "reduce", "accumulate")


def _found(module: Any, names: str) -> dict[str, Callable[..., Any]]:
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"np.{name}": f for name, f in _found(np, _NUMPY).items()},
    **{f"np.linalg.{name}": f for name, f in _found(np.linalg, _LINALG).items()},
    **{f"math.{name}": f for name, f in _found(math, _MATH).items()},
    "abs": builtins.abs,
    "pow": builtins.pow,
    "float": builtins.float,
    "np.float64": np.float64,
    "np.float32": np.float32,
}
for _name in "add subtract multiply divide maximum minimum power".split():
    for _method in UFUNC_METHODS:
        FUNCTIONS[f"np.{_name}.{_method}"] = getattr(getattr(np, _name), _method)


def known_functions() -> dict[Any, str]:
    """Each function, and the name under which it is recorded."""
    found: dict[Any, str] = {}
    for name, function in FUNCTIONS.items():
        found.setdefault(function, name)
    return found
