import numpy as np

rng = np.random.default_rng(2013)
V, D = 6, 3
params = {"inside": rng.normal(size=(V, D)), "outside": rng.normal(size=(V, D))}
# columns: centre word, context word, two negatives
X = np.array([[0, 1, 2, 2], [3, 4, 0, 5], [1, 0, 4, 3], [0, 5, 1, 1]])
y = np.array([1.0, -1.0, -1.0])
data = (X, y)


def scores(p, X):
    c, o = p["inside"][X[:, 0]], p["outside"][X[:, 1:]]
    return c, o, np.einsum("nd,nkd->nk", c, o)


def loss(p, X, y):
    s = scores(p, X)[2]
    return np.sum(np.log1p(np.exp(-y * s)))


def grads(p, X, y):
    c, o, s = scores(p, X)
    ds = -y / (1 + np.exp(y * s))
    g = {k: np.zeros_like(v) for k, v in p.items()}
    np.add.at(g["inside"], X[:, 0], np.einsum("nk,nkd->nd", ds, o))
    np.add.at(g["outside"], X[:, 1:], ds[:, :, None] * c[:, None, :])
    return g
