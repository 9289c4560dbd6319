import numpy as np

np.random.seed(11)
X = np.random.randn(6, 2)
y = np.random.rand(6, 1)
data = (X, y)
params = {'W1': np.random.randn(2, 4), 'b1': np.zeros(4), 'W2': np.random.randn(4, 1), 'b2': np.zeros(1)}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, y):
    a1 = sigmoid(X @ params['W1'] + params['b1'])
    a2 = sigmoid(a1 @ params['W2'] + params['b2'])
    return np.mean((a2 - y) ** 2)


def grads(params, X, y):
    a1 = sigmoid(X @ params['W1'] + params['b1'])
    a2 = sigmoid(a1 @ params['W2'] + params['b2'])
    dz2 = 2 * (a2 - y)
    dz1 = (dz2 @ params['W2'].T) * a1 * (1 - a1)
    n = len(X)
    return {
        'W1': X.T @ dz1,
        'b1': dz1.sum(axis=0) / n,
        'W2': a1.T @ dz2 / n,
        'b2': dz2.sum(axis=0) / n,
    }
