import numpy as np

np.random.seed(11)
N, D, H = 6, 3, 4
eps = 1e-5

params = {
    'W1': np.random.randn(D, H),
    'gamma': 1 + 0.1 * np.random.randn(H),
    'beta': 0.1 * np.random.randn(H),
    'W2': np.random.randn(H, 2),
    'b2': np.zeros(2),
}
data = (np.random.randn(N, D), np.random.randn(N, 2))


def forward(params, X):
    h = X @ params['W1']
    mu = h.mean(axis=0)
    xmu = h - mu
    var = (xmu**2).mean(axis=0)
    ivar = 1.0 / np.sqrt(var + eps)
    xhat = xmu * ivar
    out = params['gamma'] * xhat + params['beta']
    r = np.maximum(out, 0)
    pred = r @ params['W2'] + params['b2']
    return pred, (xmu, ivar, xhat, out, r)


def loss(params, X, y):
    pred, _ = forward(params, X)
    return ((pred - y) ** 2).mean()


def grads(params, X, y):
    pred, (xmu, ivar, xhat, out, r) = forward(params, X)
    n = X.shape[0]
    dpred = 2 * (pred - y) / pred.size
    dW2 = r.T @ dpred
    db2 = dpred.sum(0)
    dr = dpred @ params['W2'].T
    dout = dr * (out > 0)
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * params['gamma']
    divar = np.sum(dxhat * xmu, axis=0)
    dvar = -0.5 * ivar**3 * divar
    dxmu = dxhat * ivar + 2 * xmu * dvar / n
    dh = dxmu
    dW1 = X.T @ dh
    return {'W1': dW1, 'gamma': dgamma, 'beta': dbeta, 'W2': dW2, 'b2': db2}
