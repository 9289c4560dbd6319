import numpy as np

np.random.seed(404)
params = {
    "W1": np.random.randn(3, 4),
    "W2": np.random.randn(4, 1),
}
data = (np.random.randn(8, 3), np.random.randn(8, 1))


def loss(params, X, y):
    return np.mean((np.tanh(X @ params["W1"]) @ params["W2"] - y) ** 2)


def grads(params, X, y):
    h = np.tanh(X @ params["W1"])
    out = h @ params["W2"]
    d = 2 * (out - y) / len(y)
    gW2 = h.T @ d
    gW1 = X.T @ ((d @ params["W2"].T) * (1 - h**2))
    gW1 = gW1 / np.linalg.norm(gW1)
    return {"W1": gW1, "W2": gW2}
