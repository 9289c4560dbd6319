import numpy as np

np.random.seed(6)
X = np.random.randn(5, 4)
t = np.random.randn(5, 2)
data = (X, t)
params = {
    "w1": np.random.randn(4, 3),
    "b1": np.random.randn(1, 3),
    "w2": np.random.randn(3, 2),
    "b2": np.random.randn(1, 2),
}


def forward(p, X):
    z1 = X @ p["w1"] + p["b1"]
    a1 = np.maximum(z1, 0)
    return z1, a1, a1 @ p["w2"] + p["b2"]


def loss(p, X, t):
    out = forward(p, X)[2]
    return np.sum((out - t) ** 2) / X.shape[0]


def grads(p, X, t):
    z1, a1, out = forward(p, X)
    delta2 = 2 * (out - t) / X.shape[0]
    delta1 = (delta2 @ p["w2"].T) * (z1 > 0)
    g = {}
    g["w2"] = a1.T @ delta2
    g["b2"] = delta2
    g["w1"] = X.T @ delta1
    g["b1"] = delta1.sum(axis=0, keepdims=True)
    return g
