import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(2, 9))
target = rng.normal(size=(2, 5))
params = {"w": rng.normal(size=3), "b": np.array(0.3)}
data = (x, target)

def conv1d(x, w, b):
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
    return windows @ w + b, windows

def pool(a):
    # window 3, stride 1
    out = np.zeros((a.shape[0], a.shape[1] - 2))
    where = np.zeros(out.shape, dtype=int)
    for n in range(out.shape[0]):
        for j in range(out.shape[1]):
            where[n, j] = j + np.argmax(a[n, j : j + 3])
            out[n, j] = a[n, where[n, j]]
    return out, where

def loss(params, x, target):
    a, _ = conv1d(x, params["w"], params["b"])
    out, _ = pool(a)
    return 0.5 * ((out - target) ** 2).sum()

def grads(params, x, target):
    a, windows = conv1d(x, params["w"], params["b"])
    out, where = pool(a)
    dout = out - target
    da = np.zeros_like(a)
    for n in range(out.shape[0]):
        for j in range(out.shape[1]):
            da[n, where[n, j]] = dout[n, j]
    dw = np.einsum("nl,nlk->k", da, windows)
    db = da.sum()
    return {"w": dw, "b": db}
