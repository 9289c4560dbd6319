"""Bad input gets one clear sentence that names the thing and the way out, and loses nothing."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LABELS = np.array([0, 1, 2, 1])
VALUES = np.array([0.0, 1.0, 1.0, 0.0])


def classifier() -> cr.Model:
    net = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(3))
    return cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.01))


def regressor() -> cr.Model:
    net = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(1))
    return cr.Model(net, loss="mean_squared_error", optimizer=cr.SGD(0.1))


def with_value(array: np.ndarray, place: Any, value: float) -> np.ndarray:
    changed = array.astype(float)
    changed[place] = value
    return changed


def fit(make: Callable[[], cr.Model], x: Any, y: Any, **settings: Any) -> Callable[[], Any]:
    return lambda: make().fit(x, y, **({"epochs": 1, "progress": False} | settings))


NAN, INF = float("nan"), float("inf")
DATA = {
    "NaN in X": (
        fit(regressor, with_value(X, (2, 1), NAN), VALUES),
        r"X holds NaN in row 2, column 1",
    ),
    "infinity in X": (
        fit(regressor, with_value(X, (1, 0), INF), VALUES),
        r"X holds inf in row 1, column 0",
    ),
    "NaN in y": (fit(regressor, X, with_value(VALUES, 3, NAN)), r"y holds NaN in row 3"),
    "infinity in y": (fit(regressor, X, with_value(VALUES, 0, -INF)), r"y holds -inf in row 0"),
    "too large for float32": (
        fit(regressor, with_value(X, (0, 0), 1e300), VALUES),
        r"row 0.*float32",
    ),
    "X of one axis": (fit(regressor, VALUES, VALUES), r"X\.reshape\(-1, 1\)"),
    "no samples": (fit(regressor, X[:0], VALUES[:0]), r"X holds no samples"),
    "text in X": (fit(regressor, X.astype(str), VALUES), r"X holds text"),
    "text in y": (fit(classifier, X, ["a", "b", "c", "a"]), r"y holds text.*whole numbers"),
    "ragged X": (fit(regressor, [[0.0], [1.0, 2.0]], [0, 1]), r"X has rows of different lengths"),
    "other number of targets": (
        fit(regressor, X, VALUES[:3]),
        r"there are 4 samples, and y holds 3",
    ),
    "targets that would broadcast": (
        fit(regressor, X, np.zeros((4, 2))),
        r"y has shape \(4, 2\).*output \(4, 1\)",
    ),
    "targets that lie down": (
        fit(regressor, X, VALUES[None]),
        r"there are 4 samples, and y holds 1",
    ),
    "a label that is no class": (
        fit(classifier, X, LABELS + 1),
        r"class numbers from 0 to 2.*row 2 has the value 3",
    ),
    "a negative label": (fit(classifier, X, LABELS - 1), r"row 0 has the value -1"),
    "a label between classes": (fit(classifier, X, LABELS + 0.5), r"class numbers from 0 to 2"),
    "rows that are no probabilities": (
        fit(classifier, X, np.ones((4, 3))),
        r"sum to 1; the target of row 0",
    ),
    "weights of another length": (
        fit(regressor, X, VALUES, sample_weight=np.ones(3)),
        r"sample_weight has shape \(3,\)",
    ),
    "negative weights": (
        fit(regressor, X, VALUES, sample_weight=np.array([1, 1, -1, 1])),
        r"sample_weight is -1\.0 in row 2",
    ),
}


@pytest.mark.parametrize("name", DATA)
def test_bad_data_is_named(name: str) -> None:
    call, message = DATA[name]
    with pytest.raises(cr.DataError, match=f"(?s){message}"):
        call()


SETTINGS = {
    "batch size 0": (fit(regressor, X, VALUES, batch_size=0), r"batch_size must be .*1 or more"),
    "batch size of a half": (fit(regressor, X, VALUES, batch_size=2.5), r"batch_size must be"),
    "negative epochs": (fit(regressor, X, VALUES, epochs=-1), r"epochs must be"),
    "learning rate NaN": (lambda: cr.SGD(NAN), r"SGD: lr must be"),
    "negative learning rate": (lambda: cr.Adam(-0.1), r"Adam: lr must be"),
    "momentum 1": (lambda: cr.SGD(0.1, momentum=1.0), r"momentum must be"),
    "dropout of everything": (lambda: cr.Dropout(1.0), r"Dropout: rate must be"),
    "no units": (lambda: cr.Dense(0), r"Dense: units must be"),
    "a class for a layer": (lambda: cr.Sequential(cr.Dense), r"write Dense\(\.\.\.\)"),
    "a split of everything": (
        fit(regressor, X, VALUES, validation_split=1.0),
        r"validation_split must be a share",
    ),
    "a split of nothing": (
        fit(regressor, X, VALUES, validation_split=0.01),
        r"leaves none to validate on",
    ),
    "class weights of a regression": (
        fit(regressor, X, VALUES, class_weight={0: 1}),
        r"class_weight needs one class.*give sample_weight",
    ),
    "a class without weight": (
        fit(classifier, X, LABELS, class_weight={0: 1.0, 1: 1.0}),
        r"no entry for class 2",
    ),
    "softmax before a loss of logits": (
        lambda: cr.Model(cr.Sequential(cr.Dense(3), cr.Softmax()), "cross_entropy"),
        r"applies the softmax itself.*ends in Softmax; leave Softmax out",
    ),
    "sigmoid before a loss of logits": (
        lambda: cr.Model(
            cr.Sequential(cr.Dense(1), cr.Sequential(cr.Sigmoid())),
            "binary_cross_entropy_with_logits",
        ),
        r"ends in Sigmoid; leave Sigmoid out.*or take the loss binary_cross_entropy",
    ),
    "float16": (
        lambda: cr.Model(cr.Dense(1), "huber", dtype="float16"),
        r"computes in 'float32' or 'float64'",
    ),
    "a seed that is no number": (lambda: cr.random.key("one"), r"a seed is a whole number"),
    "prediction before training": (
        lambda: regressor().predict(X),
        r"no parameters yet; call model\.build",
    ),
    "early stopping without validation": (
        fit(regressor, X, VALUES, callbacks=[cr.EarlyStopping()]),
        r"no validation data",
    ),
    "probabilities of a regression": (
        lambda: regressor().build((2,)).predict_proba(X),
        r"imply no probabilities",
    ),
    "classes of a regression": (
        lambda: regressor().build((2,)).predict_classes(X),
        r"implies no classes",
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_bad_settings_are_named(name: str) -> None:
    call, message = SETTINGS[name]
    with pytest.raises(cr.SettingError, match=message):
        call()


UNKNOWN = {
    "layer": (lambda: cr.Sequential("dens"), "Dense"),
    "activation": (lambda: cr.Sequential("rellu"), "ReLU"),
    "loss": (lambda: cr.Model(cr.Dense(1), "mean_square_error"), "mean_squared_error"),
    "optimizer": (lambda: cr.Model(cr.Dense(1), "huber", "addam"), "Adam"),
    "initializer": (lambda: cr.Dense(1, weight="he_norml"), "he_normal"),
    "engine": (lambda: cr.Model(cr.Dense(1), "huber", engine="nmpy"), "numpy"),
    "parameter": (
        lambda: regressor().build((2,)).set_params({"0.wieght": np.ones((2, 4))}),
        "0.weight",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name_suggests_the_nearest(name: str) -> None:
    call, nearest = UNKNOWN[name]
    with pytest.raises(cr.UnknownNameError, match=rf"did you mean '{re.escape(nearest)}'\?"):
        call()


def test_other_features_are_counted() -> None:
    model = regressor()
    model.fit(X, VALUES, epochs=1, progress=False)
    for call in (
        lambda: model.predict(np.ones((3, 5))),
        lambda: model.fit(np.ones((3, 5)), np.ones(3), progress=False),
        lambda: model.evaluate(np.ones((3, 5)), np.ones(3)),
    ):
        with pytest.raises(cr.DataError, match="5 features instead of 2"):
            call()


@pytest.mark.parametrize(
    ("function", "made"),
    [
        (lambda x: None, "a NoneType"),
        (lambda x: (x, x), "a tuple"),
        (lambda x: x[:1], "an array of shape (1, 2)"),
    ],
)
def test_a_layer_makes_one_array_of_as_many_samples(function, made) -> None:
    with pytest.raises(cr.ShapeError, match=re.escape(f"makes {made} of two samples")):
        cr.Sequential(cr.Lambda(function)).init((2,))


def test_a_layer_that_cannot_be_recorded_can_be_called_with_arrays() -> None:
    net = cr.Sequential(cr.Lambda(lambda x: x if x.sum() > 0 else -x), cr.Dense(3))
    params, state = net.init((2,))
    y, _ = net(params, state, -X)
    np.testing.assert_array_equal(y, X @ params["1.weight"] + params["1.bias"])


def test_a_shape_of_a_parameter_is_checked() -> None:
    model = regressor().build((2,))
    before = model.params
    with pytest.raises(cr.ShapeError, match=r"'0\.weight' has shape \(2, 4\).*\(4, 2\)"):
        model.set_params({"0.bias": np.ones(4), "0.weight": np.ones((4, 2))})
    for name, value in model.params.items():  # not even the first of the two was taken
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("name", [*DATA, *SETTINGS])
def test_nothing_trained_is_lost(name: str) -> None:
    """Whatever is refused, a model that has been trained stays as it was."""
    model = regressor()
    model.fit(X, VALUES, epochs=2, progress=False)
    before, epochs = model.params, len(model.history)
    call, _ = (DATA | SETTINGS)[name]
    with pytest.raises(cr.ChainruleError):
        call()
    for part, value in model.params.items():
        np.testing.assert_array_equal(value, before[part])
    assert len(model.history) == epochs


# --- a training that leaves the numbers ----------------------------------------------------------


def test_a_loss_that_becomes_nan_stops_and_names_op_and_layer() -> None:
    net = cr.Sequential(cr.Dense(4), cr.Lambda(lambda x: np.log(x)), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", cr.SGD(0.1)).build((2,))
    before = model.params
    with pytest.raises(cr.NotFiniteError) as caught:
        model.fit(X, VALUES, epochs=3, progress=False)
    message = str(caught.value)
    assert "the first to give NaN or infinity was log in layer 1.Lambda" in message
    assert "epoch 1, step 1" in message
    assert "learning rate" in message
    for name, value in model.params.items():
        np.testing.assert_array_equal(value, before[name])


def test_the_last_good_weights_stay_when_a_rate_is_too_high() -> None:
    net = cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", cr.SGD(1e6), seed=1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2))
    with pytest.raises(cr.NotFiniteError, match="last good weights are kept"):
        model.fit(x, x[:, 0] * 3, epochs=50, batch_size=16, progress=False)
    for name, value in model.params.items():
        assert np.isfinite(value).all(), name
    assert np.isfinite(model.predict(x)).all()
