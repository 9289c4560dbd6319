import numpy as np

rng = np.random.default_rng(231)
params = {"W": rng.normal(size=(2, 1, 3, 3)) * 0.5, "W2": rng.normal(size=(2, 2, 2, 2)) * 0.5, "V": rng.normal(size=(8, 3)) * 0.5}
data = (rng.normal(size=(2, 1, 5, 5)), np.array([2, 0]))

def im2col(x, k):
    n, c, h, w = x.shape
    oh, ow = h - k + 1, w - k + 1
    col = np.zeros((n, c, k, k, oh, ow))
    for i in range(k):
        for j in range(k):
            col[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)

def col2im(col, shape, k):
    n, c, h, w = shape
    oh, ow = h - k + 1, w - k + 1
    col = col.reshape(n, oh, ow, c, k, k).transpose(0, 3, 4, 5, 1, 2)
    x = np.zeros(shape)
    for i in range(k):
        for j in range(k):
            x[:, :, i : i + oh, j : j + ow] += col[:, :, i, j]
    return x

def conv(x, W):
    k = W.shape[-1]
    col = im2col(x, k)
    out = col @ W.reshape(len(W), -1).T
    size = x.shape[2] - k + 1
    return col, out.reshape(len(x), size, size, -1).transpose(0, 3, 1, 2)

def forward(p, X):
    col1, z1 = conv(X, p["W"])
    a1 = np.maximum(z1, 0)
    col2, z2 = conv(a1, p["W2"])
    flat = np.tanh(z2).reshape(len(X), -1)
    s = flat @ p["V"]
    q = np.exp(s - s.max(1, keepdims=True))
    return col1, a1, col2, z2.shape, flat, q / q.sum(1, keepdims=True)

def loss(p, X, y):
    return -np.log(forward(p, X)[-1][np.arange(len(y)), y]).mean()

def grads(p, X, y):
    col1, a1, col2, shape2, flat, q = forward(p, X)
    q[np.arange(len(y)), y] -= 1
    q /= len(y)
    dV = flat.T @ q
    dz2 = ((q @ p["V"].T) * (1 - flat**2)).reshape(shape2)
    dz2 = dz2.transpose(0, 2, 3, 1).reshape(-1, 2)
    dW2 = (dz2.T @ col2).reshape(p["W2"].shape)
    da1 = col2im(dz2 @ p["W2"].reshape(2, -1), a1.shape, 2)
    dz1 = (da1 * (a1 > 0)).transpose(0, 2, 3, 1).reshape(-1, 2)
    return {"W": (dz1.T @ col1).reshape(p["W"].shape), "W2": dW2, "V": dV}
