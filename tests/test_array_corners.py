"""Corners of NumPy that a recorded call must keep: empty arrays, infinities, zeros, views."""

from math import inf

import numpy as np
import pytest

from chainrule.errors import TraceError
from chainrule.pipeline import compile, grad

MATRIX = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -7.0]])
CUBE = np.arange(-11.0, 13.0).reshape(2, 3, 4)


def log_sum_exp(x):
    return np.log(np.sum(np.exp(x), axis=-1))


CASES = {
    "differences of order 0 forget the edges": (lambda x: np.diff(x, 0, prepend=9.0), MATRIX),
    "more differences than entries": (lambda x: np.diff(x, 5), MATRIX),
    "determinants of no rows": (np.linalg.det, np.zeros((2, 0, 0))),
    "their logarithms": (lambda x: np.stack(np.linalg.slogdet(x)), np.zeros((2, 0, 0))),
    "smallest column sum": (lambda x: np.linalg.norm(x, -1), MATRIX),
    "smallest row sum": (lambda x: np.linalg.norm(x, -inf), MATRIX),
    "norm of matrices, rows last": (lambda x: np.linalg.norm(x, 1, axis=(2, 0)), CUBE),
    "norm of matrices, rows first": (lambda x: np.linalg.norm(x, 1, axis=(0, 2)), CUBE),
    "logarithm of sums of nothing but zeros": (log_sum_exp, np.full((2, 3), -inf)),
    "logarithm of an infinite sum": (log_sum_exp, np.array([1.0, inf])),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:divide by zero")  # NumPy's own, of log(0)
def test_value_is_that_of_numpy(name):
    function, x = CASES[name]
    found, expected = compile(function, engine="numpy")(x), function(x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("order", [0.5, 1, 1.5, 2, 3, inf, None])
def test_a_norm_has_derivative_0_at_0(order):
    gradient = grad(lambda x: np.linalg.norm(x, order))(np.zeros(3))
    np.testing.assert_array_equal(gradient, np.zeros(3))


@pytest.mark.parametrize("x", [np.array([[3.0]]), np.full((3, 1), 2.0)], ids=["one", "equal"])
def test_a_standard_deviation_has_derivative_0_at_0(x):
    np.testing.assert_array_equal(grad(np.std)(x), np.zeros(x.shape))


@pytest.mark.parametrize("order", [0.5, 1.5, 2, 3])
def test_a_norm_does_not_mind_zeros_beside_other_numbers(order):
    gradient = grad(lambda x: np.linalg.norm(x, order))(np.array([0.0, -2.0]))
    np.testing.assert_allclose(gradient, [0.0, -1.0], rtol=1e-14)


def test_an_array_and_a_view_of_it_are_writeable_after_a_call():
    array = np.arange(6.0)
    view = array[::2]

    def function(x):
        return np.sum(x * view) + np.sum(np.sum(x) * array)

    assert compile(function, engine="numpy")(np.ones(3)) == 51.0
    assert array.flags.writeable
    assert view.flags.writeable


def test_a_plain_array_is_looked_into_as_the_error_says():
    table = np.array([10.0, 20.0, 30.0])
    x = np.array([2.0, 1.0, 3.0])
    with pytest.raises(TraceError, match="take_along_axis"):
        compile(lambda x: np.take(table, np.argsort(x)), engine="numpy")(x)
    along = compile(lambda x: np.take_along_axis(table, np.argsort(x), 0), engine="numpy")
    given = compile(lambda x, table: table[np.argsort(x)], engine="numpy")
    np.testing.assert_array_equal(along(x), [20.0, 10.0, 30.0])
    np.testing.assert_array_equal(given(x, table), [20.0, 10.0, 30.0])
