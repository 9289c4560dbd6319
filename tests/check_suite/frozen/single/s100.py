import numpy as np

rng = np.random.default_rng(30)
params = {
    'w1': rng.normal(size=(3, 2)),
    'b1': rng.normal(size=(3, 1)),
    'w2': rng.normal(size=(2, 3)),
    'b2': rng.normal(size=(2, 1)),
}
data = (rng.normal(size=(5, 2)), rng.random((5, 2)))


def sig(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, Y):
    total = 0
    for x, y in zip(X, Y):
        a1 = sig(params['w1'] @ x[:, None] + params['b1'])
        a2 = sig(params['w2'] @ a1 + params['b2'])
        total += 0.5 * np.sum((a2 - y[:, None]) ** 2)
    return total


def grads(params, X, Y):
    total = {k: np.zeros_like(v) for k, v in params.items()}
    for x, y in zip(X, Y):
        x, y = x[:, None], y[:, None]
        a1 = sig(params['w1'] @ x + params['b1'])
        a2 = sig(params['w2'] @ a1 + params['b2'])
        delta2 = (a2 - y) * a2 * (1 - a2)
        total['w2'] += delta2 @ a1.T
        total['b2'] = delta2
        delta1 = (params['w2'].T @ delta2) * a1 * (1 - a1)
        total['w1'] += delta1 @ x.T
        total['b1'] += delta1
    return total
