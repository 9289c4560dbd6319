import numpy as np

rng = np.random.default_rng(44)
params = {
  k: rng.standard_normal(s).astype("float32") * np.float32(0.6)
  for k, s in {"W1": (3, 4), "b1": (4,), "W2": (4, 3), "b2": (3,)}.items()
}
data = (rng.standard_normal((6, 3)).astype("float32"), np.array([0, 1, 2, 2, 1, 0]))


def model(params, X):
  memory = {}
  memory["z1"] = X @ params["W1"] + params["b1"]
  memory["a1"] = np.tanh(memory["z1"])
  memory["z2"] = memory["a1"] @ params["W2"] + params["b2"]
  return memory


def log_softmax(z):
  z = z - z.max(axis=1, keepdims=True)
  return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def loss(params, X, y):
  return -log_softmax(model(params, X)["z2"])[np.arange(len(y)), y].mean()


def grads(params, X, y):
  memory = model(params, X)
  dz2 = np.exp(log_softmax(memory["z2"]))
  dz2[np.arange(len(y)), y] -= 1
  dz2 /= len(y)
  grad = {"W2": memory["z1"].T @ dz2, "b2": dz2.sum(0)}
  dz1 = (dz2 @ params["W2"].T) * (1 - memory["a1"] ** 2)
  grad["W1"] = X.T @ dz1
  grad["b1"] = dz1.sum(0)
  return grad
