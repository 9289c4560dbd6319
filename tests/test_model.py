"""`Model` beside training: its arrays, predictions, scores, gradients, and what ends a network."""

import copy
import pickle

import numpy as np
import polars
import pytest
from by_hand import ByHand
from gradcheck import gradient_error
from scipy import special

import chainrule as cr
from chainrule.losses import LOSSES
from chainrule.model import CHUNK

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = np.sin(X.sum(axis=1))


def regression(**settings):
    net = cr.Sequential(cr.Dense(5, l2=0.1), cr.Tanh(), cr.Dense(1))
    settings = {"loss": "half_squared_error", "dtype": "float64"} | settings
    return cr.Model(net, **settings).build((3,))


def predicting(prediction, loss):
    """A model that predicts these rows for the samples 0, 1, 2, …, one feature each."""
    rows = np.asarray(prediction, float)
    net = cr.Dense(rows.shape[1], bias=False, weight=rows)
    model = cr.Model(cr.Sequential(net, cr.Lambda(lambda x: x)), loss=loss, dtype="float64")
    return model.build((len(rows),)), np.eye(len(rows))


# --- arrays --------------------------------------------------------------------------------------


def test_build_makes_the_parameters_that_fit_begins_with():
    built, fitted = (cr.Model(cr.Dense(2), loss="mean_squared_error") for _ in range(2))
    assert built.build(3) is built
    assert (built.input_shape, built.output_shape) == ((3,), (2,))
    fitted.fit(X, np.zeros((30, 2)), epochs=0, progress=False)
    assert np.array_equal(built.params["weight"], fitted.params["weight"])


def test_parameters_are_copies_until_they_are_set():
    model = regression()
    before = model.predict(X)
    model.params["0.weight"][:] = 7.0
    np.testing.assert_array_equal(model.predict(X), before)
    weight = np.ones((3, 5))
    model.set_params({"0.weight": weight})
    weight[:] = 7.0
    assert np.array_equal(model.params["0.weight"], np.ones((3, 5)))
    assert not np.array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"0.wieght": np.ones((3, 5))}, cr.UnknownNameError, r"parameter '0\.wieght'; did you mea"),
        ({"0.weight": np.ones((5, 3))}, cr.ShapeError, r"'0\.weight' has shape \(3, 5\), .*\(5, 3"),
        ({"0.bias": [1, 2, 3, 4, np.nan]}, cr.DataError, r"0\.bias holds NaN in row 4"),
        ({"0.bias": ["a"] * 5}, cr.DataError, r"0\.bias holds text"),
    ],
)
def test_parameters_that_do_not_fit_change_nothing(params, error, message):
    model = regression()
    before = model.params
    with pytest.raises(error, match=message):
        model.set_params({"2.bias": [9.0]} | params)
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())


def test_state_is_named_and_set_like_parameters():
    model = cr.Model(cr.BatchNorm(), loss="mean_squared_error").build((2,))
    model.set_state({"mean": [1.0, 2.0], "variance": [4.0, 9.0]})
    np.testing.assert_allclose(model.predict([[3.0, 8.0]]), [[1.0, 2.0]], rtol=1e-5)
    with pytest.raises(cr.UnknownNameError, match=r"state entry 'means'; did you mean 'mean'\?"):
        model.set_state({"means": [0.0, 0.0]})


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype(">f8")])
def test_everything_has_the_models_dtype(dtype):
    model = cr.Model(
        cr.Sequential(cr.Dense(2), cr.BatchNorm()), loss="mean_squared_error", dtype=dtype
    )
    model.fit(X.astype(np.float16), np.zeros((30, 2), int), epochs=1, progress=False)
    arrays = [*model.params.values(), *model.state.values(), model.predict(X)]
    arrays += model.gradients(X, np.zeros((30, 2))).values()
    assert {array.dtype for array in arrays} == {np.dtype(dtype).newbyteorder("=")}


def test_data_in_other_clothes():
    """Lists, tables of Polars, booleans, objects: all are the same numbers."""
    table = polars.DataFrame(X, schema=["a", "b", "c"]).with_columns(flag=polars.col("a") > 0)
    x, y = table.to_numpy(), polars.Series(Y)
    objects = np.array(x.tolist(), dtype=object)
    expected = None
    for given in (x, x.tolist(), table, objects, np.asfortranarray(x), np.ma.array(x)):
        for target in (Y, Y.tolist(), y, Y[:, None]):
            model = cr.Model(cr.Dense(1), loss="mean_squared_error")
            model.fit(given, target, epochs=1, progress=False)
            found = model.predict(given)
            expected = found if expected is None else expected
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda: cr.Model([cr.Dense(1)], "hinge"),
            cr.SettingError,
            r"put several into cr\.Sequent",
        ),
        (lambda: cr.Model(cr.Dense, "hinge"), cr.SettingError, r"Dense is a class: write Dense"),
        (lambda: cr.Model(cr.Dense(1), "hinge", seed="a"), cr.SettingError, r"a seed is a whole"),
        (lambda: cr.Model(cr.Dense(1), "hinge", seed=-1), cr.SettingError, r"a seed lies between"),
        (
            lambda: cr.Model(cr.Dense(1), "hinge", dtype=int),
            cr.SettingError,
            r"computes in 'float3",
        ),
        (lambda: cr.Model(cr.Dense(1), "hinge", dtype="half"), cr.SettingError, r"not 'half'"),
        (
            lambda: cr.Model(cr.Lambda(np.sum), "hinge").build(3),
            cr.ShapeError,
            r"shape \(\) of two",
        ),
    ],
)
def test_what_a_model_is_made_of(act, error, message):
    with pytest.raises(error, match=message):
        act()


# --- predictions ---------------------------------------------------------------------------------


def test_predict_is_the_network_in_evaluation_however_many_samples():
    net = cr.Sequential(cr.Dense(4), cr.BatchNorm(), cr.Dropout(0.5), cr.Dense(2))
    model = cr.Model(net, loss="mean_squared_error", dtype="float64").build((3,))
    for count in (1, CHUNK, CHUNK + 1, 2 * CHUNK + 5):
        x = RNG.normal(size=(count, 3))
        expected, _ = net(model.params, model.state, x)
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-12, atol=1e-14)


SCORES = [[-1.5, 0.5, 2.0], [3.0, 0.0, -1.0]]
RATIOS = [[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]]


@pytest.mark.parametrize(
    ("loss", "prediction", "probabilities", "classes"),
    [
        ("cross_entropy", SCORES, special.softmax(SCORES, axis=1), [2, 0]),
        ("kl_divergence", RATIOS, RATIOS, [1, 0]),
        (
            "binary_cross_entropy_with_logits",
            SCORES,
            special.expit(SCORES),
            [[0, 1, 1], [1, 0, 0]],
        ),
        (
            "binary_cross_entropy_with_logits",
            [[-2.0], [1.0]],
            special.expit([[-2.0], [1.0]]),
            [0, 1],
        ),
        ("binary_cross_entropy", [[0.2], [0.7]], [[0.2], [0.7]], [0, 1]),
        ("hinge", [[-0.2], [0.7]], None, [0, 1]),
    ],
)
def test_what_a_loss_makes_of_predictions(loss, prediction, probabilities, classes):
    model, x = predicting(prediction, loss)
    np.testing.assert_allclose(model.predict(x), prediction)
    found = model.predict_classes(x)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, classes)
    if probabilities is None:
        with pytest.raises(cr.SettingError, match=r"hinge is a loss of scores, which imply no pro"):
            model.predict_proba(x)
    else:
        np.testing.assert_allclose(model.predict_proba(x), probabilities, rtol=1e-14)


def test_a_regression_has_neither_probabilities_nor_classes():
    model = regression()
    with pytest.raises(cr.SettingError, match=r"half_squared_error is a loss of values, which imp"):
        model.predict_proba(X)
    with pytest.raises(cr.SettingError, match=r"half_squared_error is a loss of regression"):
        model.predict_classes(X)
    own = regression(loss=lambda p, t: np.mean(abs(p - t)))
    with pytest.raises(cr.SettingError, match=r"is your own function, .*; use predict"):
        own.predict_classes(X)


# --- scores --------------------------------------------------------------------------------------


def test_scores_of_a_regression():
    model = regression()
    scores = model.evaluate(X, Y)
    error = model.predict(X)[:, 0] - Y
    expected = {
        "loss": ByHand(model.params, lr=0, l2=0.1).loss(X, Y[:, None]),
        "mean_absolute_error": abs(error).mean(),
        "root_mean_squared_error": np.sqrt((error**2).mean()),
        "r2": 1 - (error**2).sum() / ((Y - Y.mean()) ** 2).sum(),
    }
    assert scores == pytest.approx(expected, rel=1e-12)


def test_weights_are_samples_several_times():
    model = regression()
    counts = RNG.integers(0, 4, size=30)
    repeated = model.evaluate(np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    assert model.evaluate(X, Y, sample_weight=counts) == pytest.approx(repeated, rel=1e-12)


def test_equal_targets_have_no_r2():
    assert "r2" not in regression().evaluate(X, np.ones(30))


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "accuracy"),
    [
        ("cross_entropy", [*SCORES, *SCORES], [2, 1, 2, 0], 0.75),
        ("cross_entropy", SCORES, np.eye(3)[[2, 1]], 0.5),
        ("binary_cross_entropy_with_logits", [[-1.0], [2.0], [0.5]], [0, 1, 0], 2 / 3),
        ("binary_cross_entropy_with_logits", SCORES, [[0, 1, 0], [1, 0, 0]], 5 / 6),
        ("binary_cross_entropy", [[0.1], [0.9]], [[0], [0]], 0.5),
        ("hinge", [[-1.0], [2.0]], [-1, 1], 1.0),
        ("hinge", [[-1.0], [2.0]], [1, 1], 0.5),
    ],
)
def test_accuracy(loss, prediction, target, accuracy):
    model, x = predicting(prediction, loss)
    scores = model.evaluate(x, target)
    assert scores["accuracy"] == pytest.approx(accuracy, rel=1e-15)
    column = np.reshape(target, (-1, 1)) if len(prediction[0]) == 1 else np.array(target)
    expected = LOSSES[loss](np.array(prediction), column)
    assert scores["loss"] == pytest.approx(float(expected), rel=1e-12)


def test_scores_of_more_samples_than_are_predicted_at_once():
    x = RNG.normal(size=(2 * CHUNK + 100, 3))
    y, w = x.sum(axis=1), RNG.uniform(size=len(x))
    model = regression()
    hand = ByHand(model.params, lr=0, l2=0.1)
    assert model.evaluate(x, y)["loss"] == pytest.approx(hand.loss(x, y[:, None]), rel=1e-12)
    found = model.evaluate(x, y, sample_weight=w)["loss"]
    assert found == pytest.approx(hand.loss(x, y[:, None], w), rel=1e-12)
    # A function of the user's own need not be a mean over samples.
    largest = regression(loss=lambda p, t: np.max(abs(p - t)))
    found = largest.evaluate(x, y)["loss"] - float(largest.net.penalty(largest.params))
    assert found == pytest.approx(abs(largest.predict(x)[:, 0] - y).max(), rel=1e-12)


# --- gradients -----------------------------------------------------------------------------------


def test_gradients_are_those_by_hand():
    model = regression()
    expected = ByHand(model.params, lr=0, l2=0.1).gradients(X, Y[:, None])
    found = model.gradients(X, Y)
    assert list(found) == list(model.params)
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_in_training_and_evaluation(training):
    """Each is the gradient of its own loss: of the batch's statistics, or of the running ones."""
    net = cr.Sequential(cr.Dense(4), cr.BatchNorm(), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error", dtype="float64").build((3,))
    model.set_state({"1.mean": RNG.normal(size=4), "1.variance": RNG.uniform(1, 2, size=4)})

    def loss(params):
        prediction, _ = net(params, model.state, X, training=training)
        return np.mean((prediction[:, 0] - Y) ** 2)

    found = model.gradients(X, Y, training=training)
    assert gradient_error(loss, model.params, found) < 1e-6
    other = model.gradients(X, Y, training=not training)
    assert not np.allclose(found["0.weight"], other["0.weight"])


def test_gradients_change_nothing_and_drop_the_same_each_time():
    net = cr.Sequential(cr.Dense(8), cr.BatchNorm(), cr.Dropout(0.5), cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error").build((3,))
    params, state = model.params, model.state
    first, second = (model.gradients(X, Y, training=True) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert all(np.array_equal(params[name], value) for name, value in model.params.items())
    assert all(np.array_equal(state[name], value) for name, value in model.state.items())


# --- the functional form -------------------------------------------------------------------------


def test_the_functional_form_trains_like_fit():
    """`init`, the call, `value_and_grad` and `update`, written out, give the same numbers."""
    net = cr.Sequential(cr.Dense(5), cr.BatchNorm(), cr.Tanh(), cr.Dense(1))
    optimizer = cr.Adam(0.01, clip_norm=0.5)
    loss = LOSSES["mean_squared_error"]
    params, state = net.init((3,), seed=4, dtype="float64")
    moments = optimizer.init(params)

    @cr.compile
    def step(params, state, moments, x, y):
        def objective(params):
            prediction, _ = net(params, state, x, training=True)
            return loss(prediction, y)

        value, gradients = cr.value_and_grad(objective)(params)
        _, state = net(params, state, x, training=True)
        return value, *optimizer.update(params, gradients, moments), state

    losses = []
    for _ in range(5):
        value, params, moments, state = step(params, state, moments, X, Y[:, None])
        losses.append(value)
    model = cr.Model(net, loss=loss, optimizer=optimizer, seed=4, dtype="float64")
    history = model.fit(X, Y, epochs=5, batch_size=None, progress=False)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-12)
    for name, value in (model.params | model.state).items():
        np.testing.assert_allclose(value, (params | state)[name], rtol=1e-10)


# --- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].task == "regression"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_by_itself_with_the_same_bits(name, copied):
    """Also in another process, where nothing that was compiled arrives."""
    net = cr.Sequential(cr.Dense(4), cr.BatchNorm(), cr.Dense(1))
    model = cr.Model(net, loss=name, optimizer=cr.Adam(cr.schedules.cosine(0.01, steps=99)))
    settings = {"batch_size": 8, "epochs": 2, "progress": False}
    model.fit(X, abs(Y), **settings)
    twin, before = copied(model), model.params
    twin.fit(X, abs(Y), **settings)
    assert all(np.array_equal(before[key], value) for key, value in model.params.items())
    model.fit(X, abs(Y), **settings)
    assert all(np.array_equal(twin.params[key], value) for key, value in model.params.items())
    assert twin.history == model.history


# --- endings -------------------------------------------------------------------------------------

LOGITS = [loss.name for loss in LOSSES.values() if loss.prediction == "logits"]
PROBABILITIES = [loss.name for loss in LOSSES.values() if loss.prediction == "probabilities"]


@pytest.mark.parametrize("loss", LOGITS)
@pytest.mark.parametrize(
    "ending",
    [
        [cr.Softmax()],
        [cr.Sigmoid()],
        [cr.Sigmoid(), cr.Identity()],
        [cr.Sequential(cr.Softmax()), cr.Dropout(0.1), cr.Flatten()],
    ],
    ids=repr,
)
def test_a_loss_of_logits_after_probabilities_is_refused(loss, ending):
    message = rf"{loss} applies the (softmax|sigmoid) itself, .* leave (Softmax|Sigmoid) out"
    with pytest.raises(cr.SettingError, match=message):
        cr.Model(cr.Sequential(cr.Dense(2), *ending), loss=loss)


@pytest.mark.parametrize("loss", PROBABILITIES)
@pytest.mark.parametrize("ending", [cr.Dense(2), cr.ReLU(), cr.Tanh()], ids=repr)
def test_a_loss_of_probabilities_after_any_numbers_is_refused(loss, ending):
    with pytest.raises(cr.SettingError, match=rf"{loss} takes probabilities, .* end in S"):
        cr.Model(cr.Sequential(cr.Dense(2), ending), loss=loss)


@pytest.mark.parametrize(
    ("ending", "loss"),
    [
        ([cr.Sigmoid()], "binary_cross_entropy"),
        ([cr.Softmax()], "kl_divergence"),
        ([], "cross_entropy"),
        ([cr.Sigmoid()], "half_squared_error"),
        ([cr.Softmax()], "mean_squared_error"),
        ([cr.Lambda(lambda x: x / np.sum(x, axis=-1, keepdims=True))], "kl_divergence"),
        ([cr.Residual(cr.Softmax())], "cross_entropy"),
    ],
)
def test_what_goes_together_is_accepted(ending, loss):
    cr.Model(cr.Sequential(cr.Dense(2), *ending), loss=loss)


# --- tables --------------------------------------------------------------------------------------


def test_summary():
    net = cr.Sequential(
        cr.Flatten(),
        cr.Sequential(cr.Dense(64), cr.ReLU()),
        cr.Residual(cr.Dense(64)),
        cr.Dense(10, bias=False),
    )
    text = cr.Model(net, loss="cross_entropy").build((28, 28, 1)).summary()
    assert [line.split() for line in text.splitlines() if not line.startswith("-")] == [
        ["layer", "output", "parameters"],
        ["input", "(28,", "28,", "1)"],
        ["0", "Flatten()", "(784,)", "0"],
        ["1.0", "Dense(units=64)", "(64,)", "50,240"],
        ["1.1", "ReLU()", "(64,)", "0"],
        ["2", "Residual(Dense(units=64))", "(64,)", "4,160"],
        ["3", "Dense(units=10,", "bias=False)", "(10,)", "640"],
        ["total", "55,040"],
    ]
    assert len({len(line) for line in text.splitlines() if line.startswith("-")}) == 1


def test_what_needs_parameters_says_how_they_are_made():
    model = cr.Model(cr.Dense(1), loss="mean_squared_error")
    for act in (
        lambda: model.params,
        lambda: model.predict(X),
        lambda: model.evaluate(X, Y),
        lambda: model.gradients(X, Y),
        lambda: model.set_params({}),
        model.summary,
    ):
        with pytest.raises(cr.SettingError, match=r"no parameters yet; call model\.build\("):
            act()
