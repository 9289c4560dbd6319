import numpy as np

rng = np.random.default_rng(87)
X = rng.normal(size=(10, 3))
y = rng.normal(size=10)
data = (X, y)
params = {'w_m': rng.normal(size=3), 'w_s': rng.normal(size=3) * 0.4}


def loss(params, X, y):
    mu = X @ params['w_m']
    sigma = np.exp(X @ params['w_s'])
    return np.mean(np.log(sigma) + 0.5 * ((y - mu) / sigma) ** 2)


def grads(params, X, y):
    n = len(y)
    mu = X @ params['w_m']
    s = X @ params['w_s']
    sigma = np.exp(s)
    dmu = (mu - y) / sigma**2 / n
    dsigma = (1 / sigma - (y - mu) ** 2 / sigma**3) / n
    ds = dsigma
    return {'w_m': X.T @ dmu, 'w_s': X.T @ ds}
