import numpy as np

np.random.seed(64)
sizes = [3, 5, 4, 2]
params = {"W": [np.random.randn(a, b) * 0.7 for a, b in zip(sizes, sizes[1:])], "b": [np.random.randn(b) * 0.2 for b in sizes[1:]]}
data = (np.random.randn(5, 3), np.random.randn(5, 2))


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def leaky(z):
    return np.where(z >= 0, z, 0.01 * z)


def acts(params, X):
    a = elu(X @ params["W"][0] + params["b"][0])
    b = leaky(a @ params["W"][1] + params["b"][1])
    return a, b, b @ params["W"][2] + params["b"][2]


def loss(params, X, y):
    return np.square(acts(params, X)[2] - y).sum() / (2 * len(X))


def grads(params, X, y):
    a, b, out = acts(params, X)
    d3 = (out - y) / len(X)
    d2 = d3 @ params["W"][2].T
    d2[b < 0] *= 0.01
    d1 = d2 @ params["W"][1].T
    d1 *= np.where(a > 0, 1.0, a + 1.0)
    return {"W": [X.T @ d1, a.T @ d2, b.T @ d3], "b": [d.sum(0) for d in (d1, d2, d3)]}
