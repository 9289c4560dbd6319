"""Every row of the table of losses: its value, its dtype, its edges and its place in files."""

import json
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics

from chainrule import losses
from chainrule.errors import DataError, SettingError, ShapeError, UnknownNameError
from chainrule.loss import FunctionLoss, Loss
from chainrule.losses import LOSSES
from chainrule.pipeline import compile, grad

EVERY = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
SHAPES = [(6,), (6, 1), (6, 4), (6, 3, 4)]


def frozen(array):
    """A loss that writes into its arguments fails on these."""
    array = np.array(array)
    array.flags.writeable = False
    return array


def draw(loss: Loss, shape: tuple[int, ...], seed: int = 0):
    """A prediction and a target of the loss's own kinds, in float64."""
    rng = np.random.default_rng(seed)
    prediction = {
        "values": lambda: rng.normal(size=shape),
        "logits": lambda: 3 * rng.normal(size=shape),
        "scores": lambda: 2 * rng.normal(size=shape),
        "log_rates": lambda: rng.normal(size=shape),
        "probabilities": lambda: rng.uniform(0.05, 0.95, shape),
    }[loss.prediction]()
    if loss.task == "multiclass":
        if loss.prediction == "probabilities":
            prediction /= prediction.sum(-1, keepdims=True)
        target = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    elif loss.task == "binary":
        target = rng.integers(0, 2, shape).astype(float)
        target.flat[:2] = 0, 1  # both classes occur
    elif loss.prediction == "log_rates":
        target = rng.poisson(2.0, shape).astype(float)
    else:
        target = rng.normal(size=shape)
    return frozen(prediction), frozen(target)


def shapes_of(loss: Loss):
    return [s for s in SHAPES if len(s) > 1 and s[-1] > 1] if loss.task == "multiclass" else SHAPES


def rows(array):
    return array.reshape(len(array), -1)


# Second opinions, from libraries and by other routes than ours; each gives the loss of all samples.
REFERENCES = {
    "half_squared_error": lambda p, t: np.mean(np.linalg.norm(rows(p) - rows(t), axis=1) ** 2) / 2,
    "mean_squared_error": lambda p, t: sklearn.metrics.mean_squared_error(rows(t), rows(p)),
    "mean_absolute_error": lambda p, t: sklearn.metrics.mean_absolute_error(rows(t), rows(p)),
    "huber": lambda p, t: scipy.special.huber(1.0, p - t).mean(),
    "poisson": lambda p, t: (
        -np.mean(scipy.stats.poisson.logpmf(t, np.exp(p)) + scipy.special.gammaln(t + 1))
    ),
    "binary_cross_entropy": lambda p, t: (
        -np.mean(scipy.special.xlogy(t, p) + scipy.special.xlog1py(1 - t, -p))
    ),
    "binary_cross_entropy_with_logits": lambda p, t: (
        -np.mean(t * scipy.special.log_expit(p) + (1 - t) * scipy.special.log_expit(-p))
    ),
    "hinge": lambda p, t: sklearn.metrics.hinge_loss(t.ravel(), p.ravel()),
    "cross_entropy": lambda p, t: np.mean(
        scipy.stats.entropy(t, scipy.special.softmax(p, axis=-1), axis=-1)
        + scipy.stats.entropy(t, axis=-1)
    ),
    "kl_divergence": lambda p, t: scipy.stats.entropy(t, p, axis=-1).mean(),
}


def test_every_row_has_a_second_opinion():
    assert set(REFERENCES) == set(LOSSES)


@EVERY
def test_value(loss):
    for shape in shapes_of(loss):
        for seed in range(3):
            prediction, target = draw(loss, shape, seed)
            expected = REFERENCES[loss.name](prediction, target)
            assert loss(prediction, target) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@EVERY
def test_per_sample_is_the_loss_of_each_sample_alone(loss):
    for shape in shapes_of(loss):
        prediction, target = draw(loss, shape)
        each = loss.per_sample(prediction, target)
        assert each.shape == (6,)
        alone = [loss(prediction[i : i + 1], target[i : i + 1]) for i in range(6)]
        np.testing.assert_allclose(each, alone, rtol=1e-14)


@EVERY
def test_whole_weights_count_samples(loss):
    prediction, target = draw(loss, shapes_of(loss)[-1])
    weights = np.array([2, 0, 1, 3, 1, 1])
    repeated = loss(np.repeat(prediction, weights, 0), np.repeat(target, weights, 0))
    assert loss(prediction, target, frozen(weights)) == pytest.approx(repeated, rel=1e-14)
    with pytest.raises(ShapeError, match=r"weights have shape \(6, 1\)"):
        loss(prediction, target, weights[:, None])


@EVERY
def test_float32_stays_float32(loss):
    prediction, target = draw(loss, shapes_of(loss)[-1])
    small = prediction.astype(np.float32)
    for other in (target, target.astype(np.float32)):
        value = loss(small, other, np.ones(6))
        assert value.dtype == np.float32
        assert loss.per_sample(small, other).dtype == np.float32
        assert value == pytest.approx(loss(prediction, target), rel=2e-6)


@EVERY
def test_shapes_that_numpy_would_broadcast_are_refused(loss):
    if loss.task == "multiclass":
        prediction, target = np.full((5, 3), 1 / 3), np.full((1, 3), 1 / 3)
    else:
        prediction, target = np.full((5, 1), 0.5), np.ones(5)
        with pytest.raises(ShapeError, match=r"would broadcast them to \(5, 5\).*reshape\(5, 1\)"):
            loss(prediction, target)
        with pytest.raises(ShapeError, match="broadcast"):
            loss(target, prediction)
    with pytest.raises(ShapeError, match=r"has shape \(5, "):
        loss(prediction, target)
    with pytest.raises(ShapeError, match=r"has shape \(5, "):
        loss(prediction, np.ones((4, 2)))
    with pytest.raises(ShapeError):
        loss(np.float64(0.5), np.float64(1.0))


@EVERY
def test_row_is_complete(loss):
    assert LOSSES[loss.name] is loss
    assert loss.doc.endswith(".")
    assert loss.latex.count("{") == loss.latex.count("}") > 0


@EVERY
def test_found_by_name_and_back_from_a_file(loss):
    assert losses.get(loss.name) is loss
    assert losses.get(loss.name.upper()) is loss
    assert losses.get(loss) is loss
    assert losses.from_config(json.loads(json.dumps(loss.config()))) == loss


# -------------------------------------------------------------------------------------- gradients


def slope(loss, prediction, target, direction):
    """Central differences along a direction with three steps; the true slope is near the best."""
    return [
        (loss(prediction + h * direction, target) - loss(prediction - h * direction, target))
        / (2 * h)
        for h in (1e-4, 1e-5, 1e-6)
    ]


@EVERY
def test_gradient(loss):
    rng = np.random.default_rng(5)
    for shape in shapes_of(loss):
        prediction, target = draw(loss, shape)
        gradient = grad(loss)(prediction, target)
        assert (gradient.shape, gradient.dtype) == (shape, np.float64)
        size = np.linalg.norm(gradient)
        assert size > 0
        for direction in rng.normal(size=(3, *shape)):
            found = np.sum(gradient * direction)
            errors = np.abs(np.array(slope(loss, prediction, target, direction)) - found)
            assert np.min(errors) < 1e-6 * size * np.linalg.norm(direction)


@EVERY
def test_recorded_it_is_the_same_function(loss):
    prediction, target = draw(loss, shapes_of(loss)[-1])
    weights = np.arange(1.0, 7.0)
    found = compile(loss)(prediction, target, weights)
    assert found == pytest.approx(loss(prediction, target, weights), rel=1e-14)
    small = prediction.astype(np.float32)
    assert grad(loss)(small, target.astype(np.float32)).dtype == np.float32


# Predictions at the ends of their range, and the exact gradients of the loss of one sample there.
HARD_GRADIENTS = [
    ("binary_cross_entropy", [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, -1.0, 0.0, 0.0]),
    ("binary_cross_entropy_with_logits", [0.0, 1e3, -1e3], [1.0, 0.0, 1.0], [-0.5, 1.0, -1.0]),
    ("binary_cross_entropy_with_logits", [1e3, -1e3], [1.0, 0.0], [0.0, 0.0]),
    ("cross_entropy", [[0.0, 1e3], [0.0, 0.0]], [0, 1], [[-1.0, 1.0], [0.5, -0.5]]),
    ("cross_entropy", [[0.0, 0.0, -np.inf]], [1], [[0.5, -0.5, 0.0]]),
    ("kl_divergence", [[0.5, 0.5], [0.0, 1.0]], [[0.0, 1.0]] * 2, [[0.0, -2.0], [0.0, -1.0]]),
    ("kl_divergence", [[0.0, 1.0]], [[1.0, 0.0]], [[0.0, 0.0]]),
]


@pytest.mark.parametrize(("name", "prediction", "target", "expected"), HARD_GRADIENTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient_at_the_ends(name, prediction, target, expected, dtype):
    found = grad(LOSSES[name])(np.array(prediction, dtype), np.array(target))
    np.testing.assert_allclose(found * len(expected), expected, rtol=1e-6)


# ------------------------------------------------------------------------------- classes by number


def test_class_numbers_and_one_hot_rows_are_the_same_target():
    loss = LOSSES["cross_entropy"]
    rng = np.random.default_rng(1)
    for lead in [(6,), (6, 5)]:
        logits, labels = rng.normal(size=(*lead, 4)), rng.integers(0, 4, lead)
        expected = loss(logits, np.eye(4)[labels])
        for given in (
            labels,
            labels[..., None],
            labels.astype(np.float32),
            labels.astype(np.uint8),
        ):
            assert loss(logits, given) == pytest.approx(expected, rel=1e-14)
        taken = -np.take_along_axis(scipy.special.log_softmax(logits, -1), labels[..., None], -1)
        assert expected == pytest.approx(taken.mean(), rel=1e-13)
    assert loss(np.zeros((2, 3), np.float32), np.array([0, 2])).dtype == np.float32


def test_cross_entropy_refuses_targets_of_other_shapes():
    loss = LOSSES["cross_entropy"]
    for target in [np.zeros(4, int), np.zeros((5, 2)), np.zeros((1, 5)), np.zeros((5, 3, 1))]:
        with pytest.raises(ShapeError, match=r"class numbers of shape \(5,\)"):
            loss(np.zeros((5, 3)), target)


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence"])
def test_one_class_is_no_choice(name):
    with pytest.raises(ShapeError, match="use a binary loss"):
        LOSSES[name](np.zeros((5, 1)), np.zeros(5, int))


# ------------------------------------------------------------------------------------ hard points


@pytest.mark.parametrize(("dtype", "stop"), [(np.float64, 100.0), (np.float32, 87.33655)])
def test_binary_cross_entropy_is_finite_at_0_and_1(dtype, stop):
    loss = LOSSES["binary_cross_entropy"]
    certain = np.array([0, 0, 1, 1], dtype)
    np.testing.assert_allclose(
        loss.per_sample(certain, np.array([0, 1, 0, 1], dtype)), [0, stop, stop, 0], rtol=1e-6
    )


def test_binary_cross_entropy_keeps_probabilities_near_0():
    loss = LOSSES["binary_cross_entropy"]
    assert loss(np.array([1e-30]), np.array([1.0])) == pytest.approx(30 * math.log(10))


def test_binary_cross_entropy_with_logits_is_exact_in_both_tails():
    loss = LOSSES["binary_cross_entropy_with_logits"]
    sure = math.log1p(math.exp(-40))
    assert loss(np.array([40.0]), np.array([1.0])) == pytest.approx(sure, rel=1e-15)
    assert loss(np.array([-40.0]), np.array([0.0])) == pytest.approx(sure, rel=1e-15)
    assert loss(np.array([-1000.0]), np.array([1.0])) == 1000.0
    assert loss(np.array([1000.0]), np.array([0.0])) == 1000.0


def test_cross_entropy_of_extreme_logits():
    loss = LOSSES["cross_entropy"]
    assert loss(np.array([[1e4, -1e4]]), np.array([1])) == 2e4
    assert loss(np.array([[1e4, -1e4]]), np.array([0])) == 0.0
    masked = np.array([[0.0, 0.0, -np.inf]])
    assert loss(masked, np.array([1])) == pytest.approx(math.log(2))


def test_kl_divergence_at_probability_0():
    loss = LOSSES["kl_divergence"]
    assert loss(np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]])) == pytest.approx(math.log(2))
    assert loss(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])) == 0.0
    assert loss(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])) == pytest.approx(100.0)


def test_hinge_takes_both_conventions_of_labels():
    loss = LOSSES["hinge"]
    scores = np.array([0.3, -2.0, 1.5, 0.1])
    signs = np.array([1, -1, -1, 1])
    np.testing.assert_allclose(loss.per_sample(scores, signs), [0.7, 0.0, 2.5, 0.9])
    np.testing.assert_array_equal(
        loss.per_sample(scores, signs), loss.per_sample(scores, (signs + 1) // 2)
    )


def test_huber_with_another_corner():
    wide = losses.huber(delta=2.5)
    prediction, target = draw(wide, (6, 4))
    expected = scipy.special.huber(2.5, 3 * (prediction - target)).mean()
    assert wide(3 * prediction, 3 * target) == pytest.approx(expected, rel=1e-14)
    assert losses.from_config(json.loads(json.dumps(wide.config()))) == wide != LOSSES["huber"]


# ------------------------------------------------------------------------- what a loss implies


@EVERY
def test_probabilities_are_those_of_the_loss(loss):
    prediction, _ = draw(loss, shapes_of(loss)[-1])
    if loss.prediction not in ("probabilities", "logits"):
        with pytest.raises(SettingError, match="imply no probabilities"):
            loss.probabilities(prediction)
        return
    found = loss.probabilities(prediction)
    assert found.shape == prediction.shape
    assert np.all((found >= 0) & (found <= 1))
    if loss.task == "multiclass":
        np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-14)
    if loss.prediction == "logits":  # a cross-entropy is the mean of -log of these
        if loss.task == "multiclass":
            chosen = found[..., 0]
            values = loss.per_sample(prediction, np.zeros(prediction.shape[:-1], int))
        else:
            chosen, values = found, loss.per_sample(prediction, np.ones_like(prediction))
        np.testing.assert_allclose(-np.log(chosen).reshape(6, -1).mean(1), values, rtol=1e-12)


@EVERY
def test_classes_are_the_cheapest_answers(loss):
    prediction, _ = draw(loss, shapes_of(loss)[-1])
    if loss.task == "regression":
        with pytest.raises(SettingError, match="implies no classes"):
            loss.classes(prediction)
        return
    found = loss.classes(prediction)
    assert found.dtype == np.int64
    flat = prediction.reshape(-1, prediction.shape[-1])
    if loss.task == "multiclass":
        costs = [loss.per_sample(flat, np.eye(4)[np.full(len(flat), c)]) for c in range(4)]
    else:
        flat = flat.reshape(-1, 1)
        costs = [loss.per_sample(flat, np.full(flat.shape, c)) for c in (0, 1)]
    np.testing.assert_array_equal(found.ravel(), np.argmin(costs, axis=0))


# ------------------------------------------------------------------------------- unfit targets


@EVERY
def test_check_target_accepts_what_the_loss_is_for(loss):
    for shape in shapes_of(loss):
        _, target = draw(loss, shape)
        loss.check_target(target, shape)


@pytest.mark.parametrize(
    ("name", "target", "prediction_shape", "message"),
    [
        ("mean_squared_error", [0.0, np.nan], (2,), "finite numbers; .* row 1 .* nan"),
        ("half_squared_error", [[0.0, 1.0], [0.0, np.inf]], (2, 2), "row 1 has the value inf"),
        ("binary_cross_entropy", [0.0, 1.0, 2.0], (3,), "0 to 1; .* row 2 has the value 2.0"),
        ("binary_cross_entropy_with_logits", [-1.0, 1.0], (2,), "0 to 1; .* row 0"),
        ("cross_entropy", [0, 1, 3], (3, 3), "class numbers from 0 to 2; .* row 2 .* value 3"),
        ("cross_entropy", [0, -1], (2, 3), "row 1 has the value -1"),
        ("cross_entropy", [0.5, 1], (2, 3), "row 0 has the value 0.5"),
        ("cross_entropy", [[0.5, 0.5], [0.9, 0.9]], (2, 2), "sum to 1; .* row 1 has the sum 1.8"),
        ("hinge", [1, 2], (2,), "-1 and 1; .* row 1 has the value 2"),
        ("kl_divergence", [[1.5, -0.5]], (1, 2), "0 to 1; .* row 0 has the value 1.5"),
        ("poisson", [1.0, -2.0], (2,), "0 or more; .* row 1 has the value -2.0"),
    ],
)
def test_check_target_names_the_first_row_that_does_not_fit(
    name, target, prediction_shape, message
):
    with pytest.raises(DataError, match=f"^{name} takes .*{message}"):
        LOSSES[name].check_target(np.array(target), prediction_shape)


# ------------------------------------------------------------------------------------- look-up


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'mean_squared_error'"):
        losses.get("mean_square_error")
    with pytest.raises(UnknownNameError, match="there is no loss None"):
        losses.get(None)
    with pytest.raises(UnknownNameError, match="did you mean 'hinge'"):
        losses.from_config({"name": "hinges"})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("hinge", "a mapping with a name"),
        ({"delta": 1.0}, "a mapping with a name"),
        ({"name": "huber", "dleta": 1.0}, "no setting 'dleta'; did you mean 'delta'"),
        ({"name": "hinge", "delta": 1.0}, "no setting 'delta'; it has none"),
        ({"name": "huber", "delta": "1"}, "delta must be a finite number above 0"),
        ({"name": "huber", "delta": 0.0}, "delta must be a finite number above 0"),
        ({"name": "huber", "delta": math.nan}, "delta must be a finite number above 0"),
        ({"name": "huber", "delta": [1.0]}, "delta must be a finite number above 0"),
    ],
)
def test_damaged_configurations_are_refused(config, message):
    with pytest.raises(SettingError, match=message):
        losses.from_config(config)


def test_a_function_of_the_user_is_a_loss():
    def quartic(prediction, target):
        return np.mean((prediction - target) ** 4)

    loss = losses.get(quartic)
    assert isinstance(loss, FunctionLoss)
    assert loss.name == "quartic"
    assert losses.get(loss) is loss
    assert loss(np.array([1.0, 3.0]), np.zeros(2)) == 41.0
    with pytest.raises(SettingError, match="quartic returns one number"):
        loss(np.zeros(2), np.zeros(2), np.ones(2))
    with pytest.raises(SettingError, match="quartic is a function of your own and cannot be saved"):
        loss.config()


def test_lists_are_arrays_too():
    assert LOSSES["mean_squared_error"]([1, 2], [3, 5]) == 6.5
