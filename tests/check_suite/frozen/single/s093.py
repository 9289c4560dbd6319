import numpy as np

np.random.seed(7)
params = {"W": np.random.randn(3), "b": np.zeros(1)}
X = np.random.randn(10, 3)
y = (X @ np.array([1.0, -1.0, 0.5]) > 0) * 1.0
data = (X, y)
lr = 1e-2
decay_rate = 0.9
rmsprop_cache = {k: np.zeros_like(v) for k, v in params.items()}


def policy(params, X):
  return 1.0 / (1.0 + np.exp(-(X @ params["W"] + params["b"])))


def loss(params, X, y):
  p = policy(params, X)
  return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def step(params, X, y, lr):
  dlogp = (policy(params, X) - y) / len(y)
  grad = {"W": X.T @ dlogp, "b": dlogp.sum(keepdims=True)}
  for k in params:
    g = grad[k]
    rmsprop_cache[k] = decay_rate * rmsprop_cache[k] + (1 - decay_rate) * g**2
    params[k] += lr * g / (np.sqrt(rmsprop_cache[k]) + 1e-8)
  return params
