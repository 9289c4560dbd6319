import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    return dx, dprev_h, x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)


np.random.seed(231)
N, T, D, H, C = 3, 3, 2, 4, 3
params = {
    "Wx": np.random.randn(D, H) * 0.6,
    "Wh": np.random.randn(H, H) * 0.6,
    "b": np.random.randn(H) * 0.1,
    "Wo": np.random.randn(H, C) * 0.6,
}
data = (np.random.randn(N, T, D), np.array([2, 0, 1]))


def run(p, X):
    h, caches = np.zeros((len(X), H)), []
    for t in range(T):
        h, cache = rnn_step_forward(X[:, t], h, p["Wx"], p["Wh"], p["b"])
        caches.append(cache)
    s = h.dot(p["Wo"])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return h, e / e.sum(axis=1, keepdims=True), caches


def loss(p, X, y):
    return -np.log(run(p, X)[1][np.arange(len(y)), y]).mean()


def grads(p, X, y):
    h, probs, caches = run(p, X)
    probs[np.arange(len(y)), y] -= 1
    ds = probs / len(y)
    g = {k: np.zeros_like(v) for k, v in p.items()}
    g["Wo"] = h.T.dot(ds)
    dh = ds.dot(p["Wo"].T)
    for cache in caches[::-1]:
        _, dh, dWx, dWh, db = rnn_step_backward(dh, cache)
        g["Wx"] += dWx
        g["Wh"] += dWh
        g["b"] += db
    return g
