import numpy as np

np.random.seed(53)
d, m = 3, 5
params = {"W": np.random.randn(d, 4), "g": np.random.rand(d, 1) + 0.5, "b": np.zeros((d, 1))}
data = (np.random.randn(4, m), np.random.randn(d, m))


def normalise(Z):
    mu = Z.mean(axis=1, keepdims=True)
    sd = np.sqrt(Z.var(axis=1, keepdims=True) + 1e-3)
    return (Z - mu) / sd, sd


def loss(params, X, Y):
    N, _ = normalise(params["W"] @ X)
    return 0.5 * np.sum((params["g"] * N + params["b"] - Y) ** 2) / X.shape[1]


def grads(params, X, Y):
    N, sd = normalise(params["W"] @ X)
    dO = (params["g"] * N + params["b"] - Y) / X.shape[1]
    dg = np.sum(dO * N, axis=1, keepdims=True)
    db = np.sum(dO, axis=1, keepdims=True)
    dZ = np.zeros_like(dO)
    for j in range(d):
        u = dO[j] * params["g"][j]
        dZ[j] = (u - u.mean()) / sd[j]
    return {"W": dZ @ X.T, "g": dg, "b": db}
