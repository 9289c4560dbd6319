import numpy as np

rng = np.random.default_rng(77)
T, D, d = 3, 4, 4
params = {k: rng.normal(size=(D, d)) * 0.7 for k in ('Wq', 'Wk', 'Wv')}
data = (rng.normal(size=(T, D)), rng.normal(size=(T, d)))


def run(p, X):
    q, k, v = (X @ p[n] for n in ('Wq', 'Wk', 'Wv'))
    s = q @ k.T / np.sqrt(d)
    w = np.exp(s - s.max(1, keepdims=True))
    w /= w.sum(1, keepdims=True)
    return q, k, v, w, w @ v


def loss(p, X, Y):
    return 0.5 * np.sum((run(p, X)[-1] - Y) ** 2)


def grads(p, X, Y):
    q, k, v, w, o = run(p, X)
    do = o - Y
    dw = do @ v.T
    ds = w * (dw - (dw * w).sum(1, keepdims=True))
    scale = 1.0
    dq = scale * ds @ k
    dk = scale * ds @ q
    return {'Wq': X.T @ dq, 'Wk': X.T @ dk, 'Wv': X.T @ (w.T @ do)}
