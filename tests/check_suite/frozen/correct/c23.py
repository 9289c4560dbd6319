import numpy as np

rng = np.random.default_rng(19)
lam, lr = 0.2, 0.1
X = rng.normal(size=(8, 3))
y = (rng.random(8) > 0.4).astype(float)
data = (X, y)
params = {"w": rng.normal(size=3), "b": np.zeros(1)}


def loss(params, X, y):
    p = 1 / (1 + np.exp(-(X @ params["w"] + params["b"])))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + lam / 2 * params["w"] @ params["w"]


def step(params, X, y, lr):
    p = 1 / (1 + np.exp(-(X @ params["w"] + params["b"])))
    d = p - y
    params["w"] *= 1 - lr * lam
    params["w"] -= lr * (d @ X) / len(y)
    params["b"] -= lr * d.mean()
    return params
