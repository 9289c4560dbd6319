import numpy as np

rng = np.random.RandomState(16)
X = rng.randn(12, 3)
Y = X[:, :1] * X[:, 1:2]
W1, W2 = rng.randn(3, 5), rng.randn(5, 1)
gain, shift = np.ones(5), np.zeros(5)
lr = 0.05


def layer_norm(z, gain, shift):
    centred = z - z.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    n = centred * scale
    return n * gain + shift, (n, scale)


def layer_norm_back(d, cache, gain):
    n, scale = cache
    dn = d * gain
    along = (dn * n).mean(axis=1, keepdims=True)
    dz = scale * (dn - dn.mean(axis=0, keepdims=True) - n * along)
    return dz, (d * n).sum(axis=0), d.sum(axis=0)


for i in range(80):
    a, cache = layer_norm(X @ W1, gain, shift)
    out = a @ W2
    loss = np.mean((out - Y) ** 2)
    d_out = 2 * (out - Y) / Y.size
    dz, d_gain, d_shift = layer_norm_back(d_out @ W2.T, cache, gain)
    W2 -= lr * a.T @ d_out
    W1 -= lr * X.T @ dz
    gain -= lr * d_gain
    shift -= lr * d_shift
    if i % 20 == 0:
        print(f"{i}: {loss:.4f}")
