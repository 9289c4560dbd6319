import numpy as np

rng = np.random.default_rng(31)
X = rng.normal(size=(5, 4))
y = rng.integers(0, 3, 5)
data = (X, y)
params = {"W": rng.normal(size=(4, 3)) * 0.5, "b": np.zeros(3)}


def probs_of(params, X):
    z = X @ params["W"] + params["b"]
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def loss(params, X, y):
    return -np.log(probs_of(params, X)[np.arange(len(y)), y]).mean()


def grads(params, X, y):
    N = len(y)
    dscores = probs_of(params, X)
    dscores[np.arange(N), y] -= 1
    dscores /= N**2
    dW = X.T @ dscores
    db = dscores
    return {"W": dW, "b": db}
