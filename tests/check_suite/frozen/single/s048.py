import numpy as np

np.random.seed(512)
dims = [3, 4, 5, 4, 2]
params = {
    "W": [np.random.randn(i, j) * 0.7 for i, j in zip(dims, dims[1:])],
    "b": [np.random.randn(j) * 0.1 for j in dims[1:]],
}
data = (np.random.randn(5, 3), np.random.randn(5, 2))


def activations(params, X):
    a = [X]
    for W, b in zip(params["W"], params["b"]):
        a.append(np.tanh(a[-1] @ W + b))
    return a


def loss(params, X, y):
    return 0.5 * np.mean(np.sum((activations(params, X)[-1] - y) ** 2, axis=1))


def grads(params, X, y):
    a0, a1, a2, a3, a4 = activations(params, X)
    W = params["W"]
    d4 = (a4 - y) / len(X) * (1 - a4**2)
    d3 = d4 @ W[3].T * (1 - a3**2)
    d2 = d3 @ W[2].T
    d1 = d2 @ W[1].T * (1 - a1**2)
    return {
        "W": [a0.T @ d1, a1.T @ d2, a2.T @ d3, a3.T @ d4],
        "b": [d1.sum(0), d2.sum(0), d3.sum(0), d4.sum(0)],
    }
