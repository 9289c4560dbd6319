"""`cr.why_not_finite` names the op, and shows the numbers that led there."""

import json
from contextlib import suppress

import numpy as np
import pytest

import chainrule as cr
from chainrule.finite import is_finite

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3))
Y = X[:, 0]
SPARSE = np.abs(X) * (np.arange(150).reshape(50, 3) != 100)  # a single 0, in row 33, column 1


def model_of(*layers, optimizer="adam", **settings) -> cr.Model:
    return cr.Model(cr.Sequential(*layers), "mean_squared_error", optimizer, **settings)


def function(f) -> cr.Layer:
    return cr.Lambda(f)


CASES = {
    "an exponential": (
        [cr.Dense(4), function(np.exp), cr.Dense(1)],
        100 * X,
        ("exp", "1.Lambda", "forward"),
        "beyond 3.4e+38, the largest number of float32",
    ),
    "a logarithm of 0": (
        [function(np.log), cr.Dense(1)],
        SPARSE,
        ("log", "0.Lambda", "forward"),
        "it is infinite at 0. The number comes from X[33, 1] = 0",
    ),
    "a division by 0": (
        [cr.Dense(3), function(lambda x: x / (x - x)), cr.Dense(1)],
        X,
        ("divide", "1.Lambda", "forward"),
        "infinite at 0",
    ),
    "a root of a negative number": (
        [function(np.sqrt), cr.Dense(1)],
        X,
        ("sqrt", "0.Lambda", "forward"),
        "it has no value there",
    ),
    "a slope that is infinite": (
        [cr.Dense(3), function(lambda x: np.sqrt(np.maximum(x, 0.0))), cr.Dense(1)],
        X,
        ("sqrt", "1.Lambda", "backward"),
        "the backward pass of sqrt in layer 1.Lambda is the first to give an infinity",
    ),
}


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("name", CASES)
def test_the_first_op_is_named_with_the_numbers_that_led_there(name, engine) -> None:
    layers, x, expected, words = CASES[name]
    model = model_of(*layers, engine=engine)
    with pytest.raises(cr.NotFiniteError) as error:
        model.fit(x, Y, epochs=2, progress=False)
    why = cr.why_not_finite(model, x, Y)
    assert why
    assert (why.op, why.layer, why.phase) == expected
    assert words in why.sentence
    assert error.value.origin.name in str(error.value)
    *before, last = why.chain
    assert not np.isfinite(last.value)
    assert all(np.isfinite(link.value) for link in before)
    assert before[0].phase == "input"
    assert last.source is not None
    assert last.source.file == __file__


def test_a_training_that_diverges_is_followed_to_its_end() -> None:
    def wild() -> cr.Model:
        return model_of(cr.Dense(8), cr.ReLU(), cr.Dense(1), optimizer=cr.SGD(5.0))

    fresh = wild()
    before = fresh.build((3,)).params
    why = cr.why_not_finite(fresh, X, Y)
    assert "With the weights as they are, all is finite; as training goes on, " in why.sentence
    assert fresh.epoch == len(fresh.history) == 0
    assert all(np.array_equal(before[name], value) for name, value in fresh.params.items())
    stopped = wild()
    with suppress(cr.NotFiniteError):
        stopped.fit(X, Y, epochs=10, progress=False)
    assert cr.why_not_finite(stopped, X, Y)


def test_a_batch_in_the_middle_is_found() -> None:
    x = np.ones((3000, 2))
    x[2500, 1] = 0.0
    why = cr.why_not_finite(model_of(function(np.log), cr.Dense(1)), x, np.ones(3000))
    assert "X[2500, 1] = 0" in why.sentence


def test_where_all_is_finite_it_says_so() -> None:
    why = cr.why_not_finite(model_of(cr.Dense(3), cr.Tanh(), cr.Dense(1)), X, Y)
    assert not why
    assert why.chain == ()
    assert why.text().startswith("All is finite: forward pass, loss, gradients and update on 50 s")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_the_largest_numbers_are_finite(dtype) -> None:
    largest = np.finfo(dtype).max
    array = np.array([[largest, -largest], [0, largest]], dtype)
    assert is_finite(array)
    assert is_finite(array[:, :0])
    for wrong in (np.nan, np.inf, -np.inf):
        array[1, 0] = wrong
        assert not is_finite(array)
        assert not is_finite(array.T)


def test_text_json_and_html() -> None:
    layers, x, *_ = CASES["an exponential"]
    why = cr.why_not_finite(model_of(*layers), x, Y)
    lines = why.text().splitlines()
    assert [line.split("[")[0].strip() for line in lines[-4:]] == [
        "X",
        "matrix product",
        "add",
        "exp",
    ]
    assert "= inf" in lines[-1]
    read = json.loads(why.to_json(), parse_constant=pytest.fail)
    assert read["chain"][-1]["value"] == "inf"
    assert "<table>" in why._repr_html_()


def test_data_that_are_not_finite_are_named_by_their_place() -> None:
    bad = X.copy()
    bad[7, 2] = np.nan
    with pytest.raises(cr.DataError, match="X holds NaN in row 7, column 2"):
        cr.why_not_finite(model_of(cr.Dense(1)), bad, Y)
    with pytest.raises(cr.SettingError, match=r"takes a model, .*, not a Dense"):
        cr.why_not_finite(cr.Dense(1), X, Y)
