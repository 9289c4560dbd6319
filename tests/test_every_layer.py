"""Every layer: its numbers, gradients, parameters, and its place in files.

A layer that is registered without a case here fails `test_every_layer_has_a_case`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from gradcheck import check_gradient
from scipy import special, stats

import chainrule as cr
from chainrule.errors import SettingError, ShapeError
from chainrule.layers import LAYERS, OneHot
from chainrule.layers.layer import LAYERS as LAYERS_BY_NAME
from chainrule.pipeline import compile

BATCH = 5
KEY = cr.random.key(7)


@dataclass
class Case:
    """One layer, the shape of a sample, what it makes of a batch in plain NumPy, its arrays.

    shapes     of params and state by name
    trains     what it makes of a batch while training, where that differs
    new_state  the state after that
    """

    layer: Any
    sample: tuple[int, ...]
    value: Callable[..., Any]
    shapes: dict[str, tuple[int, ...]]
    trains: Callable[..., Any] | None = None
    new_state: Callable[..., Any] | None = None
    whole: bool = False  # whole numbers go in, which have no gradient

    def __str__(self) -> str:
        return repr(self.layer)


def activation(layer, formula):
    return Case(layer, (2, 3), lambda p, s, x: formula(x), {})


def dense(p, s, x, name=""):
    return np.einsum("...i,io->...o", x, p[name + "weight"]) + p[name + "bias"]


def standardised(x, mean, variance, eps):
    return (x - mean) / np.sqrt(variance + eps)


def batch_norm_trains(p, s, x, eps=1e-5):
    flat = x.reshape(-1, x.shape[-1])
    return standardised(x, flat.mean(0), flat.var(0), eps) * p["scale"] + p["bias"]


def batch_norm_state(s, x, momentum=0.1):
    flat = x.reshape(-1, x.shape[-1])
    return {
        "mean": (1 - momentum) * s["mean"] + momentum * flat.mean(0),
        "variance": (1 - momentum) * s["variance"] + momentum * flat.var(0, ddof=1),
    }


def batch_norm(p, s, x, eps=1e-5):
    return standardised(x, s["mean"], s["variance"], eps) * p["scale"] + p["bias"]


def layer_norm(p, s, x):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return standardised(x, mean, variance, 1e-5) * p["scale"] + p["bias"]


def dropout(rate):
    """Kept by the layer's own random numbers: what is tested is what it does with them."""

    def trains(p, s, x):
        return x * cr.random.bernoulli(KEY, x.shape, 1 - rate) / (1 - rate)

    return trains


NORM = {"scale": (3,), "bias": (3,), "mean": (3,), "variance": (3,)}
CASES = [
    Case(cr.Dense(4), (3,), dense, {"weight": (3, 4), "bias": (4,)}),
    Case(cr.Dense(4, l1=0.1, l2=0.2), (2, 3), dense, {"weight": (3, 4), "bias": (4,)}),
    Case(
        cr.Dense(2, bias=False, weight="orthogonal"),
        (3,),
        lambda p, s, x: x @ p["weight"],
        {"weight": (3, 2)},
    ),
    Case(
        cr.Dense(2, weight=cr.initializers.fixed([[1.0, 2.0]]), initial_bias="ones"),
        (1,),
        dense,
        {"weight": (1, 2), "bias": (2,)},
    ),
    activation(cr.Identity(), lambda x: x),
    activation(cr.Sigmoid(), special.expit),
    activation(cr.Tanh(), lambda x: 1 - 2 / (np.exp(2 * x) + 1)),
    activation(cr.ReLU(), lambda x: (x + abs(x)) / 2),
    activation(cr.LeakyReLU(), lambda x: np.maximum(x, 0.01 * x)),
    activation(cr.LeakyReLU(slope=0.3), lambda x: np.maximum(x, 0.3 * x)),
    activation(cr.ELU(alpha=0.7), lambda x: np.maximum(x, 0) + 0.7 * np.minimum(np.exp(x) - 1, 0)),
    activation(cr.GELU(), lambda x: x * stats.norm.cdf(x)),
    activation(cr.SiLU(), lambda x: x / (1 + np.exp(-x))),
    activation(cr.Softplus(), lambda x: np.log(1 + np.exp(x))),
    activation(cr.Softmax(), lambda x: special.softmax(x, axis=-1)),
    activation(cr.Softmax(axis=1), lambda x: special.softmax(x, axis=1)),
    activation(cr.Flatten(), lambda x: np.stack([sample.ravel() for sample in x])),
    activation(cr.Reshape((3, 2)), lambda x: np.stack([s.ravel().reshape(3, 2) for s in x])),
    activation(cr.Reshape((-1, 1)), lambda x: np.stack([s.ravel()[:, None] for s in x])),
    activation(cr.Lambda(np.cosh), lambda x: (np.exp(x) + np.exp(-x)) / 2),
    Case(cr.Dropout(0.4), (2, 3), lambda p, s, x: x, {}, trains=dropout(0.4)),
    Case(cr.Dropout(0), (2, 3), lambda p, s, x: x, {}),
    Case(
        cr.BatchNorm(),
        (3,),
        batch_norm,
        NORM,
        trains=batch_norm_trains,
        new_state=batch_norm_state,
    ),
    Case(
        cr.BatchNorm(momentum=0.3, eps=0.01),
        (2, 3),
        lambda p, s, x: batch_norm(p, s, x, 0.01),
        NORM,
        trains=lambda p, s, x: batch_norm_trains(p, s, x, 0.01),
        new_state=lambda s, x: batch_norm_state(s, x, 0.3),
    ),
    Case(cr.LayerNorm(), (2, 3), layer_norm, {"scale": (3,), "bias": (3,)}),
    Case(
        OneHot((3, 0, 2)),
        (3,),
        lambda p, s, x: np.column_stack(
            [*[x[:, 0] == k for k in range(3)], x[:, 1], *[x[:, 2] == k for k in range(2)]]
        ),
        {},
        whole=True,
    ),
    Case(
        cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(2)),
        (3,),
        lambda p, s, x: dense(p, s, np.tanh(dense(p, s, x, "0.")), "2."),
        {"0.weight": (3, 4), "0.bias": (4,), "2.weight": (4, 2), "2.bias": (2,)},
    ),
    Case(
        cr.Sequential(cr.Sequential(cr.Dense(2)), cr.Tanh()),
        (3,),
        lambda p, s, x: np.tanh(dense(p, s, x, "0.0.")),
        {"0.0.weight": (3, 2), "0.0.bias": (2,)},
    ),
    Case(
        cr.Residual(cr.Dense(5), cr.Tanh(), cr.Dense(3)),
        (3,),
        lambda p, s, x: x + dense(p, s, np.tanh(dense(p, s, x, "0.")), "2."),
        {"0.weight": (3, 5), "0.bias": (5,), "2.weight": (5, 3), "2.bias": (3,)},
    ),
    Case(
        cr.Concat(cr.Dense(2), cr.Identity(), cr.Tanh()),
        (2, 3),
        lambda p, s, x: np.concatenate([dense(p, s, x, "0."), x, np.tanh(x)], -1),
        {"0.weight": (3, 2), "0.bias": (2,)},
    ),
]
EVERY = pytest.mark.parametrize("case", CASES, ids=str)
SAVED = pytest.mark.parametrize(
    "case", [case for case in CASES if not isinstance(case.layer, cr.Lambda)], ids=str
)


def made(case, dtype="float64", seed=0):
    """params, state and a batch, all of them random, away from 0 and in no special position."""
    rng = np.random.default_rng(seed)
    params, state = case.layer.init(case.sample, seed=seed, dtype=dtype)
    params = {k: (v + rng.normal(size=v.shape)).astype(dtype) for k, v in params.items()}
    state = {k: (v + rng.uniform(0.1, 1, size=v.shape)).astype(dtype) for k, v in state.items()}
    x = rng.normal(size=(BATCH, *case.sample))
    if case.whole:
        x = rng.integers(-1, 3, size=x.shape)
    return params, state, (x + 0.05 * np.sign(x)).astype(dtype) if not case.whole else x


def test_every_layer_has_a_case():
    assert {type(case.layer).__name__ for case in CASES} == set(LAYERS)
    assert LAYERS is LAYERS_BY_NAME


@EVERY
def test_value(case):
    params, state, x = made(case)
    x = x.astype(float)
    expected = case.value(params, state, x)
    eager, after = case.layer(params, state, x)
    compiled, _ = compile(lambda p, s, x: case.layer(p, s, x))(params, state, x)
    np.testing.assert_allclose(eager, expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(compiled, expected, rtol=1e-13, atol=1e-14)
    assert after.keys() == state.keys()
    assert all(np.array_equal(after[name], state[name]) for name in state)


@EVERY
def test_value_and_state_while_training(case):
    params, state, x = made(case)
    x = x.astype(float)
    expected = (case.trains or case.value)(params, state, x)
    new = case.new_state(state, x) if case.new_state else state

    def run(p, s, x):
        return case.layer(p, s, x, training=True, key=KEY)

    for y, after in (run(params, state, x), compile(run)(params, state, x)):
        np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-14)
        assert after.keys() == new.keys()
        for name in new:
            np.testing.assert_allclose(after[name], new[name], rtol=1e-13)


@pytest.mark.parametrize("training", [False, True])
@EVERY
def test_gradient(case, training):
    params, state, x = made(case)
    x = x.astype(float)
    shape = np.shape(case.value(params, state, x))
    direction = np.random.default_rng(1).normal(size=shape)

    def component(params, x):
        y, _ = case.layer(params, state, x, training=training, key=KEY)
        return np.sum(direction * y) + case.layer.penalty(params)

    wrt = () if case.whole else (1,)
    if params:
        wrt = (0, *wrt)
    if wrt:
        check_gradient(component, params, x, wrt=wrt)


@EVERY
def test_parameters_begin_in_their_shapes(case):
    params, state = case.layer.init(case.sample, seed=3)
    assert {name: value.shape for name, value in (params | state).items()} == case.shapes
    assert all(value.dtype == np.float32 for value in (params | state).values())
    again, _ = case.layer.init(case.sample, seed=3)
    assert all(np.array_equal(again[name], params[name]) for name in params)


@EVERY
def test_float32_stays_float32(case):
    params, state, x = made(case, "float32")
    x = x.astype(np.float32)

    def run(params, x):
        y, after = case.layer(params, state, x, training=True, key=KEY)
        return np.sum(y) + case.layer.penalty(params), y, after

    total, y, after = compile(run)(params, x)
    gradients = cr.grad(lambda p, x: run(p, x)[0], wrt=(0, 1))(params, x)
    dtypes = {total.dtype, y.dtype, gradients[1].dtype}
    dtypes |= {value.dtype for value in [*after.values(), *gradients[0].values()]}
    assert dtypes == {np.dtype(np.float32)}
    # The numbers are those of float64, rounded.
    wide = {name: value.astype(float) for name, value in params.items()}
    wide_state = {name: value.astype(float) for name, value in state.items()}
    expected = (case.trains or case.value)(wide, wide_state, x.astype(float))
    np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-5)


@EVERY
def test_a_sample_does_not_hear_of_the_others(case):
    params, state, x = made(case)
    whole, _ = case.layer(params, state, x)
    alone = [case.layer(params, state, x[i : i + 1])[0] for i in range(BATCH)]
    np.testing.assert_allclose(np.concatenate(alone), whole, rtol=1e-12)


@SAVED
def test_configuration_survives_a_file(case):
    config = json.loads(json.dumps(case.layer.config()))
    again = LAYERS.from_config(config)
    assert again.config() == case.layer.config()
    assert repr(again) == repr(case.layer)
    params, _, _ = made(case)
    ours, theirs = (layer.init(case.sample)[0] for layer in (case.layer, again))
    assert all(np.array_equal(ours[name], theirs[name]) for name in params)


@SAVED
def test_repr_is_the_code_that_makes_it(case):
    names = vars(cr) | vars(cr.initializers) | {"OneHot": OneHot, "array": np.array}
    again = eval(repr(case.layer), names)
    assert again.config() == case.layer.config()


def test_a_function_of_the_users_own_is_not_saved():
    with pytest.raises(SettingError, match=r"Lambda: function .* cannot be saved"):
        cr.Sequential(cr.Dense(2), cr.Lambda(np.cosh)).config()


# --- penalties -----------------------------------------------------------------------------------


def test_penalty_counts_weights_and_not_biases():
    net = cr.Sequential(cr.Dense(2, l1=0.5), cr.Residual(cr.Dense(2, l2=0.25)))
    params, _ = net.init((3,), dtype="float64")
    params = {name: value + 1.5 for name, value in params.items()}
    expected = 0.5 * abs(params["0.weight"]).sum() + 0.25 * (params["1.0.weight"] ** 2).sum()
    assert net.penalty(params) == pytest.approx(expected, rel=1e-14)


# --- first weights -------------------------------------------------------------------------------


def variance_of(net, name, inputs=400):
    params, _ = net.init((inputs,), seed=1)
    return params[name].var()


@pytest.mark.parametrize(
    "after", [cr.ReLU(), cr.LeakyReLU(), cr.ELU(), cr.GELU(), cr.SiLU()], ids=repr
)
def test_he_directly_before_a_relu_of_any_sort(after):
    he = pytest.approx(2 / 400, rel=0.02)
    assert variance_of(cr.Sequential(cr.Dense(100), after), "0.weight") == he
    nested = cr.Sequential(cr.Sequential(cr.Dense(100)), cr.Sequential(after))
    assert variance_of(nested, "0.0.weight") == he
    side_by_side = cr.Sequential(cr.Concat(cr.Dense(100), cr.Identity()), after)
    assert variance_of(side_by_side, "0.0.weight") == he
    inside = cr.Sequential(cr.Residual(cr.Dense(400), after))
    assert variance_of(inside, "0.0.weight") == he


@pytest.mark.parametrize(
    "net",
    [
        cr.Sequential(cr.Dense(100)),
        cr.Sequential(cr.Dense(100), cr.Tanh()),
        cr.Sequential(cr.Dense(100), cr.Softplus(), cr.ReLU()),
        cr.Sequential(cr.Dense(100), cr.BatchNorm(), cr.ReLU()),
    ],
    ids=repr,
)
def test_glorot_before_anything_else(net):
    assert variance_of(net, "0.weight") == pytest.approx(2 / 500, rel=0.02)
    assert abs(net.init((400,))[0]["0.weight"]).max() <= np.sqrt(6 / 500)


def test_two_equal_layers_begin_differently():
    params, _ = cr.Sequential(cr.Dense(3), cr.Dense(3)).init((3,))
    assert not np.array_equal(params["0.weight"], params["1.weight"])
    other, _ = cr.Sequential(cr.Dense(3), cr.Dense(3)).init((3,), seed=1)
    assert not np.array_equal(params["0.weight"], other["0.weight"])


def test_float32_weights_are_the_float64_ones_rounded():
    net = cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(2, weight="orthogonal"))
    (narrow, _), (wide, _) = net.init((3,)), net.init((3,), dtype="float64")
    assert all(np.array_equal(narrow[name], wide[name].astype(np.float32)) for name in wide)


# --- randomness ----------------------------------------------------------------------------------


def test_dropout_keeps_its_share_and_the_expected_value():
    y, _ = cr.Dropout(0.3)({}, {}, np.ones((400, 500)), training=True, key=KEY)
    kept = np.count_nonzero(y) / y.size
    assert kept == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / y.size))
    np.testing.assert_allclose(y[y != 0], 1 / 0.7)


def test_two_dropouts_drop_differently():
    net = cr.Concat(cr.Dropout(0.5), cr.Dropout(0.5))
    y, _ = net({}, {}, np.ones((1, 64)), training=True, key=KEY)
    assert not np.array_equal(y[0, :64], y[0, 64:])


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: cr.Dense(0), r"Dense: units must be a whole number, 1 or more, not 0"),
        (lambda: cr.Dense(2.5), r"Dense: units must be a whole number"),
        (lambda: cr.Dense(2, bias="no"), r"Dense: bias must be True or False"),
        (lambda: cr.Dense(2, l2=-1), r"Dense: l2 must be a finite number, 0 or more"),
        (lambda: cr.Dense(2, weight="he_norml"), r"there is no initializer 'he_norml'"),
        (lambda: cr.Dropout(1.0), r"Dropout: rate must be a share from 0 up to, but not, 1"),
        (lambda: cr.Dropout(float("nan")), r"Dropout: rate must be a share"),
        (lambda: cr.Dropout(True), r"Dropout: rate must be a share"),
        (lambda: cr.Softmax(axis=0.5), r"Softmax: axis must be a whole number"),
        (lambda: cr.Reshape((-1, -1)), r"Reshape: shape must be positive lengths"),
        (lambda: cr.Reshape(6), r"Reshape: shape must be positive lengths"),
        (lambda: cr.Lambda("cosh"), r"Lambda: function must be a function of a batch"),
        (lambda: cr.BatchNorm(eps=0), r"BatchNorm: eps must be a finite number above 0"),
        (lambda: cr.Sequential("dens"), r"there is no layer 'dens'; did you mean 'Dense'\?"),
        (lambda: cr.Sequential(cr.Dense), r"Dense is a class: write Dense\(\.\.\.\)"),
        (lambda: cr.Sequential("dense"), r"layer 'Dense' needs units: write Dense\(units=\.\.\.\)"),
        (
            lambda: cr.Sequential([cr.Dense(2)]),
            r"takes layers one by one: write Sequential\(\*layers\)",
        ),
        (lambda: cr.Dense(2).init(3), r"input_shape is a tuple, \(3,\)"),
        (lambda: cr.Dense(2).init((0,)), r"input_shape is .* 1 or more, not \(0,\)"),
    ],
)
def test_settings_outside_their_domain(act, message):
    with pytest.raises(SettingError, match=message):
        act()


@pytest.mark.parametrize(
    ("net", "sample", "message"),
    [
        (cr.Dense(2), (), r"Dense takes samples with at least one axis"),
        (
            cr.Sequential(cr.Reshape((4, -1))),
            (6,),
            r"Reshape\(\(4, -1\)\) got samples of shape \(6,\)",
        ),
        (cr.Residual(cr.Dense(2)), (3,), r"Residual adds its input, of shape \(3,\), .*\(2,\)"),
        (
            cr.Dense(2, weight=np.ones((2, 2))),
            (3,),
            r"the fixed array has shape \(2, 2\), the parameter \(3, 2\)",
        ),
        (
            cr.Sequential(cr.Dense(2), cr.Reshape((5,))),
            (3,),
            r"Reshape\(\(5,\)\) got samples of shape \(2,\)",
        ),
        (cr.Concat(cr.Flatten(), cr.Identity()), (2, 2), r"Concat joins .* \(4,\), \(2, 2\)"),
    ],
    ids=repr,
)
def test_samples_that_do_not_fit(net, sample, message):
    with pytest.raises(ShapeError, match=message):
        net.init(sample)


def test_dropout_asks_for_a_key():
    with pytest.raises(SettingError, match=r"Dropout needs key= while training"):
        cr.Dropout(0.5)({}, {}, np.ones((2, 2)), training=True)


def test_batch_norm_cannot_train_on_one_sample():
    params, state = cr.BatchNorm().init((3,))
    with pytest.raises(SettingError, match=r"BatchNorm cannot train on a single number"):
        cr.BatchNorm()(params, state, np.ones((1, 3)), training=True)
