import numpy as np

gen = np.random.default_rng(2024)
X = gen.normal(size=(12, 2))
y = (X[:, 0] + 0.5 * X[:, 1] + 0.3 * gen.normal(size=12) > 0).astype(float)

params = {"w": gen.normal(size=2), "b": np.array(0.1)}
data = (X, y)


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def loss(params, X, y):
    p = sigmoid(X @ params["w"] + params["b"])
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def grads(params, X, y):
    n = X.shape[0]
    p = sigmoid(X @ params["w"] + params["b"])
    residual = y - p
    return {"w": X.T @ residual / n, "b": residual.sum() / n}
