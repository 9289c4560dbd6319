import numpy as np

np.random.seed(19)
shape = [2, 4, 3, 1]
params = {
    "W": [np.random.randn(i, o) for i, o in zip(shape, shape[1:])],
    "b": [np.random.randn(o) * 0.1 for o in shape[1:]],
}
data = (np.random.randn(8, 2), np.random.randn(8, 1))


def feedforward(params, X):
    a1 = np.tanh(X @ params["W"][0] + params["b"][0])
    a2 = np.tanh(a1 @ params["W"][1] + params["b"][1])
    return a1, a2, a2 @ params["W"][2] + params["b"][2]


def loss(params, X, y):
    return 0.5 * np.mean((feedforward(params, X)[2] - y) ** 2)


def grads(params, X, y):
    a1, a2, out = feedforward(params, X)
    e3 = (out - y) / len(X)
    e2 = e3 @ params["W"][2].T
    e1 = e2 @ params["W"][1].T
    return {
        "W": [X.T @ e1, a1.T @ e2, a2.T @ e3],
        "b": [e1.sum(axis=0), e2.sum(axis=0), e3.sum(axis=0)],
    }
