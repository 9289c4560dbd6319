import numpy as np

rng = np.random.default_rng(808)
H = W = 6
k = 3
params = {'K': rng.normal(size=(2, k, k)) * 0.5, 'b': rng.normal(size=2) * 0.1}
data = (rng.normal(size=(2, H, W)), rng.normal(size=(2, 2, H - k + 1, W - k + 1)))


def forward(params, X):
    N = X.shape[0]
    Z = np.zeros((N, 2, H - k + 1, W - k + 1))
    for n in range(N):
        for c in range(2):
            for i in range(H - k + 1):
                for j in range(W - k + 1):
                    Z[n, c, i, j] = np.sum(X[n, i : i + k, j : j + k] * params['K'][c]) + params['b'][c]
    return Z, np.maximum(Z, 0)


def loss(params, X, y):
    return 0.5 * np.sum((forward(params, X)[1] - y) ** 2) / len(X)


def grads(params, X, y):
    Z, A = forward(params, X)
    dZ = (A - y) / len(X) * (Z > 0)
    dK = np.zeros_like(params['K'])
    db = dZ.sum(axis=(0, 2, 3))
    for n in range(len(X)):
        for c in range(2):
            for i in range(H - k):
                for j in range(W - k + 1):
                    dK[c] += dZ[n, c, i, j] * X[n, i : i + k, j : j + k]
    return {'K': dK, 'b': db}
