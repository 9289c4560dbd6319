import numpy as np

np.random.seed(120)
lr, max_norm = 0.1, 0.5
params = {'W1': np.random.randn(3, 5), 'b1': np.zeros(5), 'W2': np.random.randn(5, 1), 'b2': np.zeros(1)}
data = (np.random.randn(10, 3), 3 + np.random.randn(10, 1))

def loss(params, X, y):
    return np.mean((np.tanh(X @ params['W1'] + params['b1']) @ params['W2'] + params['b2'] - y) ** 2)

def step(params, X, y, lr):
    h = np.tanh(X @ params['W1'] + params['b1'])
    d = 2 * (h @ params['W2'] + params['b2'] - y) / len(X)
    dh = d @ params['W2'].T * (1 - h**2)
    g = {'W1': X.T @ dh, 'b1': dh.sum(0), 'W2': h.T @ d, 'b2': d.sum(0)}
    norm = np.sqrt(sum((v**2).sum() for v in g.values()))
    if norm > max_norm:
        g = {k: v * max_norm / norm for k, v in g.items()}
    return {k: params[k] - lr * g[k] for k in params}
