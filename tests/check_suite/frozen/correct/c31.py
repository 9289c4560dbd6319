import numpy as np

keep = 0.8
X = np.random.RandomState(3).randn(6, 4)
y = np.random.RandomState(4).randint(0, 2, (6, 1))
data = (X, y)
init = np.random.RandomState(5)
params = {'W1': init.randn(4, 7), 'b1': init.randn(7), 'W2': init.randn(7, 1), 'b2': init.randn(1)}


def forward(params, X):
    mask = np.random.RandomState(0).binomial(1, keep, size=(len(X), 7)) / keep
    z1 = X @ params['W1'] + params['b1']
    a1 = np.maximum(z1, 0) * mask
    return mask, z1, a1, 1 / (1 + np.exp(-(a1 @ params['W2'] + params['b2'])))


def loss(params, X, y):
    a2 = forward(params, X)[-1]
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def grads(params, X, y):
    mask, z1, a1, a2 = forward(params, X)
    dz2 = (a2 - y) / y.size
    da1 = dz2 @ params['W2'].T
    da1 *= mask
    da1[z1 <= 0] = 0
    return {'W1': X.T @ da1, 'b1': da1.sum(0), 'W2': a1.T @ dz2, 'b2': dz2.sum(0)}
