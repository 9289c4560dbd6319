"""Dividing the rows of a table, and judging predictions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from chainrule.errors import DataError, SettingError
from chainrule.tabular import metrics as judge
from chainrule.tabular import split


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    validation=st.floats(0.05, 0.45),
    test=st.floats(0.05, 0.45),
    seed=st.integers(0, 5),
)
def test_every_part_has_its_share_of_every_class(sizes, validation, test, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.arange(len(classes)) * 2 + 1
    try:
        parts = split(rows, validation=validation, test=test, seed=seed, classes=classes)
    except DataError:
        assert sum(size for size in sizes if size >= 3) * min(validation, test) < 4
        return
    everything = np.concatenate([parts.training, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(everything), rows)
    for part, share in ((parts.validation, validation), (parts.test, test)):
        np.testing.assert_array_equal(part, np.sort(part))
        for number, size in enumerate(sizes):
            found = np.sum(classes[(part - 1) // 2] == number)
            assert abs(found - size * share) <= 3 if size >= 3 else found == 0
    assert set(classes[(parts.training - 1) // 2]) == set(range(len(sizes)))


def test_a_split_depends_on_the_seed_alone():
    def parts(seed):
        found = split(np.arange(100), validation=0.2, test=0.2, seed=seed)
        return found.training.tolist(), found.validation.tolist(), found.test.tolist()

    assert parts(1) == parts(1) != parts(2)
    assert [len(part) for part in parts(1)] == [60, 20, 20]


def test_no_part_is_needed():
    found = split(np.arange(4), validation=0, test=0, seed=0)
    assert found.training.tolist() == [0, 1, 2, 3]
    assert len(found.validation) == len(found.test) == 0


@pytest.mark.parametrize(
    ("rows", "validation", "test", "error"),
    [
        (10, 1.0, 0.2, SettingError),
        (10, -0.1, 0.2, SettingError),
        (10, 0.5, 0.5, SettingError),
        (10, math.nan, 0.2, SettingError),
        (3, 0.1, 0.1, DataError),
    ],
)
def test_impossible_shares_are_refused(rows, validation, test, error):
    with pytest.raises(error):
        split(np.arange(rows), validation=validation, test=test, seed=0)


def test_metrics_of_classes_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 4, 500)
    probabilities = generator.dirichlet(np.ones(4), 500)
    found = judge.of_classes(true, probabilities)
    predicted = probabilities.argmax(axis=1)
    assert found == pytest.approx(
        {
            "accuracy": sklearn_metrics.accuracy_score(true, predicted),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(true, predicted),
            "log_loss": sklearn_metrics.log_loss(true, probabilities),
        }
    )
    np.testing.assert_array_equal(
        judge.confusion(true, predicted, 4), sklearn_metrics.confusion_matrix(true, predicted)
    )


def test_metrics_of_values_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    true = generator.normal(size=300)
    predicted = true + generator.normal(size=300) / 2
    assert judge.of_values(true, predicted) == pytest.approx(
        {
            "r2": sklearn_metrics.r2_score(true, predicted),
            "mae": sklearn_metrics.mean_absolute_error(true, predicted),
            "rmse": sklearn_metrics.root_mean_squared_error(true, predicted),
        }
    )


def test_a_constant_is_the_measure():
    found = judge.of_constant_class(np.array([0, 0, 1, 1]), [0.75, 0.25])
    assert found["accuracy"] == found["balanced_accuracy"] == 0.5
    assert found["log_loss"] == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)
    values = judge.of_constant_value(np.array([1.0, 2.0, 9.0]), mean=4.0, median=2.0)
    assert values["r2"] == pytest.approx(0)
    assert values["mae"] == pytest.approx(8 / 3)


def test_a_probability_of_zero_leaves_the_log_loss_finite():
    found = judge.of_classes(np.array([0]), np.array([[0.0, 1.0]], np.float32))
    assert math.isfinite(found["log_loss"])
    assert found["log_loss"] > 30
