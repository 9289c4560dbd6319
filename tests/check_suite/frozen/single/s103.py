import numpy as np

np.random.seed(77)
weight_decay = 0.1
X = np.random.randn(9, 2)
y = (X.prod(axis=1, keepdims=True) > 0).astype(float)
data = (X, y)
params = {'W1': np.random.randn(2, 4), 'b1': np.zeros((1, 4)), 'W2': np.random.randn(4, 1), 'b2': np.zeros((1, 1))}
sigmoid = lambda z: 1.0 / (1.0 + np.exp(-z))


def loss(params, X, y):
    h = sigmoid(X @ params['W1'] + params['b1'])
    p = sigmoid(h @ params['W2'] + params['b2'])
    bce = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return bce + 0.5 * weight_decay * np.sum(params['W2'] ** 2)


def grads(params, X, y):
    h = sigmoid(X @ params['W1'] + params['b1'])
    p = sigmoid(h @ params['W2'] + params['b2'])
    d2 = (p - y) / len(y)
    d1 = (d2 @ params['W2'].T) * h * (1 - h)
    g = {
        'W2': h.T @ d2 + weight_decay * params['W2'],
        'b2': d2.sum(axis=0, keepdims=True),
        'W1': X.T @ d1 + weight_decay * params['W1'],
        'b1': d1.sum(axis=0, keepdims=True),
    }
    return g
