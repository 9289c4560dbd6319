import numpy as np

np.random.seed(120)
N, T, D, H = 3, 4, 2, 3
params = {
    'Wx': np.random.randn(D, H) * 0.7,
    'Wh': np.random.randn(H, H) * 0.7,
    'b': np.random.randn(H) * 0.2,
}
data = (np.random.randn(N, T, D), np.random.randn(N, H))


def states(params, X):
    h = [np.zeros((len(X), H))]
    for t in range(X.shape[1]):
        h.append(np.tanh(X[:, t] @ params['Wx'] + h[-1] @ params['Wh'] + params['b']))
    return h


def loss(params, X, y):
    return 0.5 * np.sum((states(params, X)[-1] - y) ** 2) / len(X)


def grads(params, X, y):
    h = states(params, X)
    dWx, dWh, db = (np.zeros_like(params[k]) for k in ('Wx', 'Wh', 'b'))
    dh = (h[-1] - y) / len(X)
    for t in range(X.shape[1] - 1, 0, -1):
        da = dh * (1 - h[t + 1] ** 2)
        dWx += X[:, t].T @ da
        dWh += h[t].T @ da
        db += da.sum(axis=0)
        dh = da @ params['Wh'].T
    return {'Wx': dWx, 'Wh': dWh, 'b': db}
