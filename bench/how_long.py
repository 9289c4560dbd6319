"""How many updates `fit` makes where it is not told: chosen on generated data alone.

    python bench/how_long.py [--jobs 2]

Prints a table of test scores by the number of updates and writes it to
docs/results/how_long.md. Real data take no part, so `bench/real_data.py` can judge the choice.

Small tables of scikit-learn's generators: overlapping, curved and noisy classes, and smooth and
linear functions with noise. Each is drawn anew for each seed, trained on as in `real_data.py` (one
hidden layer of 100 ReLU units, standardised features, all defaults), and judged on 2,000 further
rows after so many updates of one run. A row's score is its accuracy or R², mean over seeds.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

# The matrices are small: a second thread costs more than it brings. Read when BLAS is loaded.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
from sklearn import datasets
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler

import chainrule as cr

UPDATES = (1000, 1500, 2000, 2500, 3000, 4000, 5000, 7000, 10000)
SEEDS, TEST, BATCH = 10, 2000, 32
REGRESSION = {
    "friedman1": partial(datasets.make_friedman1, noise=1.0),
    "friedman2": partial(datasets.make_friedman2, noise=100.0),
    "friedman3": partial(datasets.make_friedman3, noise=0.1),
    "linear, 10 features": partial(
        datasets.make_regression, n_features=10, n_informative=5, noise=100.0
    ),
}
CLASSIFICATION = {
    "moons": partial(datasets.make_moons, noise=0.25),
    "circles": partial(datasets.make_circles, noise=0.15, factor=0.5),
    "blobs": partial(datasets.make_blobs, centers=3, n_features=4, cluster_std=3.0),
    "shells": partial(datasets.make_gaussian_quantiles, n_features=4, n_classes=3),
    "clusters, 4 features": partial(
        datasets.make_classification,
        n_features=4,
        n_informative=3,
        n_redundant=1,
        n_classes=3,
        n_clusters_per_class=1,
        flip_y=0.03,
    ),
    "clusters, 20 features": partial(
        datasets.make_classification, n_features=20, n_informative=5, flip_y=0.03
    ),
}
ROWS = (120, 400)


def scores(name: str, rows: int, seed: int) -> list[float]:
    """The test score after each of UPDATES, of one run on data drawn from this seed."""
    classes = name in CLASSIFICATION
    X, y = (CLASSIFICATION | REGRESSION)[name](n_samples=rows + TEST, random_state=seed)
    scaler = StandardScaler().fit(X[:rows])
    x, x_test = scaler.transform(X[:rows]), scaler.transform(X[rows:])
    if not classes:  # so that R² is comparable between them
        y = (y - y[:rows].mean()) / y[:rows].std()
    outputs, loss = (len(np.unique(y)), "cross_entropy") if classes else (1, "mean_squared_error")
    model = cr.Model(cr.Sequential(cr.Dense(100), cr.ReLU(), cr.Dense(outputs)), loss, seed=seed)
    found = []
    per_epoch = -(-rows // BATCH)
    for updates in UPDATES:
        model.fit(x, y[:rows], epochs=updates // per_epoch - model.epoch)
        if classes:
            found.append(accuracy_score(y[rows:], model.predict_classes(x_test)))
        else:
            found.append(r2_score(y[rows:], model.predict(x_test)[:, 0]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--out", type=Path, default=Path("docs/results/how_long.md"))
    given = parser.parse_args()
    names = [(name, rows) for name in CLASSIFICATION | REGRESSION for rows in ROWS]
    lines = ["| data | rows | " + " | ".join(f"{n:,}" for n in UPDATES) + " |"]
    lines.append("|---|---|" + "---|" * len(UPDATES))
    means = []
    with ProcessPoolExecutor(given.jobs) as pool:
        pending = [
            (name, rows, pool.map(partial(scores, name, rows), range(SEEDS)))
            for name, rows in names
        ]
        for name, rows, found in pending:
            means.append(np.mean(list(found), axis=0))
            lines.append(f"| {name} | {rows} | " + " | ".join(f"{s:.4f}" for s in means[-1]) + " |")
            print(lines[-1], flush=True)
    total = np.mean(means, axis=0)
    lines.append("| **mean** | | " + " | ".join(f"{score:.4f}" for score in total) + " |")
    best = UPDATES[int(np.argmax(total))]
    text = (
        "# How many updates\n\nMade by `python bench/how_long.py`, which says how. Test scores "
        f"(accuracy or R²) by the number of updates, mean over {SEEDS} seeds.\n\n"
        + "\n".join(lines)
        + f"\n\nThe best mean is that of {best:,} updates.\n"
    )
    given.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
