import numpy as np

np.random.seed(100)
X = np.linspace(-1, 1, 9).reshape(-1, 1)
y = np.sin(3 * X)
data = (X, y)
params = {
    'W1': np.random.randn(1, 5),
    'b1': np.random.randn(5),
    'W2': np.random.randn(5, 1),
    'b2': np.random.randn(1),
}
lr = 0.1


def loss(params, X, y):
    h = np.tanh(X @ params['W1'] + params['b1'])
    out = h @ params['W2'] + params['b2']
    return np.mean((out - y) ** 2)


def step(params, X, y, lr):
    h = np.tanh(X @ params['W1'] + params['b1'])
    out = h @ params['W2'] + params['b2']
    d_out = 2 * (out - y) / len(X)

    params['W2'] -= lr * h.T @ d_out
    params['b2'] -= lr * d_out.sum(axis=0)

    d_hidden = d_out @ params['W2'].T * (1 - h**2)
    params['W1'] -= lr * X.T @ d_hidden
    params['b1'] -= lr * d_hidden.sum(axis=0)
    return params
