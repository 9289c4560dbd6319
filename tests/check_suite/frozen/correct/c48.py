import numpy as np

rng = np.random.default_rng(1991)
params = {"gate": rng.normal(size=(3, 2)), "experts": rng.normal(size=(2, 3, 2))}
data = (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))


def forward(p, X):
    z = X @ p["gate"]
    g = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    e = np.tanh(np.einsum("ni,kio->nko", X, p["experts"]))
    return g, e, np.einsum("nk,nko->no", g, e)


def loss(p, X, y):
    return 0.5 * np.mean(np.sum((forward(p, X)[2] - y) ** 2, axis=1))


def grads(p, X, y):
    g, e, out = forward(p, X)
    d = (out - y) / len(X)
    dg = np.einsum("no,nko->nk", d, e)
    dz = g * (dg - np.sum(g * dg, axis=1, keepdims=True))
    de = np.einsum("nk,no->nko", g, d) * (1 - e**2)
    return {"gate": X.T @ dz, "experts": np.einsum("ni,nko->kio", X, de)}
