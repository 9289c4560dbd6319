import numpy as np

rng = np.random.default_rng(1990)
N, T, D, H = 2, 5, 2, 3
params = {"Wx": rng.normal(size=(D, H)), "Wh": rng.normal(size=(H, H)) * 0.5, "b": rng.normal(size=H), "Wy": rng.normal(size=(H, 1))}
data = (rng.normal(size=(N, T, D)), rng.normal(size=(N, T, 1)))


def hidden(p, X):
    h = np.zeros((N, T + 1, H))
    for t in range(T):
        h[:, t + 1] = np.tanh(X[:, t] @ p["Wx"] + h[:, t] @ p["Wh"] + p["b"])
    return h


def loss(p, X, y):
    return 0.5 * np.mean((hidden(p, X)[:, 1:] @ p["Wy"] - y) ** 2)


def grads(p, X, y):
    h = hidden(p, X)
    dy = (h[:, 1:] @ p["Wy"] - y) / y.size
    dz = np.zeros((N, T, H))
    later = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dz[:, t] = (dy[:, t] @ p["Wy"].T + later) * (1 - h[:, t + 1] ** 2)
        later = dz[:, t] @ p["Wh"].T
    return {
        "Wx": np.einsum("ntd,nth->dh", X, dz),
        "Wh": np.einsum("nti,ntj->ij", h[:, :-1], dz),
        "b": dz.sum((0, 1)),
        "Wy": np.einsum("nth,nto->ho", h[:, 1:], dy),
    }
