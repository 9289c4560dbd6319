import numpy as np

np.random.seed(61)
X, y = np.random.randn(12, 2), np.random.randn(12, 1)
data = (X, y)
params = {
    'W1': np.random.randn(2, 6),
    'b1': 0.1 * np.random.randn(6),
    'W2': np.random.randn(6, 1),
    'b2': 0.1 * np.random.randn(1),
}


def mse(pred, y):
    return ((pred - y) ** 2).mean()


def mse_prime(pred, y):
    return 2 * (pred - y) / y.size


def relu(x):
    return np.maximum(x, 0)


def loss(params, X, y):
    return mse(relu(X @ params['W1'] + params['b1']) @ params['W2'] + params['b2'], y)


def grads(params, X, y):
    z = X @ params['W1'] + params['b1']
    a = relu(z)
    pred = a @ params['W2'] + params['b2']
    grad = mse_prime(pred, y) / len(y)
    g = {'W2': a.T @ grad, 'b2': grad.sum(axis=0)}
    grad = (grad @ params['W2'].T) * (z > 0)
    g['W1'] = X.T @ grad
    g['b1'] = grad.sum(axis=0)
    return g
