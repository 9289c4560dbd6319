"""The stable functions that NumPy lacks, against SciPy's."""

import numpy as np
import pytest
import scipy.special

from chainrule import functions

RNG = np.random.default_rng(0)
POINTS = {
    "ordinary": RNG.normal(size=(3, 4, 5)),
    "large": 1e4 * RNG.normal(size=(3, 4, 5)),
    "equal": np.zeros((3, 4, 5)),
    "masked": np.where(np.eye(4, 5) == 1, -np.inf, np.arange(60.0).reshape(3, 4, 5)),
}


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("axis", [-1, 1])
def test_against_scipy(name, points, axis):
    x = POINTS[points]
    found = getattr(functions, name)(x, axis=axis)
    expected = getattr(scipy.special, name)(x, axis=axis)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert getattr(functions, name)(x.astype(np.float32), axis=axis).dtype == np.float32


def test_logsumexp_keeps_the_axis_when_asked():
    assert functions.logsumexp(np.zeros((2, 3)), axis=0, keepdims=True).shape == (1, 3)


def test_sigmoid_is_accurate_in_both_tails():
    x = np.array([-700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 1e308, -1e308])
    np.testing.assert_allclose(functions.sigmoid(x), scipy.special.expit(x), rtol=2e-13)
    assert functions.sigmoid(x[:6].astype(np.float32)).dtype == np.float32


def test_one_hot():
    labels = np.array([[2, 0], [1, 3]])
    found = functions.one_hot(labels, 3, np.float32)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], np.eye(3)[[2, 0]])
    np.testing.assert_array_equal(found[1], [[0, 1, 0], [0, 0, 0]])
