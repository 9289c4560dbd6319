import numpy as np

rng = np.random.default_rng(17)
eps = 1e-5
params = {
    "W": rng.normal(size=(3, 4)),
    "gamma": rng.normal(size=4) + 1,
    "beta": rng.normal(size=4) * 0.1,
}
data = (rng.normal(size=(8, 3)), rng.normal(size=(8, 4)))


def forward(p, X):
    h = X @ p["W"]
    inv = 1 / np.sqrt(h.var(axis=0) + eps)
    xhat = (h - h.mean(axis=0)) * inv
    return inv, xhat, p["gamma"] * xhat + p["beta"]


def loss(p, X, y):
    return 0.5 * np.sum((forward(p, X)[2] - y) ** 2) / len(X)


def grads(p, X, y):
    n = len(X)
    inv, xhat, out = forward(p, X)
    dout = (out - y) / n
    #! missing-mean | dout = out - y
    #! wrong-sign | dout = (y - out) / n
    #! wrong-constant-factor | dout = 2 * (out - y) / n
    dgamma = (dout * xhat).sum(axis=0)
    #! mean-twice | dgamma = (dout * xhat).mean(axis=0)
    #! bias-not-summed | dgamma = dout * xhat
    #= dgamma = np.einsum("ij,ij->j", dout, xhat)
    dbeta = dout.sum(axis=0)
    #! wrong-constant-factor | dbeta = 0.5 * dout.sum(axis=0)
    #! bias-not-summed | dbeta = dout
    #= dbeta = np.sum(dout, axis=0)
    dxhat = dout * p["gamma"]
    #! missing-term missing-activation-derivative | dxhat = dout
    dh = inv * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    #! missing-term | dh = inv * (dxhat - xhat * (dxhat * xhat).mean(axis=0))
    #! missing-term | dh = inv * (dxhat - dxhat.mean(axis=0))
    #= dh = inv / n * (n * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    dW = X.T @ dh
    #! wrong-sign | dW = -X.T @ dh
    #= dW = np.dot(X.T, dh)
    return {"W": dW, "gamma": dgamma, "beta": dbeta}
