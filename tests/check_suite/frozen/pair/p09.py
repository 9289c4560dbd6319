import numpy as np

np.random.seed(310)
lr = 0.2
params = {"W1": np.random.randn(2, 4), "b1": np.random.randn(4), "W2": np.random.randn(4, 1), "b2": np.random.randn(1)}
data = (np.random.randn(7, 2), np.random.randn(7, 1))


def loss(params, X, y):
    return np.mean((np.tanh(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"] - y) ** 2)


def step(params, X, y, lr):
    p = {k: v.copy() for k, v in params.items()}
    h = np.tanh(X @ p["W1"] + p["b1"])
    err = (h @ p["W2"] + p["b2"] - y) / len(y)
    p["W2"] -= lr * h.T @ err
    p["b2"] -= lr * err.sum(axis=0)
    dh = err @ p["W2"].T
    dh = dh * (1 - h**2)
    p["W1"] -= lr * X.T @ dh
    p["b1"] -= lr * dh.sum(axis=0)
    return p
