"""OneHot: columns of category numbers become features inside the network."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.layers import LAYERS
from chainrule.tabular.preprocessing import one_hot

X = np.array([[0.5, 2, -1, 0], [1.5, 0, 7, 1], [-2.0, 3, -3, -1]], np.float32)
SIZES = (0, 3, 0, 2)


def encode(layer, x):
    return layer({}, {}, x)[0]


def test_features_stand_in_the_order_of_the_columns():
    expected = [
        [0.5, 0, 0, 1, -1, 1, 0],
        [1.5, 1, 0, 0, 7, 0, 1],
        [-2.0, 0, 0, 0, -3, 0, 0],  # 3 is no category of 3, and -1 none at all
    ]
    found = encode(cr.OneHot(SIZES), X)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(one_hot(X, SIZES), expected)


@pytest.mark.parametrize("sizes", [(0,), (4,), (0, 0, 0), (2, 0, 0, 3, 1), (1, 1)])
def test_it_agrees_with_the_reference(sizes):
    generator = np.random.default_rng(0)
    x = np.stack([generator.integers(-1, size + 1, 50) for size in sizes], axis=1)
    x = x.astype(np.float64)
    np.testing.assert_array_equal(encode(cr.OneHot(sizes), x), one_hot(x, sizes))


def test_a_network_with_it_equals_the_network_on_features():
    """Same weights, same gradients, whichever side of the first layer the features are made."""
    y = np.array([0, 1, 1])
    inside = cr.Model(cr.Sequential(cr.OneHot(SIZES), cr.Dense(2)), loss="cross_entropy", seed=1)
    outside = cr.Model(cr.Sequential(cr.Dense(2)), loss="cross_entropy", seed=2)
    inside.build((4,))
    outside.build((7,))
    outside.set_params({"0.weight": inside.params["1.weight"], "0.bias": inside.params["1.bias"]})
    features = one_hot(X, SIZES)
    np.testing.assert_allclose(inside.predict(X), outside.predict(features), rtol=1e-6)
    np.testing.assert_allclose(
        inside.gradients(X, y)["1.weight"], outside.gradients(features, y)["0.weight"], rtol=1e-5
    )


def test_it_is_saved_as_plain_data():
    layer = cr.OneHot(SIZES)
    assert layer.config() == {"name": "OneHot", "sizes": [0, 3, 0, 2]}
    assert LAYERS.from_config(layer.config()) == layer


@pytest.mark.parametrize("sizes", [(), (-1,), (1.5,), "12", (True,), (float("nan"),)])
def test_sizes_that_mean_nothing_are_refused(sizes):
    with pytest.raises(cr.SettingError, match="sizes must be whole numbers"):
        cr.OneHot(sizes)


@pytest.mark.parametrize("shape", [(3, 5), (3,), (3, 4, 1)])
def test_an_input_of_another_shape_is_refused(shape):
    with pytest.raises(cr.ShapeError, match="OneHot was made for 4 columns"):
        encode(cr.OneHot(SIZES), np.zeros(shape))
