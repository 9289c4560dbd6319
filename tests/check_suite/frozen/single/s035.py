import numpy as np

np.random.seed(200)
ALPHA = 0.1


def leaky(z):
    return np.where(z > 0, z, ALPHA * z)


def init(sizes):
    p = {}
    for k in range(len(sizes) - 1):
        p["W%d" % (k + 1)] = np.random.randn(sizes[k], sizes[k + 1]) * 0.6
        p["b%d" % (k + 1)] = np.random.randn(sizes[k + 1]) * 0.1
    return p


params = init([3, 4, 5, 1])
data = (np.random.randn(6, 3), np.random.randn(6, 1))


def forward(p, X):
    c = {"A0": X}
    c["Z1"] = c["A0"] @ p["W1"] + p["b1"]
    c["A1"] = leaky(c["Z1"])
    c["Z2"] = c["A1"] @ p["W2"] + p["b2"]
    c["A2"] = leaky(c["Z2"])
    c["Z3"] = c["A2"] @ p["W3"] + p["b3"]
    return c


def loss(p, X, y):
    c = forward(p, X)
    return 0.5 * np.mean((c["Z3"] - y) ** 2)


def grads(p, X, y):
    c = forward(p, X)
    d3 = (c["Z3"] - y) / len(X)
    d2 = d3 @ p["W3"].T
    d2[c["Z2"] < 0] = 0
    d1 = d2 @ p["W2"].T
    d1[c["Z1"] < 0] *= ALPHA
    g = {}
    for k, d in zip((1, 2, 3), (d1, d2, d3)):
        g["W%d" % k] = c["A%d" % (k - 1)].T @ d
        g["b%d" % k] = d.sum(0)
    return g
