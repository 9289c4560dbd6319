"""Render the pictures of the documentation: `python docs/make_images.py`.

Every picture is made by the project itself, from its examples or from data that scikit-learn
brings along.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_digits

import chainrule as cr
from chainrule.examples import cross_entropy_2_2_1, xor_fifty_starts

IMAGES = Path(__file__).parent / "images"


def digits() -> None:
    """A small network on 8 × 8 digits, with a fifth of them held back."""
    images, labels = load_digits(return_X_y=True)
    model = cr.Model(
        cr.Sequential(cr.Dense(64), cr.ReLU(), cr.Dense(10)), "cross_entropy", cr.Adam(), seed=0
    )
    history = model.fit(images / 16, labels, epochs=60, validation_split=0.2, progress=False)
    history.plot().savefig(IMAGES / "digits.png", dpi=110)


def layers() -> None:
    """The two pictures of the page on diagnosis."""
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 4))
    y = X[:, 0] - 2 * X[:, 1] * X[:, 2]
    deep = cr.Sequential(
        *[layer for _ in range(5) for layer in (cr.Dense(16), cr.Sigmoid())], cr.Dense(1)
    )
    model = cr.Model(deep, "mean_squared_error", cr.SGD(0.05), seed=0)
    history = model.fit(X, y, epochs=80, callbacks=[cr.RecordLayers(X, y)], progress=False)
    history.plot_layers().savefig(IMAGES / "layers.png", dpi=90)
    moons = random.normal(size=(400, 2))
    side = (moons[:, 1] > np.sin(2 * moons[:, 0])).astype(int)
    net = cr.Sequential(cr.Dense(16), cr.Tanh(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.02))
    model.fit(moons, side, epochs=40, progress=False)
    model.plot_boundary(moons, side).savefig(IMAGES / "boundary.png", dpi=90)


def examples() -> None:
    """What two of the examples draw: a network with its numbers, and fifty starts of XOR."""
    cross_entropy_2_2_1.figure().savefig(IMAGES / "network.png", dpi=110)
    runs = xor_fifty_starts.train(xor_fifty_starts.cross_entropy)
    xor_fifty_starts.figure(runs).savefig(IMAGES / "starts.png", dpi=110)


def explanation() -> None:
    """The page of a network on XOR, in Chromium as the browser tests drive it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
    from chromium import BROWSER, Chromium

    if BROWSER is None:
        raise SystemExit("explain.png is a picture of a page, which needs Chromium or Chrome")
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, "binary_cross_entropy", cr.SGD(0.1), dtype="float64").build((2,))
    story = cr.explain(model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "xor.html"
        story.html(page)
        browser = Chromium(BROWSER, Path(folder) / "profile")
        browser.open(page)
        browser.screenshot(IMAGES / "explain.png")
        browser.close()


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    digits()
    layers()
    examples()
    explanation()
