import numpy as np

np.random.seed(13)
params = {"W": np.random.randn(4, 3) * 0.3, "b": np.zeros(3)}
data = (np.random.randn(6, 4), np.array([0, 1, 2, 1, 0, 2]))
lr = 0.01

m = {k: np.zeros_like(v) for k, v in params.items()}
v = {k: np.zeros_like(p) for k, p in params.items()}
t = 0


def probabilities(params, X):
    s = X @ params["W"] + params["b"]
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(params, X, y):
    P = probabilities(params, X)
    return -np.log(P[np.arange(len(y)), y]).mean()


def step(params, X, y, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    global t
    t += 1
    d = probabilities(params, X)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    g = {"W": X.T @ d, "b": d.sum(axis=0)}
    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * g[k]
        v[k] = beta2 * v[k] + (1 - beta2) * m[k] ** 2
        mhat = m[k] / (1 - beta1**t)
        vhat = v[k] / (1 - beta2**t)
        params[k] -= lr * mhat / (np.sqrt(vhat) + eps)
    return params
