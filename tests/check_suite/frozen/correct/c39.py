import numpy as np

rng = np.random.default_rng(90)
params = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
data = (rng.normal(size=(6, 4)), rng.normal(size=(6, 3)))


def unit(v):
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def loss(params, X, y):
    a = 1 / (1 + np.exp(-(X @ params["W"] + params["b"])))
    return np.mean(1 - np.sum(unit(a) * unit(y), axis=1))


def grads(params, X, y):
    a = 1 / (1 + np.exp(-(X @ params["W"] + params["b"])))
    r = np.linalg.norm(a, axis=1, keepdims=True)
    u, t = a / r, unit(y)
    du = -t / len(X)
    da = (du - u * np.sum(du * u, axis=1, keepdims=True)) / r
    dz = da * a * (1 - a)
    return {"W": X.T @ dz, "b": dz.sum(0)}
