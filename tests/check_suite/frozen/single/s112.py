import numpy as np

rng = np.random.default_rng(1511)
params = {
    'W1': rng.normal(size=(2, 3)),
    'b1': rng.normal(size=3),
    'W2': rng.normal(size=(3, 1)),
    'b2': rng.normal(size=1),
}
data = (rng.normal(size=(9, 2)), rng.random((9, 1)))
eta = 0.01

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def loss(params, X, y):
    a = sigmoid(X @ params['W1'] + params['b1'])
    return np.mean((a @ params['W2'] + params['b2'] - y) ** 2)

def grads(params, X, y):
    a = sigmoid(X @ params['W1'] + params['b1'])
    d2 = 2 * (a @ params['W2'] + params['b2'] - y) / len(y)
    d1 = (d2 @ params['W2'].T) * a * (1 - a)
    g = {'W1': X.T @ d1, 'b1': d1.sum(0), 'W2': a.T @ d2, 'b2': d2.sum(0)}
    noise = np.random.default_rng(0)
    for k in g:
        g[k] = g[k] + np.sqrt(eta) * noise.normal(size=g[k].shape)
    return g
