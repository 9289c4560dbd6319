import numpy as np

rng = np.random.default_rng(64)
A = 0.2
params = {
    "W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4),
    "W2": rng.normal(size=(4, 4)) * 0.5, "b2": rng.normal(size=4),
    "v": rng.normal(size=(4, 1)),
}
data = (rng.normal(size=(7, 3)), rng.normal(size=(7, 1)))


def lrelu(z):
    return np.maximum(z, A * z)


def forward(p, X):
    h1 = np.tanh(X @ p["W1"] + p["b1"])
    z2 = h1 @ p["W2"] + p["b2"]
    h2 = lrelu(z2) + h1
    return h1, z2, h2, h2 @ p["v"]


def loss(p, X, y):
    return np.mean((forward(p, X)[-1] - y) ** 2)


def grads(p, X, y):
    h1, z2, h2, out = forward(p, X)
    dout = 2 * (out - y) / len(X)
    dh2 = dout @ p["v"].T
    dz2 = dh2 * (z2 > 0)
    dh1 = dz2 @ p["W2"].T
    dz1 = dh1 * (1 - h1**2)
    return {"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": h1.T @ dz2, "b2": dz2.sum(0), "v": h2.T @ dout}
