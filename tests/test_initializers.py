"""Every initializer: its distribution, its shape rules and its place in files."""

import json
import math

import numpy as np
import pytest
import scipy.stats

from chainrule import initializers, random
from chainrule.errors import SettingError, ShapeError, UnknownNameError
from chainrule.initializers import (
    INITIALIZERS,
    constant,
    fans,
    fixed,
    glorot_uniform,
    he_normal,
    ones,
    orthogonal,
    zeros,
)

MATRIX = [[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]]
CASES = [
    *(row() for row in INITIALIZERS.values() if row not in (constant, fixed)),
    orthogonal(gain=1.5),
    constant(0.25),
    fixed(MATRIX),
]
EVERY = pytest.mark.parametrize("initializer", CASES, ids=repr)
KEY = random.key(7)

# The variance of an entry by fan in and fan out, and the distribution, from the papers.
SCALED = {
    "glorot_uniform": (lambda i, o: 2 / (i + o), "uniform"),
    "glorot_normal": (lambda i, o: 2 / (i + o), "norm"),
    "he_uniform": (lambda i, o: 2 / i, "uniform"),
    "he_normal": (lambda i, o: 2 / i, "norm"),
    "lecun_uniform": (lambda i, o: 1 / i, "uniform"),
    "lecun_normal": (lambda i, o: 1 / i, "norm"),
}


def test_every_initializer_is_tried():
    assert {type(case).__name__ for case in CASES} == set(INITIALIZERS)
    known = {name for name, row in INITIALIZERS.items() if issubclass(row, initializers.Scaled)}
    assert set(SCALED) == known


@EVERY
def test_shape_and_dtype(initializer):
    found = initializer(KEY, (2, 3), np.float32)
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == ((2, 3), np.float32)
    exact = initializer(KEY, (2, 3), np.float64)
    assert exact.dtype == np.float64
    np.testing.assert_array_equal(found, exact.astype(np.float32))
    found[:] = 0.0  # the array is the caller's own
    np.testing.assert_array_equal(initializer(KEY, (2, 3), np.float64), exact)


@pytest.mark.parametrize("name", [*SCALED, "orthogonal"])
def test_the_key_decides(name):
    initializer = initializers.get(name)
    first = initializer(random.key(1), (5, 4))
    np.testing.assert_array_equal(first, initializer(random.key(1), (5, 4)))
    assert not np.any(first == initializer(random.key(2), (5, 4)))


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("shape", [(300, 100), (5, 5, 16, 64)])
def test_distribution(name, shape):
    variance, distribution = SCALED[name]
    positions = math.prod(shape[:-2])
    spread = math.sqrt(variance(positions * shape[-2], positions * shape[-1]))
    draws = initializers.get(name)(KEY, shape, np.float64).ravel()
    limits = (0.0, spread)
    if distribution == "uniform":
        limits = (-math.sqrt(3) * spread, 2 * math.sqrt(3) * spread)
        assert np.max(np.abs(draws)) <= math.sqrt(3) * spread
    # With a fixed key this is one number; 1 in 1,000 keys would fail a right distribution.
    assert scipy.stats.kstest(draws, distribution, limits).pvalue > 1e-3


def test_given_fans_take_the_place_of_the_shapes():
    by_shape = he_normal()(KEY, (50, 8), np.float64)
    halved = he_normal()(KEY, (50, 8), np.float64, fan_in=200)
    np.testing.assert_allclose(halved, by_shape / 2, rtol=1e-15)
    vector = glorot_uniform()(KEY, (1000,), np.float64, fan_in=1, fan_out=5)
    assert 0.95 < np.max(np.abs(vector)) <= 1.0


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 4), (3, 4)), ((5, 3, 4), (15, 20)), ((2, 5, 3, 4), (30, 40)), ((0, 4), (0, 4))],
)
def test_fans(shape, expected):
    assert fans(shape) == expected
    assert glorot_uniform()(KEY, shape).shape == shape


@pytest.mark.parametrize("shape", [(), (4,)])
def test_too_few_axes(shape):
    for name in [*SCALED, "orthogonal"]:
        with pytest.raises(ShapeError, match="axes"):
            initializers.get(name)(KEY, shape)
    for initializer, value in [(zeros(), 0.0), (ones(), 1.0), (constant(0.25), 0.25)]:
        np.testing.assert_array_equal(initializer(KEY, shape), np.full(shape, value))


@pytest.mark.parametrize("shape", [(6, 6), (7, 3), (3, 7), (3, 3, 2, 5)])
def test_orthogonal(shape):
    matrix = orthogonal(gain=2.0)(KEY, shape, np.float64).reshape(-1, shape[-1])
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(matrix.T @ matrix, 4.0 * np.eye(matrix.shape[1]), atol=1e-14)


def test_orthogonal_matrices_have_no_preferred_sign():
    corners = [orthogonal()(random.key(seed), (2, 2), np.float64)[0, 0] for seed in range(400)]
    # The corner of a uniformly random 2x2 orthogonal matrix is the cosine of a uniform angle.
    assert scipy.stats.kstest(corners, "arcsine", (-1.0, 2.0)).pvalue > 1e-3


def test_a_fixed_array_is_itself_and_a_copy():
    given = np.array(MATRIX)
    initializer = fixed(given)
    given[:] = 0.0
    np.testing.assert_array_equal(initializer(KEY, (2, 3)), MATRIX)
    with pytest.raises(ShapeError, match=r"fixed array has shape \(2, 3\), the parameter \(3, 2\)"):
        initializer(KEY, (3, 2))


@EVERY
def test_back_from_a_file(initializer):
    read = initializers.from_config(json.loads(json.dumps(initializer.config())))
    assert type(read) is type(initializer)
    np.testing.assert_array_equal(read(KEY, (2, 3)), initializer(KEY, (2, 3)))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_found_by_name(name):
    row = INITIALIZERS[name]
    assert row.doc().endswith(".")
    if row in (constant, fixed):
        with pytest.raises(SettingError, match=rf"initializer '{name}' needs"):
            initializers.get(name)
    else:
        assert initializers.get(name.upper()) == row()
    instance = CASES[[type(case) for case in CASES].index(row)]
    assert initializers.get(instance) is instance


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(math.nan), "constant: value must be a finite number, not nan"),
        (lambda: constant("1"), "constant: value must be a finite number, not '1'"),
        (lambda: orthogonal(gain=math.inf), "orthogonal: gain must be a finite number"),
        (lambda: fixed([1.0, math.nan]), "fixed: array must be an array of finite numbers"),
        (lambda: fixed([True]), "fixed: array must be an array of finite numbers"),
        (lambda: fixed([[1.0], [1.0, 2.0]]), "fixed: array must be an array of finite numbers"),
        (lambda: initializers.from_config({"name": "zeros", "value": 1}), "no setting 'value'"),
        (lambda: initializers.from_config({"name": "constant"}), "'constant' lacks value"),
    ],
)
def test_unfit_settings_are_refused(make, message):
    with pytest.raises(SettingError, match=message):
        make()


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'glorot_uniform'"):
        initializers.get("glorot_uniforn")
