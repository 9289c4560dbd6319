"""Functions of single numbers, and of pairs of them that broadcast."""

from math import pi, sqrt
from typing import Any

import numpy as np

from chainrule.ops import rows

UNARY = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "angle": lambda x: np.where(x < 0, pi, 0.0),
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "conj": np.conj,
    "conj_physical": np.conj,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg2rad": np.deg2rad,
    "erf": rows.erf,
    "erfc": rows.erfc,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "frac": lambda x: x - np.trunc(x),
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "isneginf": lambda x: np.isinf(x) & (x < 0),
    "isposinf": lambda x: np.isinf(x) & (x > 0),
    "isreal": lambda x: np.imag(x) == 0,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "logical_not": np.logical_not,
    "nan_to_num": np.nan_to_num,
    "neg": np.negative,
    "positive": np.positive,
    "rad2deg": np.rad2deg,
    "real": np.real,
    "reciprocal": np.reciprocal,
    "resolve_conj": np.copy,
    "resolve_neg": np.copy,
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sgn": np.sign,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sign": np.sign,
    "signbit": np.signbit,
    "sin": np.sin,
    "sinc": np.sinc,
    "sinh": np.sinh,
    "special.entr": lambda x: (
        np.where(x > 0, -x * np.log(np.where(x > 0, x, 1.0)), 0.0) + np.where(x < 0, -np.inf, 0.0)
    ),
    "special.erfcx": lambda x: np.exp(x * x) * rows.erfc(x),
    "special.log_ndtr": lambda x: np.log(0.5 * rows.erfc(-x / sqrt(2))),
    "special.ndtr": lambda x: 0.5 * rows.erfc(-x / sqrt(2)),
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}


def rounded(x: Any, decimals: int) -> Any:
    return np.round(x, decimals)


def logit(x: Any, eps: float | None = None) -> Any:
    if eps is not None:
        x = np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


def xlogy(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0.0, x * np.log(y))


def xlog1py(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0.0, x * np.log1p(y))


def divided(x: Any, y: Any, rounding_mode: str) -> Any:
    return {"trunc": np.trunc, "floor": np.floor}[rounding_mode](x / y)


def clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    return np.clip(x, min, max)


BINARY = {
    "__radd__": lambda x, y: y + x,
    "__rdiv__": lambda x, y: y / x,
    "__rmod__": lambda x, y: y % x,
    "__rmul__": lambda x, y: y * x,
    "__rpow__": lambda x, y: y**x,
    "__rsub__": lambda x, y: y - x,
    "add": lambda x, y, alpha=1: x + alpha * y,
    "atan2": np.arctan2,
    "clamp_max": np.minimum,
    "clamp_min": np.maximum,
    "copysign": np.copysign,
    "div.floor_rounding": divided,
    "div.no_rounding_mode": np.divide,
    "div.trunc_rounding": divided,
    "eq": np.equal,
    "equal": np.array_equal,
    "float_power": np.float_power,
    "floor_divide": np.floor_divide,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "fmod": np.fmod,
    "ge": np.greater_equal,
    "gt": np.greater,
    "heaviside": np.heaviside,
    "hypot": np.hypot,
    "ldexp": lambda x, y: x * 2.0**y,
    "le": np.less_equal,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "lt": np.less,
    "max.binary": np.maximum,
    "maximum": np.maximum,
    "min.binary": np.minimum,
    "minimum": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "pow": np.power,
    "remainder": np.remainder,
    "rsub": lambda x, y, alpha=1: y - alpha * x,
    "special.xlog1py": xlog1py,
    "sub": lambda x, y, alpha=1: x - alpha * y,
    "true_divide": np.true_divide,
    "xlogy": xlogy,
}

OTHERS = {
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "allclose": lambda x, y, **settings: np.allclose(x, y, **settings),
    "clamp": clamp,
    "isclose": lambda x, y, **settings: np.isclose(x, y, **settings),
    "lerp": lambda start, end, weight: start + weight * (end - start),
    "logit": logit,
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "round.decimals_0": rounded,
    "round.decimals_3": rounded,
    "round.decimals_neg_3": rounded,
    "where": lambda x, condition, y: np.where(condition, x, y),
}

ROWS = UNARY | BINARY | OTHERS
