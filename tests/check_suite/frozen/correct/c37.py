import numpy as np

rng = np.random.default_rng(1837)
params = {'W': rng.normal(size=(3, 4)) * 0.5, 'V': rng.normal(size=(4, 2)) * 0.5}
data = (rng.normal(size=(8, 3)), rng.poisson(2.0, size=(8, 2)))

def loss(params, X, y):
  z = np.log1p(np.exp(X @ params['W'])) @ params['V']
  return np.sum(np.exp(z) - y * z) / len(X)

def grads(params, X, y):
  u = X @ params['W']
  h = np.log1p(np.exp(u))
  z = h @ params['V']
  dz = (np.exp(z) - y) / len(X)
  du = dz @ params['V'].T / (1 + np.exp(-u))
  return {'W': X.T @ du, 'V': h.T @ dz}
