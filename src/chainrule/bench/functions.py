"""Ten functions as people write them in NumPy; value and gradient are measured.

Each is a function of a first argument, which the gradient is for, and of data. For JAX the same
code is bound to `jax.numpy` and `lax.scan`, so that both compute one formula.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.bench.rows import Row
from chainrule.pipeline import scan

Function = Callable[..., Any]
FUNCTIONS: dict[str, tuple[str, Function, Callable[[Any], tuple[Any, ...]]]] = {}
SEED = 3


def _add(about: str, data: Callable[[Any], tuple[Any, ...]]) -> Callable[[Function], Function]:
    """`data` makes the arguments from a random generator, in float64."""

    def add(function: Function) -> Function:
        FUNCTIONS[function.__name__.replace("_", "-")] = (about, function, data)
        return function

    return add


def find(name: str) -> tuple[Function, tuple[Any, ...]]:
    """The function of this name, and its arguments in float32."""
    _, function, data = FUNCTIONS[name]
    return function, single(data(np.random.default_rng(SEED)))


def single(value: Any) -> Any:
    """The same tree of arrays in float32; whole numbers stay."""
    if isinstance(value, dict):
        return {name: single(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(single(entry) for entry in value)
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def rebound(function: Function, numpy: Any, scan: Any) -> Function:
    """The same code over another library's `np` and `scan`."""
    assert isinstance(function, FunctionType)
    names = function.__globals__ | {"np": numpy, "scan": scan}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)


def norms(gradient: Any, numpy: Any) -> list[float]:
    """The size of each array of a gradient, in the order of its names."""
    if isinstance(gradient, dict):
        return [size for name in sorted(gradient) for size in norms(gradient[name], numpy)]
    if isinstance(gradient, tuple | list):
        return [size for entry in gradient for size in norms(entry, numpy)]
    return [float(numpy.sqrt(numpy.sum(numpy.square(numpy.asarray(gradient, "float64")))))]


# --- the functions -------------------------------------------------------------------------------


@_add(
    "logistic regression, 1,000 × 30, with a penalty",
    lambda rng: (
        {"w": rng.normal(size=30) / 10, "b": 0.1},
        rng.normal(size=(1000, 30)),
        rng.integers(0, 2, 1000) * 1.0,
    ),
)
def logistic_regression(params: Any, x: Any, y: Any) -> Any:
    z = x @ params["w"] + params["b"]
    p = 1 / (1 + np.exp(-z))
    likelihood = y * np.log(p) + (1 - y) * np.log(1 - p)
    return -np.mean(likelihood) + 0.01 * np.sum(params["w"] ** 2)


@_add(
    "gravitational energy of 200 bodies",
    lambda rng: (rng.normal(size=(200, 3)), rng.uniform(0.5, 1.5, 200)),
)
def n_body(positions: Any, masses: Any) -> Any:
    apart = positions[:, None, :] - positions[None, :, :]
    distance = np.sqrt(np.sum(apart**2, axis=-1) + 0.01)
    return -0.5 * np.sum(masses[:, None] * masses[None, :] / distance)


def _kalman_data(rng: Any) -> tuple[Any, ...]:
    turn = np.array([[1.0, 0.1], [-0.1, 0.98]])
    params = {"turn": turn, "drift": np.log([0.1, 0.2]), "noise": np.log(0.5)}
    return params, np.cumsum(rng.normal(size=500)) / 5


@_add("likelihood of a Kalman filter, two states, 500 observations", _kalman_data)
def kalman_filter(params: Any, observed: Any) -> Any:
    turn, noise = params["turn"], np.exp(params["noise"])
    drift = np.diag(np.exp(params["drift"]))

    def advance(carry: Any, y: Any) -> Any:
        mean, cov = carry
        mean, cov = turn @ mean, turn @ cov @ turn.T + drift
        error, variance = y - mean[0], cov[0, 0] + noise
        gain = cov[:, 0] / variance
        likelihood = -0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)
        mean, cov = mean + gain * error, cov - np.outer(gain, cov[0])
        return (mean, cov), likelihood

    start = (0.0 * turn[0], 0.0 * turn + drift)
    _, likelihoods = scan(advance, start, observed)
    return -np.sum(likelihoods)


def _mixture_data(rng: Any) -> tuple[Any, ...]:
    params = {
        "logits": rng.normal(size=5),
        "means": rng.normal(size=(5, 4)),
        "log_scales": rng.normal(size=(5, 4)) / 4,
    }
    return params, rng.normal(size=(2000, 4))


@_add("likelihood of a mixture of 5 Gaussians, 2,000 × 4", _mixture_data)
def gaussian_mixture(params: Any, x: Any) -> Any:
    shares = params["logits"] - np.log(np.sum(np.exp(params["logits"])))
    z = (x[:, None, :] - params["means"]) * np.exp(-params["log_scales"])
    inner = -0.5 * np.sum(z**2, axis=-1) - np.sum(params["log_scales"], axis=-1)
    scores = shares + inner - 0.5 * x.shape[1] * np.log(2 * np.pi)
    largest = np.max(scores, axis=1, keepdims=True)
    return -np.mean(largest[:, 0] + np.log(np.sum(np.exp(scores - largest), axis=1)))


def _residual_data(rng: Any) -> tuple[Any, ...]:
    params = {
        "w1": rng.normal(size=(1, 32)),
        "b1": rng.normal(size=32),
        "w2": rng.normal(size=(32, 32)) / 6,
        "b2": np.zeros(32),
        "w3": rng.normal(size=(32, 1)) / 6,
    }
    return params, np.linspace(0, 6, 256)[:, None]


@_add("residual of an oscillator u″ + 0.2 u′ + u through a network, 256 points", _residual_data)
def physics_residual(params: Any, t: Any) -> Any:
    # u, u′ and u″ carried along by hand, as one does without a library that nests derivatives
    z, dz = t @ params["w1"] + params["b1"], params["w1"]
    a = np.tanh(z)
    slope = 1 - a**2
    da, dda = slope * dz, -2 * a * slope * dz**2
    z, dz, ddz = a @ params["w2"] + params["b2"], da @ params["w2"], dda @ params["w2"]
    a = np.tanh(z)
    slope = 1 - a**2
    da, dda = slope * dz, -2 * a * slope * dz**2 + slope * ddz
    u, du, ddu = a @ params["w3"], da @ params["w3"], dda @ params["w3"]
    residual = ddu + 0.2 * du + u
    return np.mean(residual**2) + (u[0, 0] - 1) ** 2 + du[0, 0] ** 2


@_add(
    "matrix factorisation, 300 × 200 of rank 10, on a mask",
    lambda rng: (
        {"rows": rng.normal(size=(300, 10)), "columns": rng.normal(size=(200, 10))},
        rng.normal(size=(300, 200)),
        rng.integers(0, 2, (300, 200)) * 1.0,
    ),
)
def matrix_factorisation(params: Any, ratings: Any, known: Any) -> Any:
    error = (params["rows"] @ params["columns"].T - ratings) * known
    penalty = np.sum(params["rows"] ** 2) + np.sum(params["columns"] ** 2)
    return np.sum(error**2) / np.sum(known) + 1e-3 * penalty


@_add(
    "Rosenbrock's function of 10,000 numbers",
    lambda rng: (rng.normal(size=10_000),),
)
def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def _attention_data(rng: Any) -> tuple[Any, ...]:
    names = ("q", "k", "v")
    return {name: rng.normal(size=(64, 64)) / 8 for name in names}, rng.normal(size=(128, 64))


@_add("attention of one head, 128 × 64", _attention_data)
def attention(params: Any, x: Any) -> Any:
    q, k, v = x @ params["q"], x @ params["k"], x @ params["v"]
    scores = q @ k.T / np.sqrt(x.shape[1])
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    weights = weights / np.sum(weights, axis=1, keepdims=True)
    return np.mean((weights @ v - x) ** 2)


@_add(
    "heat equation, 100 steps on 200 points, fitted to its end",
    lambda rng: (
        {"start": rng.normal(size=200), "rate": np.asarray(0.2)},
        np.sin(np.linspace(0, 3, 200)),
        np.zeros((100, 1)),
    ),
)
def heat_equation(params: Any, wanted: Any, steps: Any) -> Any:
    def advance(u: Any, _: Any) -> Any:
        bend = np.roll(u, 1) - 2 * u + np.roll(u, -1)
        return u + params["rate"] * bend, np.sum(u[:1])

    end, _ = scan(advance, params["start"], steps)
    return np.mean((end - wanted) ** 2)


def _poisson_data(rng: Any) -> tuple[Any, ...]:
    x = rng.normal(size=(5000, 8))
    return {"w": rng.normal(size=8) / 8, "b": 0.1}, x, rng.poisson(2.0, 5000) * 1.0


@_add("Poisson regression with a robust penalty, 5,000 × 8", _poisson_data)
def poisson_regression(params: Any, x: Any, counts: Any) -> Any:
    log_rate = x @ params["w"] + params["b"]
    deviance = np.mean(np.exp(log_rate) - counts * log_rate)
    return deviance + 0.1 * np.sum(np.sqrt(1 + params["w"] ** 2) - 1)


ROWS = tuple(Row(name, entry[0], "function", must=1.2) for name, entry in FUNCTIONS.items())
