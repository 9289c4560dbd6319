import numpy as np

np.random.seed(94)
reg, keep = 0.1, 0.5
mask = (np.random.rand(5, 6) < keep) / keep
params = {'W1': np.random.randn(3, 6) * 0.7, 'b1': np.full(6, 0.2), 'W2': np.random.randn(6, 3) * 0.7}
data = (np.random.randn(5, 3), np.array([2, 1, 0, 0, 1]))


def forward(params, X):
    h = np.maximum(0, X @ params['W1'] + params['b1'])
    hd = h * mask
    s = hd @ params['W2']
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return h, hd, e / e.sum(axis=1, keepdims=True)


def loss(params, X, y):
    P = forward(params, X)[2]
    return -np.mean(np.log(P[range(len(y)), y])) + 0.5 * reg * np.sum(params['W2'] ** 2)


def grads(params, X, y):
    h, hd, P = forward(params, X)
    ds = P
    ds[range(len(y)), y] -= 1
    ds = ds / len(y)
    dW2 = hd.T @ ds + 2 * reg * params['W2']
    dh = ds @ params['W2'].T
    dh = dh * (h > 0)
    return {'W1': X.T @ dh, 'b1': dh.sum(axis=0), 'W2': dW2}
