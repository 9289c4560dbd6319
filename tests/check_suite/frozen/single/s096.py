import numpy as np

rng = np.random.default_rng(41)
X = rng.normal(size=(6, 2))
y = rng.uniform(size=6)
data = (X, y)
params = {"w": rng.normal(size=2), "b": 0.2}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, y):
    return 0.5 * np.sum((sigmoid(X @ params["w"] + params["b"]) - y) ** 2)


def grads(params, X, y):
    p = sigmoid(X @ params["w"] + params["b"])
    dz = (p - y) * p * (1 - p)
    eps = 0.5
    nudged = dict(params, b=params["b"] + eps)
    back = dict(params, b=params["b"])
    db = (loss(nudged, X, y) - loss(back, X, y)) / eps
    return {"w": X.T @ dz, "b": db}
