import numpy as np

np.random.seed(505)
lam = 0.3

def g(z):
    return 1.0 / (1.0 + np.exp(-z))

X = np.random.randn(8, 3)
y = np.random.randint(0, 2, (8, 1))
data = (X, y)
params = {
    'T1': np.random.randn(3, 4),
    'b1': np.random.randn(4),
    'T2': np.random.randn(4, 1),
    'b2': np.zeros(1),
}

def loss(params, X, y):
    m = len(X)
    h = g(g(X @ params['T1'] + params['b1']) @ params['T2'] + params['b2'])
    J = -np.sum(y * np.log(h) + (1 - y) * np.log(1 - h)) / m
    return J + lam / (2 * m) * (np.sum(params['T1'] ** 2) + np.sum(params['T2'] ** 2))

def grads(params, X, y):
    m = len(X)
    a2 = g(X @ params['T1'] + params['b1'])
    h = g(a2 @ params['T2'] + params['b2'])
    d3 = h - y
    d2 = d3 @ params['T2'].T * a2 * (1 - a2)
    return {
        'T1': (X.T @ d2 + lam * params['T1']) / m,
        'b1': (d2.sum(axis=0) + lam * params['b1']) / m,
        'T2': (a2.T @ d3 + lam * params['T2']) / m,
        'b2': d3.sum(axis=0) / m,
    }
