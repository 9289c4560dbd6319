import numpy as np

np.random.seed(33)
X = np.random.randn(8, 3)
T = np.random.randn(8, 2)
data = (X, T)
params = {'W1': np.random.randn(3, 4), 'b1': np.zeros((1, 4)), 'W2': np.random.randn(4, 2), 'b2': np.zeros((1, 2))}


def forward(X, params):
    A1 = np.tanh(X @ params['W1'] + params['b1'])
    return {'A1': A1, 'Y': A1 @ params['W2'] + params['b2']}


def loss(params, X, T):
    Y = forward(X, params)['Y']
    return np.sum((Y - T) ** 2) / (2 * T.shape[0])


def grads(params, X, T):
    m = X.shape[1]
    cache = forward(X, params)
    dY = (cache['Y'] - T) / m
    dW2 = cache['A1'].T @ dY
    db2 = dY.sum(axis=0, keepdims=True)
    dZ1 = dY @ params['W2'].T * (1 - cache['A1'] ** 2)
    dW1 = X.T @ dZ1
    db1 = dZ1.sum(axis=0, keepdims=True)
    return {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}
