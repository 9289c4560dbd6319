"""Textbook formulas that overflow, recorded as they stand, against the same in 500 digits."""

from functools import cache
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import scipy.special

from chainrule.engines.numpy import Program
from chainrule.graph import Graph
from chainrule.pipeline import compile, grad, scan, value_and_grad
from chainrule.stabilise import stabilise
from chainrule.tracing import trace

DIGITS = 500  # 1 - sigmoid(800) is e^-800 or 10^-347, and 150 digits of it are seen
STEP = mpmath.mpf(10) ** -60

# NumPy's names for arrays of mpmath's numbers: with enough digits the textbook formula is right.
exact = SimpleNamespace(
    exp=np.vectorize(mpmath.exp, otypes=[object]),
    log=np.vectorize(mpmath.log, otypes=[object]),
    log1p=np.vectorize(mpmath.log1p, otypes=[object]),
    reciprocal=lambda x: 1 / x,
    sum=np.sum,
    max=np.max,
    maximum=np.maximum,
    clip=np.clip,
    arange=np.arange,
    newaxis=None,
)


@cache
def exact_value_and_gradient(formula):
    """The formula's values at `POINTS` or `ROWS`, and the derivatives of its sum."""
    numbers, independent = (POINTS, True) if formula in ELEMENTWISE.values() else (ROWS, False)
    with mpmath.workdps(DIGITS):
        z = np.vectorize(mpmath.mpf, otypes=[object])(numbers)
        value = np.asarray(formula(exact, z), dtype=object)

        def difference(direction):
            ends = [np.asarray(formula(exact, z + way * direction)) for way in (STEP, -STEP)]
            return (ends[0] - ends[1]) / (2 * STEP)

        if independent:
            gradient = difference(np.ones(z.shape, dtype=int))
        else:
            gradient = np.empty(z.shape, dtype=object)
            for index in np.ndindex(*z.shape):
                direction = np.zeros(z.shape, dtype=int)
                direction[index] = 1
                gradient[index] = np.sum(difference(direction))
        return value.astype(np.float64), gradient.astype(np.float64)


# --- the sigmoid and its logarithms --------------------------------------------------------------


def bce(np, p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def sigmoid(np, z):
    return 1 / (1 + np.exp(-z))


def other_sigmoid(np, z):
    return np.exp(z) / (1 + np.exp(z))


# np is NumPy where the formula is recorded, and `exact` where it is computed in 500 digits.
ELEMENTWISE = {
    "sigmoid": sigmoid,
    "sigmoid, sum turned": lambda np, z: 1.0 / (np.exp(-z) + 1.0),
    "sigmoid of a product": lambda np, z: 1 / (1 + np.exp(-1 * z)),
    "sigmoid, power": lambda np, z: (1 + np.exp(-z)) ** -1,
    "sigmoid, reciprocal": lambda np, z: np.reciprocal(1 + np.exp(-z)),
    "sigmoid, exp above": other_sigmoid,
    "sigmoid, exp above, sum turned": lambda np, z: np.exp(z) / (np.exp(z) + 1),
    "sigmoid of the negative": lambda np, z: 1 / (1 + np.exp(z)),
    "log sigmoid": lambda np, z: np.log(sigmoid(np, z)),
    "log sigmoid, exp above": lambda np, z: np.log(other_sigmoid(np, z)),
    "log of one minus sigmoid": lambda np, z: np.log(1 - sigmoid(np, z)),
    "log1p of minus sigmoid": lambda np, z: np.log1p(-sigmoid(np, z)),
    "softplus": lambda np, z: np.log(1 + np.exp(z)),
    "softplus, sum turned": lambda np, z: np.log(np.exp(z) + 1),
    "softplus, log1p": lambda np, z: np.log1p(np.exp(z)),
    "softplus of the negative": lambda np, z: np.log(1 + np.exp(-z)),
    "cross-entropy, true": lambda np, z: bce(np, sigmoid(np, z), 1),
    "cross-entropy, false": lambda np, z: bce(np, sigmoid(np, z), 0),
    "cross-entropy, soft target": lambda np, z: bce(np, sigmoid(np, z), 0.25),
    "log sigmoid over a floor": lambda np, z: np.log(np.maximum(sigmoid(np, z), 1e-12)),
    "log of one minus sigmoid over a floor": lambda np, z: np.log(
        np.maximum(1e-12, 1 - sigmoid(np, z))
    ),
    "log of a clipped sigmoid": lambda np, z: np.log(np.clip(sigmoid(np, z), 1e-12, 0.75)),
    "cross-entropy, exp above": lambda np, z: bce(np, other_sigmoid(np, z), 0.25),
}
POINTS = np.array(
    [-800, -104, -89, -37, -18, -1.5, 0, 2.0**-16, 0.5, 18, 37, 89, 104, 800]
)  # float32 overflows between 88 and 89, and exp(-104) is 0 there
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def assert_right(found, truth, dtype, floor=0.0):
    """Equal to a few units in the last place; what is below the smallest number may be 0."""
    assert found.dtype == dtype
    assert np.isfinite(found).all()
    info = np.finfo(dtype)
    tolerance = 20 * info.eps
    np.testing.assert_allclose(found, truth, rtol=tolerance, atol=max(info.tiny, floor * tolerance))


@DTYPES
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_formulas(name, dtype):
    formula = ELEMENTWISE[name]
    z = POINTS.astype(dtype)
    value, gradient = exact_value_and_gradient(formula)
    assert_right(compile(lambda z: formula(np, z))(z), value, dtype)
    assert_right(grad(lambda z: np.sum(formula(np, z)))(z), gradient, dtype)


# --- the softmax and its logarithms --------------------------------------------------------------


def softmax(np, z):
    return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)


def weighted_softmax(np, z):
    return WEIGHTS * softmax(np, z)


def shifted_softmax(np, z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


WEIGHTS = np.array([[1.0, -2.0, 0.5]])
LABELS = np.array([0, 2, 1, 1, 0])
ONE_HOT = np.eye(3)[LABELS]


def picked(np, p):
    return -np.log(p[np.arange(5), LABELS])


def wrongly_shifted_softmax(np, z):
    """The largest number of all rows leaves nothing of the others."""
    e = np.exp(z - np.max(z))
    return e / np.sum(e, axis=1, keepdims=True)


def shifted_logsumexp(np, z):
    largest = np.max(z, axis=1, keepdims=True)
    return largest + np.log(np.sum(np.exp(z - largest), axis=1, keepdims=True))


ALONG_AN_AXIS = {
    "softmax": softmax,
    "softmax, shifted": shifted_softmax,
    "softmax, shifted by too much": wrongly_shifted_softmax,
    "softmax, one exp": lambda np, z: (lambda e: e / e.sum(axis=1, keepdims=True))(np.exp(z)),
    "softmax, new axis": lambda np, z: (lambda e: e / e.sum(axis=1)[:, None])(np.exp(z)),
    "softmax, transposed": lambda np, z: (np.exp(z).T / np.exp(z).sum(axis=1)).T,
    "softmax of columns": lambda np, z: np.exp(z) / np.sum(np.exp(z), axis=0),
    "softmax of everything": lambda np, z: np.exp(z) / np.sum(np.exp(z)),
    "log softmax": lambda np, z: np.log(softmax(np, z)),
    "log softmax, shifted": lambda np, z: np.log(shifted_softmax(np, z)),
    "log softmax, written out": lambda np, z: z - np.log(np.sum(np.exp(z), axis=1, keepdims=True)),
    "logsumexp": lambda np, z: np.log(np.sum(np.exp(z), axis=1)),
    "logsumexp, kept axis": lambda np, z: np.log(np.sum(np.exp(z), axis=1, keepdims=True)),
    "logsumexp, everything": lambda np, z: np.log(np.sum(np.exp(z))),
    "logsumexp, shifted": shifted_logsumexp,
    "cross-entropy, one-hot": lambda np, z: -np.sum(ONE_HOT * np.log(softmax(np, z)), axis=1),
    "cross-entropy, one-hot, shifted": lambda np, z: (
        -np.sum(ONE_HOT * np.log(shifted_softmax(np, z)), axis=1)
    ),
    "cross-entropy, labels": lambda np, z: picked(np, softmax(np, z)),
    "cross-entropy, labels, shifted": lambda np, z: picked(np, shifted_softmax(np, z)),
    "log softmax, transposed": lambda np, z: np.log((np.exp(z).T / np.exp(z).sum(axis=1)).T),
    "cross-entropy, one column": lambda np, z: -np.log(softmax(np, z)[:, 1]),
    "cross-entropy, reshaped": lambda np, z: -np.log(softmax(np, z).reshape(-1)[1::3]),
}
ROWS = np.array(
    [
        [1.0, 2.0, 3.0],
        [18.0, 0.0, -18.0],
        [800.0, -800.0, 0.0],
        [-1000.0, -1000.0, -1001.0],
        [90.0, 90.0, 90.0],
    ]
)


@DTYPES
@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_formulas_along_an_axis(name, dtype):
    formula = ALONG_AN_AXIS[name]
    value, gradient = exact_value_and_gradient(formula)
    z = ROWS.astype(dtype)

    def recorded(z):
        return formula(np, z).astype(dtype)  # the one-hot rows are float64

    # z - logsumexp(z) subtracts numbers of some size, and is as exact as that lets it be.
    floor = 1000.0 if "written out" in name else 1.0
    assert_right(compile(recorded)(z), value, dtype, floor)
    assert_right(grad(lambda z: np.sum(recorded(z)))(z), gradient, dtype, floor=1.0)


@DTYPES
def test_weighted_softmax_has_the_whole_jacobian(dtype):
    """The sum of a softmax is 1, so its gradient says nothing: weigh it."""
    _, gradient = exact_value_and_gradient(weighted_softmax)
    found = grad(lambda z: np.sum(weighted_softmax(np, z)).astype(dtype))(ROWS.astype(dtype))
    assert_right(found, gradient, dtype, floor=2.0)


# --- why, and where ------------------------------------------------------------------------------


def test_the_plain_formula_fails_where_the_rewritten_one_is_right():
    """The documented case: in float32, cross-entropy at z = 18 with target 0."""
    z = np.float32([18.0])
    graph = trace(lambda z: np.log(1 - sigmoid(np, z)), z)
    assert Program(graph)([z])[0] == -np.inf
    assert Program(stabilise(graph))([z])[0] == pytest.approx(-18)


def ops(graph: Graph) -> set[str]:
    return {node.op.name for node in graph.nodes}


def test_gradients_start_from_the_rewritten_formula():
    graph = trace(grad(lambda z: np.sum(np.log(sigmoid(np, z)))), np.ones(3))
    assert ops(graph) & {"exp", "log", "divide"} == set()


@DTYPES
def test_a_clipped_cross_entropy_is_finite(dtype):
    """As many write it; between the limits it is the same, beyond them it is flat."""
    z = POINTS.astype(dtype)
    tiny = 1e-7

    def loss(z):
        p = np.clip(sigmoid(np, z), tiny, 1 - tiny)
        return np.sum(bce(np, p, 0.25))

    value, gradient = value_and_grad(loss)(z)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    expected = scipy.special.expit(z) - 0.25
    near = np.abs(z) < 2
    np.testing.assert_allclose(gradient[near], expected[near], rtol=1e-5)
    assert not gradient[np.abs(z) > 100].any()


def test_second_derivatives_are_stable_too():
    second = grad(lambda z: np.sum(grad(lambda z: np.sum(bce(np, sigmoid(np, z), 1)))(z)))
    z = np.array([-800.0, -18.0, 0.0, 18.0, 800.0])
    with mpmath.workdps(DIGITS):
        truth = [mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2 for x in map(mpmath.mpf, z)]
    assert_right(second(z), np.array(truth, dtype=np.float64), np.float64)


def test_loops_start_from_the_rewritten_formula():
    def step(h, x):
        return h + np.sum(np.log(1 - sigmoid(np, x))), None

    xs = np.array([[800.0], [18.0]])
    assert scan(step, 0.0, xs)[0] == pytest.approx(-818)
    value, gradient = value_and_grad(lambda xs: scan(step, 0.0, xs)[0])(xs)
    assert value == pytest.approx(-818)
    np.testing.assert_allclose(gradient, [[-1], [-1]], rtol=1e-7)


def test_the_users_line_is_kept():
    graph = trace(lambda z: sigmoid(np, z), np.ones(3))
    (before,), (after,) = graph.outputs, stabilise(graph).outputs
    assert after.op.name == "sigmoid"
    assert after.source == before.source
    assert after.source.line == sigmoid.__code__.co_firstlineno + 1


LOOKALIKES = {
    "two above": lambda z: 2 / (1 + np.exp(-z)),
    "two below": lambda z: 1 / (2 + np.exp(-z)),
    "a difference": lambda z: 1 / (1 - np.exp(-z * z - 1)),
    "another exponential": lambda z: np.exp(z) / (1 + np.exp(2 * z)),
    "another softmax": lambda z: np.exp(z) / np.sum(np.exp(-z), axis=0),
    "a sum of powers": lambda z: np.log(np.sum(np.exp2(z), axis=0)),
    "part of the sum": lambda z: np.exp(z) / np.sum(np.exp(z[:2]), axis=0),
    "log of two sigmoids": lambda z: np.log(sigmoid(np, z) + sigmoid(np, 2 * z)),
    "two minus sigmoid": lambda z: np.log(2 - sigmoid(np, z)),
    "a quotient that is no softmax": lambda z: np.log(z * z / np.sum(np.exp(z), axis=0)),
    "a foreign maximum": lambda z: np.exp(z - np.max(-z, axis=0)) / np.sum(np.exp(z), axis=0),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_only_looks_alike_keeps_its_value(name):
    function = LOOKALIKES[name]
    z = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
    np.testing.assert_allclose(compile(function)(z), function(z), rtol=1e-13)


NOT_ALIGNED = {
    "the sums of rows under columns": lambda e, log: log(e / np.sum(e, axis=1)),
    "the same, reshaped": lambda e, log: log(e / np.sum(e, axis=1).reshape(1, -1)),
    "the same, transposed": lambda e, log: log(e.T / np.sum(e, axis=0)),
}


@pytest.mark.parametrize("name", NOT_ALIGNED)
@pytest.mark.parametrize("log", [np.log, np.square], ids=["log", "square"])
def test_sums_that_do_not_stand_under_their_own_terms(name, log):
    """In a square matrix the wrong sums have a shape that divides: the quotient is no softmax."""
    z = np.array([[0.5, -1.0], [1.5, 0.25]])

    def function(z):
        return NOT_ALIGNED[name](np.exp(z), log)

    np.testing.assert_allclose(compile(function)(z), function(z), rtol=1e-13)


def test_a_sum_in_another_order_than_the_transposed_terms():
    z = np.random.default_rng(0).normal(size=(2, 2, 3))

    def function(z):
        return np.log(np.exp(z).T / np.sum(np.exp(z), axis=2))

    np.testing.assert_allclose(compile(function)(z), function(z), rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, None])
def test_sums_of_nothing(axis):
    """Nothing has no largest number to shift by; its exponentials sum to 0."""
    z = np.zeros((2, 0))

    def function(z):
        e = np.exp(z)
        return np.log(np.sum(e, axis=axis)), np.log(e / np.sum(e, axis=axis, keepdims=True)), e

    with np.errstate(divide="ignore"):
        expected = function(z)
    for found, truth in zip(compile(function)(z), expected, strict=True):
        np.testing.assert_array_equal(found, truth, strict=True)
