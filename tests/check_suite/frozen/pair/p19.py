import numpy as np

np.random.seed(12)
X = np.random.randn(10, 2)
y = X @ [2.0, -1.0] + 0.5
data = (X, y)
params = {'w': np.zeros(2) + 0.1, 'b': 0.0}


def loss(params, X, y):
    return ((X @ params['w'] + params['b'] - y) ** 2).mean()


def grads(params, X, y):
    n = len(y)
    y_pred = X @ params['w'] + params['b']
    dw = -(1 / n) * X.T @ (y - y_pred)
    db = (2 / n) * np.sum(y - y_pred)
    return {'w': dw, 'b': db}
