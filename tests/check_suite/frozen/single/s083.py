import numpy as np

rng = np.random.default_rng(64)
X = rng.normal(size=(11, 3))
y = rng.normal(size=(11, 1)) * 3
data = (X, y)
params = {"W": rng.normal(size=(3, 1)), "b": np.zeros((1, 1))}


def loss(params, X, y):
    return np.abs(X @ params["W"] + params["b"] - y).mean()


def grads(params, X, y):
    y_hat = X @ params["W"] + params["b"]
    grad = (y_hat - y) / y.shape[0]
    return {"W": X.T @ grad, "b": grad.sum(axis=0, keepdims=True)}
