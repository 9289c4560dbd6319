import numpy as np

np.random.seed(303)
n = 6
X = np.random.randn(n, 3)
y = np.random.randn(n)
data = (X, y)
params = {"w": np.random.randn(3, 1) * 0.5, "b": np.array([0.1])}


def loss(params, X, y):
    out = X @ params["w"] + params["b"]
    return np.mean((out.ravel() - y) ** 2)


def grads(params, X, y):
    out = X @ params["w"] + params["b"]
    err = out - y
    dw = 2 / len(y) * X.T @ err
    db = 2 / len(y) * err.sum(axis=0)
    return {"w": dw, "b": db}
