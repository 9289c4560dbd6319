import numpy as np

rng = np.random.default_rng(200)
delta = 1.0
params = {"W1": rng.normal(size=(3, 6)), "b1": rng.normal(size=6), "w2": rng.normal(size=6), "b2": 0.1}
data = (rng.normal(size=(9, 3)), 2 * rng.normal(size=9))


def predict(p, X):
    pre = X @ p["W1"] + p["b1"]
    return pre, (pre * (pre > 0)) @ p["w2"] + p["b2"]


def loss(p, X, y):
    r = predict(p, X)[1] - y
    small = np.abs(r) <= delta
    return np.sum(np.where(small, 0.5 * r * r, delta * np.abs(r) - 0.5 * delta**2))


def grads(p, X, y):
    pre, out = predict(p, X)
    d = np.clip(out - y, -delta, delta)
    dpre = d[:, None] * p["w2"] * (pre > 0)
    return {"W1": X.T @ dpre, "b1": dpre.sum(0), "w2": (pre * (pre > 0)).T @ d, "b2": float(d.sum())}
