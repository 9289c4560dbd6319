import numpy as np

np.random.seed(16)
reg = 0.05
params = {'W': np.random.randn(4, 3)}
data = (np.random.randn(6, 4), np.array([0, 1, 2, 1, 0, 2]))


def loss(params, X, y):
    total = 0.0
    for i in range(len(X)):
        scores = X[i].dot(params['W'])
        for j in range(3):
            if j != y[i]:
                total += max(0.0, scores[j] - scores[y[i]] + 1.0)
    return total / len(X) + reg * np.sum(params['W'] * params['W'])


def grads(params, X, y):
    dW = np.zeros(params['W'].shape)
    for i in range(len(X)):
        scores = X[i].dot(params['W'])
        for j in range(3):
            if j == y[i]:
                continue
            if scores[j] - scores[y[i]] + 1.0 > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return {'W': dW / len(X) + 2 * reg * params['W']}
