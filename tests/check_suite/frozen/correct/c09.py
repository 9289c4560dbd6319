import numpy as np

rng = np.random.default_rng(9)
X, y = rng.normal(size=(8, 3)), rng.random((8, 1))
data = (X, y)
params = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 1)), "b2": rng.normal(size=1)}


def sigmoid(z):
    return np.exp(z) / (1 + np.exp(z))


def loss(params, X, y):
    return ((sigmoid(sigmoid(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]) - y) ** 2).sum()


def grads(params, X, y):
    a1 = sigmoid(X @ params["W1"] + params["b1"])
    a2 = sigmoid(a1 @ params["W2"] + params["b2"])
    delta = 2 * (a2 - y) * (a2 - a2**2)
    back = (params["W2"] @ delta.T).T * (a1 - a1**2)
    return {"W1": X.T @ back, "b1": back.sum(axis=0), "W2": a1.T @ delta, "b2": delta.sum(axis=0)}
