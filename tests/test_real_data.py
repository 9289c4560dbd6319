"""Default settings learn real data sets: a short form of `bench/real_data.py`.

That one judges all five folds of five seeds, beside scikit-learn and PyTorch. Here a plain
`fit(X, y)` must reach the same bars on the first folds of seed 0: one or two tell accuracies, but
R² of the diabetes data differs so much between folds that only the mean over all five tells it.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import chainrule as cr

CLASSIFICATION = [
    (datasets.load_iris, 2, 0.95),
    (datasets.load_breast_cancer, 2, 0.96),
    (datasets.load_wine, 2, 0.95),
    (datasets.load_digits, 1, 0.96),
]


def _model(outputs: int, loss: str) -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(100), cr.ReLU(), cr.Dense(outputs)), loss)


def _held_out(
    model: Callable[[], cr.Model], predict: str, folds: Iterable[Any], X: np.ndarray, y: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each fold: the true targets of the part held out, and what is predicted."""
    found = []
    for training, test in folds:
        scaler = StandardScaler().fit(X[training])
        trained = model()
        with threadpool_limits(1):  # the matrices are small
            trained.fit(scaler.transform(X[training]), y[training])
        found.append((y[test], getattr(trained, predict)(scaler.transform(X[test]))))
    return found


@pytest.mark.parametrize(
    ("load", "count", "bar"), CLASSIFICATION, ids=[row[0].__name__ for row in CLASSIFICATION]
)
def test_a_plain_fit_classifies(load: Callable[..., Any], count: int, bar: float) -> None:
    X, y = load(return_X_y=True)
    folds = islice(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y), count)
    answers = _held_out(
        lambda: _model(len(np.unique(y)), "cross_entropy"), "predict_classes", folds, X, y
    )
    assert np.mean([accuracy_score(*answer) for answer in answers]) >= bar


def test_a_plain_fit_regresses_on_a_target_as_it_is() -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0).split(X)
    answers = _held_out(lambda: _model(1, "mean_squared_error"), "predict", folds, X, y)
    assert np.mean([r2_score(truth, answer[:, 0]) for truth, answer in answers]) >= 0.45
