import numpy as np

np.random.seed(42)
n = 20
X = np.random.rand(n, 3)
true_w = np.array([1.5, -2.0, 0.5])
y = X @ true_w + 0.3 + 0.05 * np.random.randn(n)

params = {'w': np.random.randn(3), 'b': 0.0}
data = (X, y)

def predict(params, X):
    return X.dot(params['w']) + params['b']

def loss(params, X, y):
    # mean squared error
    return np.mean((predict(params, X) - y) ** 2)

def grads(params, X, y):
    error = predict(params, X) - y
    N = len(y)
    error = error / N
    dw = X.T.dot(error)
    db = np.sum(error)
    return {'w': dw, 'b': db}
