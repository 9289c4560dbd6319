import numpy as np

np.random.seed(15)
EPS = 1e-12
X = np.random.randn(7, 3)
y = np.array([0, 1, 1, 0, 1, 0, 0]).reshape(-1, 1)
data = (X, y)
params = {'W1': np.random.randn(3, 4), 'b1': np.zeros(4), 'W2': np.random.randn(4, 1), 'b2': np.zeros(1)}


def forward(params, X):
    a1 = 1 / (1 + np.exp(-(X @ params['W1'] + params['b1'])))
    return a1, 1 / (1 + np.exp(-(a1 @ params['W2'] + params['b2'])))


def loss(params, X, y):
    p = np.clip(forward(params, X)[1], EPS, 1 - EPS)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def grads(params, X, y):
    a1, p = forward(params, X)
    inv_n = 1.0 / y.shape[0]
    d2 = (p - y) * inv_n
    d1 = d2 * params['W2'].T * a1 * (1 - a1)
    return {'W1': X.T @ d1, 'b1': d1.sum(0), 'W2': a1.T @ d2, 'b2': d2.sum(0)}
