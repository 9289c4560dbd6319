import numpy as np

rng = np.random.default_rng(15)
k = 3
params = {"K": rng.normal(size=(2, k, k)), "b": rng.normal(size=2) * 0.1}
data = (rng.normal(size=(3, 5, 5)), rng.normal(size=(3, 2, 3, 3)))


def patches(X):
    return np.lib.stride_tricks.sliding_window_view(X, (k, k), axis=(1, 2))


def forward(params, X):
    z = np.einsum("nijkl,ckl->ncij", patches(X), params["K"])
    return z + params["b"][:, None, None]


def loss(params, X, y):
    return 0.5 * np.sum((np.maximum(forward(params, X), 0) - y) ** 2) / len(X)


def grads(params, X, y):
    z = forward(params, X)
    a = np.maximum(z, 0)
    da = (a - y) / len(X)
    #! missing-mean | da = a - y
    #! wrong-constant-factor | da = 2 * (a - y) / len(X)
    #! wrong-sign | da = (y - a) / len(X)
    #= da = np.subtract(a, y) * (1 / len(X))
    dz = da * (z > 0)
    #! missing-activation-derivative | dz = da.copy()
    #! wrong-sign | dz = -da * (z > 0)
    #= dz = np.where(z > 0, da, 0.0)
    dK = np.einsum("ncij,nijkl->ckl", dz, patches(X))
    #! wrong-constant-factor | dK = 0.25 * np.einsum("ncij,nijkl->ckl", dz, patches(X))
    #= dK = np.tensordot(dz.transpose(1, 0, 2, 3), patches(X), axes=3)
    db = dz.sum(axis=(0, 2, 3))
    #! bias-not-summed | db = dz.sum(axis=(2, 3))
    #! wrong-constant-factor | db = dz.mean(axis=(2, 3)).sum(axis=0)
    #= db = np.einsum("ncij->c", dz)
    return {"K": dK, "b": db}
