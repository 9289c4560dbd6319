import numpy as np

np.random.seed(909)
params = {'W': np.random.randn(3, 2), 'b': np.zeros(2)}
data = (np.random.randn(9, 3), np.random.randn(9, 2))
lr = 0.05
velocity = {'W': np.zeros((3, 2)), 'b': np.zeros(2)}


def loss(params, X, y):
    return np.mean(np.sum((X @ params['W'] + params['b'] - y) ** 2, axis=1))


def step(params, X, y, lr):
    diff = X @ params['W'] + params['b'] - y
    dW = 2 * X.T @ diff / len(X)
    db = 2 * diff.mean(axis=0)
    for key, grad in (('W', dW), ('b', db)):
        velocity[key] = 0.9 * velocity[key] + lr * grad
        params[key] = params[key] + velocity[key]
    return params
