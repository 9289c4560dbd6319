import numpy as np

np.random.seed(81)
delta = 0.5
X = np.random.randn(10, 3)
y = 2 * np.random.randn(10, 1)
data = (X, y)
params = {
    "W1": np.random.randn(3, 4) * 0.5,
    "b1": np.zeros((1, 4)),
    "W2": np.random.randn(4, 1) * 0.5,
    "b2": np.zeros((1, 1)),
}


def net(p, X):
    a = np.tanh(X @ p["W1"] + p["b1"])
    return a, a @ p["W2"] + p["b2"]


def loss(p, X, y):
    _, out = net(p, X)
    r = np.abs(out - y)
    quad = 0.5 * r**2
    lin = delta * (r - 0.5 * delta)
    return np.mean(np.where(r <= delta, quad, lin))


def grads(p, X, y):
    a, out = net(p, X)
    d = (out - y) / len(y)
    dz = (d @ p["W2"].T) * (1 - a * a)
    return {
        "W1": X.T @ dz,
        "b1": dz.sum(axis=0, keepdims=True),
        "W2": a.T @ d,
        "b2": d.sum(axis=0, keepdims=True),
    }
