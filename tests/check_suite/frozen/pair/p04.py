import numpy as np

np.random.seed(73)
reg = 0.2
X, y = np.random.randn(7, 3), np.random.randn(7, 2)
data = (X, y)
params = {'W1': np.random.randn(3, 4), 'b1': np.full(4, 0.1), 'W2': np.random.randn(4, 2), 'b2': np.zeros(2)}


def loss(params, X, y):
    h = np.maximum(0, X @ params['W1'] + params['b1'])
    out = h @ params['W2'] + params['b2']
    penalty = 0.5 * reg * ((params['W1'] ** 2).sum() + (params['W2'] ** 2).sum())
    return 0.5 * ((out - y) ** 2).sum() / len(X) + penalty


def grads(params, X, y):
    h = np.maximum(0, X @ params['W1'] + params['b1'])
    out = h @ params['W2'] + params['b2']
    dout = (y - out) / len(X)
    dh = dout @ params['W2'].T
    dh[h == 0] = 0
    dW2 = h.T @ dout + reg * params['W2']
    dW1 = X.T @ dh
    return {'W1': dW1, 'b1': dh.sum(0), 'W2': dW2, 'b2': dout.sum(0)}
