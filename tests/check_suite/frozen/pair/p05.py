import numpy as np

rng = np.random.default_rng(81)
params = {
  "W1": rng.normal(size=(3, 3)),
  "b1": rng.normal(size=3),
  "W2": rng.normal(size=(3, 2)),
  "b2": rng.normal(size=2),
}
data = (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))


def fwd(p, X):
  z1 = X @ p["W1"] + p["b1"]
  a1 = np.tanh(z1)
  return z1, a1, np.tanh(a1 @ p["W2"] + p["b2"])


def loss(p, X, y):
  return np.mean((fwd(p, X)[2] - y) ** 2)


def grads(p, X, y):
  z1, a1, a2 = fwd(p, X)
  d2 = 2 * (a2 - y) / y.size
  d2 = d2 * a2 * (1 - a2)
  d1 = d2 @ p["W2"].T
  d1 = d1 * (1 - a1 * a1)
  return {
    "W2": a1.T @ d2,
    "b2": d2.sum(axis=0),
    "W1": z1.T @ d1,
    "b1": d1.sum(axis=0),
  }
