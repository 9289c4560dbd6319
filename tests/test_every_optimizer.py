"""Every optimizer: its arithmetic, its state, its settings and its place in files."""

import json
import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from chainrule import optimizers, schedules
from chainrule.errors import SettingError, ShapeError, UnknownNameError
from chainrule.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from chainrule.pipeline import compile
from chainrule.trees import flatten, map_tree

# Where PyTorch 2.13 in float64 (Lion: lion-pytorch 0.2.5) takes START along GRADIENTS.
START = [1.0, -2.0, 0.5]
GRADIENTS = [
    [0.5, -1.0, 0.1],
    [-0.25, -0.5, 0.3],
    [1.5, 0.75, -0.2],
    [0.125, -1.25, 0.0],
    [-0.75, 0.25, 2.0],
]
ENDS = [
    ("SGD", {}, [0.9988750000000001, -1.9982500000000003, 0.49779999999999996]),
    (
        "SGD",
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        [0.9929292352257881, -1.989573160895309, 0.494350317310823],
    ),
    ("SGD", {"momentum": 0.9, "dampening": 0.5}, [0.9966060750000001, -1.9949989, 0.49834564]),
    ("Adam", {}, [0.9972474909439532, -1.9969053602044695, 0.497044052189178]),
    (
        "Adam",
        {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True},
        [0.6848486554267511, -1.6414417183499248, 0.16813046496909412],
    ),
    ("AdamW", {}, [0.9971975592716437, -1.996805440421097, 0.49701912749236715]),
    (
        "AdamW",
        {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.1},
        [0.6918720243441735, -1.6141135773103232, 0.19007244403584422],
    ),
    ("RMSprop", {}, [0.8859696340405027, -1.8563342616162493, 0.26040708262458157]),
    (
        "RMSprop",
        {"lr": 0.1, "momentum": 0.5, "centered": True, "weight_decay": 0.1},
        [-1.3571731037836832, 0.7443990829405369, -2.122880979741427],
    ),
    ("Adagrad", {}, [0.9885552849942683, -1.9856429857421247, 0.47602892812613806]),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.1},
        [0.9063029277754051, -1.88068987522475, 0.41316372512000876],
    ),
    ("Adadelta", {}, [0.9967387082258711, -1.9946489701563894, 0.48954444753264786]),
    (
        "Adadelta",
        {"lr": 0.5, "rho": 0.5, "weight_decay": 0.1},
        [0.999115468402216, -1.998338862276855, 0.4976658212463015],
    ),
    ("NAdam", {}, [0.9971870045900875, -1.996411113421327, 0.4941811653864984]),
    (
        "NAdam",
        {"lr": 0.1, "momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
        [0.8149261553405728, -1.7277826487588324, 0.1918773500164629],
    ),
    ("Lion", {}, [0.9999, -1.9999, 0.49970000000000003]),
    (
        "Lion",
        {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1},
        [0.8549503489, -1.8079005988, 0.18141552395000002],
    ),
]
CASES = [OPTIMIZERS[name](**settings) for name, settings, _ in ENDS]
EVERY = pytest.mark.parametrize("optimizer", CASES, ids=repr)


def frozen(array):
    """An optimizer that writes into its arguments fails on these."""
    array = np.array(array)
    array.flags.writeable = False
    return array


def make_tree(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    tree = {"layer": [rng.normal(size=(3, 4)), rng.normal(size=4)], "scale": (rng.normal(size=()),)}
    return map_tree(lambda x: frozen(np.asarray(x, dtype)), tree)


def run(optimizer, params, gradients):
    state = optimizer.init(params)
    for grads in gradients:
        params, state = optimizer.update(params, grads, state)
    return params, state


def assert_trees_close(found, expected, **tolerance):
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def test_every_optimizer_has_a_second_opinion():
    assert {name for name, _, _ in ENDS} == set(OPTIMIZERS)


@pytest.mark.parametrize(("name", "settings", "end"), ENDS)
def test_where_it_ends(name, settings, end):
    found, _ = run(OPTIMIZERS[name](**settings), np.array(START), map(np.array, GRADIENTS))
    np.testing.assert_allclose(found, end, rtol=1e-13)


@EVERY
def test_the_state_is_plain_and_keeps_its_form(optimizer):
    params = make_tree(0, np.float32)
    first = optimizer.init(params)
    assert first["step"].dtype == np.int64
    found, second = optimizer.update(params, make_tree(1, np.float32), map_tree(frozen, first))
    assert second["step"] == 1
    before, structure = flatten((params, first))
    after, structure_after = flatten((found, second))
    assert structure_after == structure
    for a, b in zip(after, before, strict=True):
        assert isinstance(a, np.ndarray)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@EVERY
def test_float32_is_float64_rounded(optimizer):
    gradients = [make_tree(seed) for seed in range(1, 30)]
    exact, _ = run(optimizer, make_tree(0), gradients)
    rounded, _ = run(optimizer, make_tree(0, np.float32), gradients)  # float64 gradients, too
    assert {leaf.dtype for leaf in flatten(rounded)[0]} == {np.dtype(np.float32)}
    assert_trees_close(rounded, exact, rtol=1e-4, atol=2e-5)


@EVERY
def test_parameters_do_not_touch_each_other(optimizer):
    gradients = [make_tree(seed) for seed in range(1, 5)]
    together, _ = run(optimizer, make_tree(0), gradients)
    alone, _ = run(optimizer, make_tree(0)["layer"][1], [tree["layer"][1] for tree in gradients])
    np.testing.assert_array_equal(together["layer"][1], alone)


@EVERY
def test_it_goes_downhill(optimizer):
    params = np.array([1.0, -3.0])
    state = optimizer.init(params)
    for _ in range(20):
        params, state = optimizer.update(params, params, state)  # the gradient of ½|params|²
    assert np.all(np.abs(params) < [1.0, 3.0])


@EVERY
def test_gradients_and_state_are_matched_by_key(optimizer):
    params = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    grads = {"a": np.array([0.5, -1.0]), "b": np.array([2.0, -0.1])}
    in_order, state = run(optimizer, params, [grads])
    expected, _ = optimizer.update(in_order, grads, state)
    turned = {
        name: dict(reversed(slot.items())) if name != "step" else slot
        for name, slot in state.items()
    }
    found, _ = optimizer.update(in_order, dict(reversed(grads.items())), turned)
    assert list(found) == ["a", "b"]
    assert_trees_close(found, expected, rtol=0)


@EVERY
def test_recorded_it_is_the_same_function(optimizer):
    rate = schedules.linear_warmup(schedules.cosine(0.1, steps=100), steps=2)
    for kept in (optimizer, replace(optimizer, lr=rate, clip_norm=0.5)):
        for dtype, tolerance in ((np.float64, 1e-14), (np.float32, 1e-6)):
            params = make_tree(0, dtype)
            state = expected_state = compile(kept.init)(params)
            expected = params
            update = compile(kept.update)
            for seed in range(1, 4):
                grads = make_tree(seed, dtype)
                params, state = update(params, grads, state)
                expected, expected_state = kept.update(expected, grads, expected_state)
                found = flatten((params, state))[0]
                for a, b in zip(found, flatten((expected, expected_state))[0], strict=True):
                    assert a.dtype == b.dtype
                    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@EVERY
def test_latex_shows_what_is_done(optimizer):
    lines = optimizer.latex()
    assert all(line.count("{") == line.count("}") for line in lines)
    assert sum(r"\theta \leftarrow \theta - " in line for line in lines) == 1
    assert any(r"\lambda" in line for line in lines) == (optimizer.weight_decay > 0)
    assert replace(optimizer, clip_norm=2.5).latex() == (
        r"g \leftarrow g\, \min\left(1, \frac{2.5}{\|g\|}\right)",
        *lines,
    )


# ------------------------------------------------------------------------------------- clipping


@EVERY
def test_clipping_shortens_all_gradients_together(optimizer):
    clipping = replace(optimizer, clip_norm=0.5)
    grads = make_tree(1)
    norm = math.sqrt(sum(np.sum(g**2) for g in flatten(grads)[0]))
    shorter = map_tree(lambda g: g * (0.5 / (norm + 1e-6)), grads)
    found, _ = run(clipping, make_tree(0), [grads] * 3)
    expected, _ = run(optimizer, make_tree(0), [shorter] * 3)
    assert_trees_close(found, expected, rtol=1e-12)


def test_short_gradients_are_left_alone():
    params, grads = make_tree(0), make_tree(1)
    free, _ = run(SGD(0.1), params, [grads])
    clipped, _ = run(SGD(0.1, clip_norm=100.0), params, [grads])
    assert_trees_close(clipped, free, rtol=0)


def test_global_norm_and_zero_gradients():
    assert optimizers.global_norm({"a": np.array([3.0]), "b": [np.array([[0.0, 4.0]])]}) == 5.0
    found, _ = run(SGD(0.1, clip_norm=1.0), np.ones(2), [np.zeros(2)])
    np.testing.assert_array_equal(found, 1.0)


# ------------------------------------------------------------------------------- learning rates


@EVERY
def test_the_rate_is_that_of_the_step(optimizer):
    gradients = [make_tree(seed) for seed in range(1, 4)]
    halving = replace(optimizer, lr=schedules.exponential(0.2, factor=0.5))
    found, _ = run(halving, make_tree(0), gradients)
    params, state = make_tree(0), halving.init(make_tree(0))
    for grads, lr in zip(gradients, [0.2, 0.1, 0.05], strict=True):
        params, state = replace(optimizer, lr=lr).update(params, grads, state)
    assert_trees_close(found, params, rtol=1e-14)


def test_the_rate_may_be_a_function_of_the_user():
    optimizer = SGD(lambda step: 0.5 / (step + 1))
    found, _ = run(optimizer, np.zeros(1, np.float32), [np.ones(1, np.float32)] * 2)
    assert found.dtype == np.float32
    assert found == -0.75
    with pytest.raises(SettingError, match="SGD: lr is a function of your own and cannot be saved"):
        optimizer.config()


# ------------------------------------------------------------------------------------ settings

NOT_NUMBERS = [math.nan, math.inf, -0.1, "0.1", None, True, [0.1], 10**400]
NOT_FRACTIONS = [*NOT_NUMBERS, 1.0]
NOT_SWITCHES = [0, 1.0, "yes", None]
UNFIT = {
    "lr": [*NOT_NUMBERS, schedules.cosine, Adam],
    "clip_norm": [math.nan, math.inf, -1.0, 0.0, "1", True],
    "momentum": NOT_FRACTIONS,
    "dampening": NOT_FRACTIONS,
    "alpha": NOT_FRACTIONS,
    "rho": NOT_FRACTIONS,
    "betas": [0.9, None, (0.9,), (0.9, 0.99, 0.999), (0.9, 1.0), (math.nan, 0.9), "ab"],
    "eps": NOT_NUMBERS,
    "weight_decay": NOT_NUMBERS,
    "lr_decay": NOT_NUMBERS,
    "momentum_decay": NOT_NUMBERS,
    "initial_accumulator_value": NOT_NUMBERS,
    "nesterov": NOT_SWITCHES,
    "amsgrad": NOT_SWITCHES,
    "centered": NOT_SWITCHES,
    "decoupled_weight_decay": NOT_SWITCHES,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_unfit_settings_are_refused_by_name(name):
    for field in fields(OPTIMIZERS[name]):
        for value in UNFIT[field.name]:
            with pytest.raises(SettingError, match=f"^{name}: {field.name} must be .*, not "):
                OPTIMIZERS[name](**{field.name: value})


def test_nesterov_needs_momentum():
    with pytest.raises(SettingError, match="SGD: nesterov needs a momentum above 0"):
        SGD(0.1, nesterov=True)
    with pytest.raises(SettingError, match=r"SGD: nesterov needs .* no dampening"):
        SGD(0.1, 0.9, nesterov=True, dampening=0.1)


def test_numpy_scalars_are_settings():
    assert SGD(np.float32(0.5), np.float64(0.9)) == SGD(0.5, 0.9)
    assert type(SGD(np.float64(0.5)).lr) is float


@EVERY
def test_back_from_a_file(optimizer):
    rate = schedules.linear_warmup(schedules.cosine(0.1, steps=100), steps=10)
    for kept in (optimizer, replace(optimizer, lr=rate, clip_norm=1.0)):
        assert optimizers.from_config(json.loads(json.dumps(kept.config()))) == kept


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "a saved optimizer is a mapping with a name"),
        ({"lr": 0.1}, "a saved optimizer is a mapping with a name"),
        ({"name": "Adamm"}, "there is no optimizer 'Adamm'; did you mean 'Adam'"),
        ({"name": "SGD", "momentun": 0.9}, "no setting 'momentun'; did you mean 'momentum'"),
        ({"name": "SGD", "lr": math.nan}, "SGD: lr must be"),
        ({"name": "SGD", "lr": {"name": "cosin"}}, "no schedule 'cosin'; did you mean 'cosine'"),
        ({"name": "SGD", "lr": {"name": "cosine", "lr": 0.1}}, "'cosine' lacks steps"),
    ],
)
def test_damaged_configurations_are_refused(config, message):
    with pytest.raises(SettingError, match=message):
        optimizers.from_config(config)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_found_by_name(name):
    row = OPTIMIZERS[name]
    for spelling in (name, name.lower(), name.upper()):
        assert optimizers.get(spelling) == row()
    instance = row(lr=0.5)
    assert optimizers.get(instance) is instance
    assert row.doc().endswith(".")
    with pytest.raises(SettingError, match=rf"{name} is a class: write {name}\(...\)"):
        optimizers.get(row)


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'RMSprop'"):
        optimizers.get("rms_prop")
    with pytest.raises(UnknownNameError, match="there is no optimizer 3; choose one of"):
        optimizers.get(3)


def test_an_optimizer_of_the_user_works_but_cannot_be_saved():
    @dataclass(frozen=True)
    class SignSGD(Optimizer):
        def slots(self, p):
            return {}

        def leaf(self, p, g, s, lr, t):
            return p - lr.astype(p.dtype) * np.sign(g), {}

        def rule(self):
            return (r"\theta \leftarrow \theta - \eta\, \mathrm{sign}(g)",)

    optimizer = optimizers.get(SignSGD(0.25))
    found, _ = run(optimizer, np.zeros(2), [np.array([3.0, -0.1])])
    np.testing.assert_array_equal(found, [-0.25, 0.25])
    with pytest.raises(SettingError, match="'SignSGD' is your own and cannot be saved"):
        optimizer.config()


# ----------------------------------------------------------------------------- unfit arguments


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"w": 0.5}, r"params\['w'\] is a float"),
        ({"w": np.arange(3)}, r"params\['w'\] is a array of int64"),
        ([np.zeros(2), "b"], r"params\[1\] is a str"),
    ],
)
def test_parameters_are_arrays_of_floats(params, found):
    with pytest.raises(SettingError, match=found):
        Adam().init(params)


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({"w": np.zeros((2, 1)), "b": [np.zeros(2)]}, r"params\['w'\] has shape \(2, 1\)"),
        ({"w": np.zeros(2)}, r"at params there is a dict of 'w', 'b', but there a dict of 'w'"),
        ({"w": np.zeros(2), "b": np.zeros(2)}, r"params\['b'\] there is a list of 1, but .* array"),
        ({"w": [np.zeros(2)], "b": [np.zeros(2)]}, r"params\['w'\] there is an array, but .* list"),
        ({"w": np.zeros(2), "b": [None]}, r"params\['b'\]\[0\] there is an array, but there None"),
    ],
)
def test_gradients_are_shaped_like_the_parameters(grads, message):
    params = {"w": np.zeros(2), "b": [np.zeros(2)]}
    with pytest.raises(ShapeError, match=message):
        SGD().update(params, grads, SGD().init(params))


def test_the_state_must_be_the_optimizers_own():
    params = np.zeros(2)
    with pytest.raises(SettingError, match=r"entries \['step'\], but Adam keeps \['mean', "):
        Adam().update(params, params, SGD().init(params))
    with pytest.raises(SettingError, match=r"made for other parameters: it turns float32 of shape"):
        Adam().update(np.zeros(2, np.float32), params, Adam().init(params))
    with pytest.raises(SettingError, match=r"made for other parameters: .* into .* shape \(3, 2\)"):
        Adam().update(params, params, Adam().init(np.zeros((3, 1))))


def test_no_parameters_at_all():
    assert run(Adam(clip_norm=1.0), {}, [{}])[0] == {}
