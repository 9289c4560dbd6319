import numpy as np

rng = np.random.default_rng(19)
lam = 0.3
params = {
    "V": rng.normal(size=(2, 3)),
    "c": rng.normal(size=3) * 0.1,
    "w": rng.normal(size=(3, 1)),
}
data = (rng.normal(size=(6, 2)), rng.normal(size=(6, 1)))


def softplus_slope(z):
    return 1 / (1 + np.exp(-z))


def loss(p, X, y):
    h = np.log1p(np.exp(X @ p["V"] + p["c"]))
    return np.mean((h @ p["w"] - y) ** 2) + lam * (np.sum(p["V"] ** 2) + np.sum(p["w"] ** 2))


def grads(p, X, y):
    z = X @ p["V"] + p["c"]
    h = np.log1p(np.exp(z))
    r = 2 * (h @ p["w"] - y) / len(y)
    #! wrong-constant-factor | r = (h @ p["w"] - y) / len(y)
    #! missing-mean | r = 2 * (h @ p["w"] - y)
    #= r = (h @ p["w"] - y) / (len(y) / 2)
    dw = h.T @ r + 2 * lam * p["w"]
    #! missing-term | dw = h.T @ r
    #! wrong-constant-factor | dw = h.T @ r + lam * p["w"]
    #! wrong-sign | dw = h.T @ r - 2 * lam * p["w"]
    #= dw = 2 * (h.T @ r / 2 + lam * p["w"])
    dz = r @ p["w"].T * softplus_slope(z)
    #! derivative-at-wrong-point | dz = r @ p["w"].T * softplus_slope(h)
    #! missing-activation-derivative | dz = r @ p["w"].T
    #= dz = np.outer(r, p["w"]) * (1 - np.exp(-h))
    dV = X.T @ dz + 2 * lam * p["V"]
    #! missing-term | dV = X.T @ dz
    #! wrong-constant-factor | dV = X.T @ dz + 4 * lam * p["V"]
    dc = dz.sum(axis=0)
    #! extra-term | dc = dz.sum(axis=0) + 2 * lam * p["c"]
    #! bias-not-summed | dc = dz
    #= dc = np.add.reduce(dz, axis=0)
    return {"V": dV, "c": dc, "w": dw}
