import numpy as np

rng = np.random.default_rng(50)
T, D, K = 5, 4, 3
params = {
    "Wq": rng.normal(0, 0.8, (D, K)),
    "Wk": rng.normal(0, 0.8, (D, K)),
    "Wv": rng.normal(0, 0.8, (D, K)),
}
data = (rng.normal(size=(T, D)), rng.normal(size=(T, K)))


def attend(params, X):
    Q, Kx, V = X @ params["Wq"], X @ params["Wk"], X @ params["Wv"]
    S = Q @ Kx.T / np.sqrt(K)
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    P = E / E.sum(axis=-1, keepdims=True)
    return Q, Kx, V, P, P @ V


def loss(params, X, Y):
    out = attend(params, X)[-1]
    return 0.5 * np.sum((out - Y) ** 2) / len(X)


def grads(params, X, Y):
    Q, Kx, V, P, out = attend(params, X)
    dO = (out - Y) / len(X)
    dV = P.T @ dO
    dP = dO @ V.T
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))
    dQ = dS @ Kx
    dK = dS.T @ Q
    return {"Wq": X.T @ dQ, "Wk": X.T @ dK, "Wv": X.T @ dV}
