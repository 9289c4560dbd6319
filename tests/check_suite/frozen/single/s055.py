import numpy as np

np.random.seed(18)
X = np.random.uniform(-2, 2, (10, 2))
y = np.sign(X[:, :1] * X[:, 1:]) * 0.8
data = (X, y)
params = {'W1': np.random.randn(2, 5), 'b1': np.random.randn(5), 'W2': np.random.randn(5, 1), 'b2': np.random.randn(1)}


def loss(params, X, y):
    a1 = np.tanh(X @ params['W1'] + params['b1'])
    a2 = np.tanh(a1 @ params['W2'] + params['b2'])
    return 0.5 * np.sum((a2 - y) ** 2)


def grads(params, X, y):
    a1 = np.tanh(X @ params['W1'] + params['b1'])
    a2 = np.tanh(a1 @ params['W2'] + params['b2'])
    delta2 = (a2 - y) * a2 * (1 - a2)
    delta1 = (delta2 @ params['W2'].T) * (1 - a1**2)
    gW2, gb2 = a1.T @ delta2, delta2.sum(axis=0)
    gW1, gb1 = X.T @ delta1, delta1.sum(axis=0)
    return {'W1': gW1, 'b1': gb1, 'W2': gW2, 'b2': gb2}
