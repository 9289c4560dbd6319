import numpy as np

np.random.seed(71)
N, H, W, F, k = 3, 5, 5, 2, 3
X = np.random.randn(N, H, W)
y = np.random.randn(N, F)
params = {'w': np.random.randn(F, k * k) * 0.4, 'b': np.random.randn(F) * 0.1}
data = (X, y)


def im2col(X):
    oh, ow = X.shape[1] - k + 1, X.shape[2] - k + 1
    cols = np.empty((X.shape[0], oh * ow, k * k), dtype=X.dtype)
    for i in range(oh):
        for j in range(ow):
            cols[:, i * ow + j] = X[:, i : i + k, j : j + k].reshape(X.shape[0], -1)
    return cols


def forward(params, X):
    cols = im2col(X)
    z = cols @ params['w'].T + params['b']
    a = np.maximum(z, 0)
    return cols, z, a.mean(axis=1)


def loss(params, X, y):
    _, _, pooled = forward(params, X)
    return 0.5 * np.sum((pooled - y) ** 2)


def grads(params, X, y):
    cols, z, pooled = forward(params, X)
    dpooled = pooled - y
    dz = (dpooled[:, None, :] / z.shape[1]) * (z > 0)
    dw = np.zeros_like(params['w'])
    for n in range(X.shape[0]):
        dw += dz[n].T @ cols[n]
    db = dz.sum(axis=1)
    return {'w': dw, 'b': db}
