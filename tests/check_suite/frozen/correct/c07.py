import numpy as np

rng = np.random.default_rng(13)
n, d, h, c = 7, 4, 5, 3
params = {
    'W1': rng.normal(size=(d, h)),
    'gamma': rng.uniform(0.5, 1.5, h),
    'beta': rng.normal(size=h) * 0.3,
    'W2': rng.normal(size=(h, c)),
    'b2': np.zeros(c),
}
data = (rng.normal(size=(n, d)), rng.integers(0, c, n))

def forward(p, X):
    z = X @ p['W1']
    mu, var = z.mean(0), z.var(0)
    inv = (var + 1e-5) ** -0.5
    xhat = (z - mu) * inv
    a = np.maximum(p['gamma'] * xhat + p['beta'], 0)
    s = a @ p['W2'] + p['b2']
    s = s - s.max(1, keepdims=True)
    return inv, xhat, a, s - np.log(np.exp(s).sum(1, keepdims=True))

def loss(p, X, y):
    return -forward(p, X)[-1][np.arange(len(y)), y].mean()

def grads(p, X, y):
    N = len(y)
    inv, xhat, a, logp = forward(p, X)
    ds = np.exp(logp)
    ds[np.arange(N), y] -= 1
    ds /= N
    dout = (ds @ p['W2'].T) * (a > 0)
    dgamma, dbeta = (dout * xhat).sum(0), dout.sum(0)
    dz = p['gamma'] * inv / N * (N * dout - dbeta - xhat * dgamma)
    return {'W1': X.T @ dz, 'gamma': dgamma, 'beta': dbeta, 'W2': a.T @ ds, 'b2': ds.sum(0)}
