"""Default settings on five real data sets, beside scikit-learn and PyTorch.

    python bench/real_data.py [--jobs 2] [--out docs/results/real_data.md]

Prints the tables and writes them to a file; exits with 1 where a bar is missed. It takes about
five minutes of CPU.

For each of five seeds, five shuffled folds (stratified for classes); every fold is held out once.
Ours is `cr.Model(net, loss, seed=seed).fit(X, y)` and nothing else, `net` one hidden layer of 100
ReLU units; theirs is `MLPClassifier` or `MLPRegressor` with its own defaults, of which that layer
is one. Both see the features standardised by the training part, and the target as it is. A score
of a seed is the mean over its folds (accuracy, or R²); the tables give the mean over seeds ± its
standard error. Two bars: the one set for the data set, and scikit-learn's mean less its own
standard error.

Where PyTorch is installed, the digits follow once more over ten seeds, each with a fifth held out:
the same layers, Adam with the same settings, the same batch size and number of epochs, each
library with its own initial weights and its own shuffling.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# The matrices are small: a second thread costs more than it brings. Read when BLAS is loaded.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import sklearn
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import chainrule as cr

HIDDEN, FOLDS, SEEDS, PYTORCH_SEEDS, BATCH = 100, 5, 5, 10, 32
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class DataSet:
    """A data set of scikit-learn and the score that default settings must reach on it."""

    name: str
    load: Callable[..., tuple[Array, Array]]
    bar: float
    classes: bool = True


DATA_SETS = (
    DataSet("iris", datasets.load_iris, 0.95),
    DataSet("breast cancer", datasets.load_breast_cancer, 0.96),
    DataSet("wine", datasets.load_wine, 0.95),
    DataSet("digits", datasets.load_digits, 0.96),
    DataSet("diabetes", datasets.load_diabetes, 0.45, classes=False),
)


def ours(X: Array, y: Array, test: Array, seed: int, classes: bool = True) -> tuple[Array, int]:
    """What our network predicts for `test` (samples as rows), and how many epochs it took."""
    outputs, loss = (len(np.unique(y)), "cross_entropy") if classes else (1, "mean_squared_error")
    net = cr.Sequential(cr.Dense(HIDDEN), cr.ReLU(), cr.Dense(outputs))
    model = cr.Model(net, loss, seed=seed)
    history = model.fit(X, y)
    return (model.predict_classes(test) if classes else model.predict(test)[:, 0]), len(history)


def theirs(X: Array, y: Array, test: Array, seed: int, classes: bool) -> Array:
    """What scikit-learn's network predicts for `test`."""
    model = (MLPClassifier if classes else MLPRegressor)(random_state=seed)
    with warnings.catch_warnings():
        # Its default of 200 epochs is too few for small tables, of which it warns.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y).predict(test)


def pytorch(X: Array, y: Array, test: Array, seed: int, epochs: int) -> Array:
    """What the same network of PyTorch predicts for `test`."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, len(np.unique(y))),
    )
    loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters())
    samples, labels = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(samples)).split(BATCH):
            optimizer.zero_grad()
            loss(net(samples[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return net(torch.tensor(test, dtype=torch.float32)).argmax(1).numpy()


def standardised(X: Array, training: Array, test: Array) -> tuple[Array, Array]:
    scaler = StandardScaler().fit(X[training])
    return scaler.transform(X[training]), scaler.transform(X[test])


def folds_of_seed(name: str, seed: int) -> tuple[float, float]:
    """Our score and scikit-learn's on a data set, means over the folds of a seed."""
    data_set = next(row for row in DATA_SETS if row.name == name)
    X, y = data_set.load(return_X_y=True)
    score = accuracy_score if data_set.classes else r2_score
    folds = (StratifiedKFold if data_set.classes else KFold)(FOLDS, shuffle=True, random_state=seed)
    scores = []
    for training, test in folds.split(X, y):
        x, x_test = standardised(X, training, test)
        our_answer, _ = ours(x, y[training], x_test, seed, data_set.classes)
        their_answer = theirs(x, y[training], x_test, seed, data_set.classes)
        scores.append((score(y[test], our_answer), score(y[test], their_answer)))
    mean = np.mean(scores, axis=0)
    return float(mean[0]), float(mean[1])


def digits_of_seed(seed: int) -> tuple[float, float]:
    """Our accuracy and PyTorch's on a fifth of the digits."""
    X, y = datasets.load_digits(return_X_y=True)
    training, test = train_test_split(
        np.arange(len(y)), test_size=1 / FOLDS, stratify=y, random_state=seed
    )
    x, x_test = standardised(X, training, test)
    our_answer, epochs = ours(x, y[training], x_test, seed)
    their_answer = pytorch(x, y[training], x_test, seed, epochs)
    return accuracy_score(y[test], our_answer), accuracy_score(y[test], their_answer)


class Comparison:
    """Pairs of scores, one per seed, as a row of a table."""

    def __init__(self, name: str, pairs: Sequence[tuple[float, float]], bar: float) -> None:
        self.name, self.bar = name, bar
        scores = np.array(pairs)
        self.mean = scores.mean(axis=0)
        self.error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))

    @property
    def met(self) -> bool:
        return bool(self.mean[0] >= max(self.bar, self.mean[1] - self.error[1]))

    def __str__(self) -> str:
        (our, their), (our_error, their_error) = self.mean, self.error
        verdict = "yes" if self.met else "**no**"
        return (
            f"| {self.name} | {our:.4f} ± {our_error:.4f} | {self.bar:.2f} "
            f"| {their:.4f} ± {their_error:.4f} | {verdict} |"
        )


def table(other: str, rows: Sequence[Comparison]) -> str:
    head = f"| data set | chainrule | bar | {other} | both met |\n|---|---|---|---|---|"
    return "\n".join([head, *map(str, rows)])


def versions() -> str:
    found = f"chainrule {cr.__version__}, NumPy {np.__version__}"
    found += f", scikit-learn {sklearn.__version__}"
    if find_spec("torch"):
        import torch

        found += f", PyTorch {torch.__version__}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--out", type=Path, default=Path("docs/results/real_data.md"))
    given = parser.parse_args()
    begun = time.perf_counter()
    rows, beside_pytorch = [], []
    with ProcessPoolExecutor(given.jobs) as pool:
        pending = [
            (row, pool.map(partial(folds_of_seed, row.name), range(SEEDS))) for row in DATA_SETS
        ]
        digits = pool.map(digits_of_seed, range(PYTORCH_SEEDS)) if find_spec("torch") else None
        for data_set, pairs in pending:
            rows.append(Comparison(data_set.name, list(pairs), data_set.bar))
            print(rows[-1], flush=True)
        if digits:
            bar = next(row.bar for row in DATA_SETS if row.name == "digits")
            beside_pytorch.append(Comparison("digits", list(digits), bar))
    parts = [
        "# Default settings on real data",
        "Made by `python bench/real_data.py`, which says how; with " + versions() + ".",
        f"Test scores (accuracy; R² of diabetes), mean over {SEEDS} seeds of {FOLDS} folds each ± "
        "standard error over seeds. Met: ours is at least the bar, and at least the other's mean "
        "less its standard error.",
        table("scikit-learn's MLP", rows),
    ]
    if beside_pytorch:
        parts += [
            f"The same network in PyTorch, over {PYTORCH_SEEDS} seeds, a fifth held out in each:",
            table("PyTorch", beside_pytorch),
        ]
    text = "\n\n".join(parts) + "\n"
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(f"\n{text}\n{time.perf_counter() - begun:.0f} s", flush=True)
    if not all(row.met for row in rows + beside_pytorch):
        sys.exit(1)


if __name__ == "__main__":
    main()
