import numpy as np

rng = np.random.default_rng(3141)
X, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
data = (X, y)
params = {
  "W1": rng.normal(size=(3, 4)),
  "b1": rng.normal(size=4),
  "W2": rng.normal(size=(4, 2)),
  "b2": rng.normal(size=2),
}
softplus = lambda v: np.log1p(np.exp(v))
sigmoid = lambda v: 1 / (1 + np.exp(-v))

def loss(params, X, y):
  a = softplus(X @ params["W1"] + params["b1"])
  out = a @ params["W2"] + params["b2"]
  return 0.5 * ((out - y) ** 2).sum(axis=1).mean()

def grads(params, X, y):
  z = X @ params["W1"] + params["b1"]
  a = softplus(z)
  out = a @ params["W2"] + params["b2"]
  dout = (out - y) / len(X)
  dz = dout @ params["W2"].T * sigmoid(a)
  return {"W1": X.T @ dz, "b1": dz.sum(0), "W2": a.T @ dout, "b2": dout.sum(0)}
