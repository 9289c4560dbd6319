import numpy as np

np.random.seed(1234)
n_in, n_hid, n_out = 4, 5, 3
params = dict(
  W1=np.random.randn(n_in, n_hid) / 2,
  b1=np.zeros(n_hid),
  W2=np.random.randn(n_hid, n_out) / 2,
  b2=np.zeros(n_out),
)
X = np.random.randn(7, n_in)
T = np.eye(n_out)[np.array([0, 1, 2, 0, 1, 1, 2])]
data = (X, T)


def forward(X, params):
  cache = {}
  cache["a1"] = np.tanh(X @ params["W1"] + params["b1"])
  z = cache["a1"] @ params["W2"] + params["b2"]
  ez = np.exp(z - np.max(z, axis=1, keepdims=True))
  cache["probs"] = ez / np.sum(ez, axis=1, keepdims=True)
  return cache


def loss(params, X, T):
  probs = forward(X, params)["probs"]
  return -(T * np.log(probs)).sum() / X.shape[0]


def grads(params, X, T):
  cache = forward(X, params)
  dscores = (cache["probs"] - T) / X.shape[0]
  dW2 = cache["a1"].T @ dscores
  db2 = np.mean(dscores, axis=0)
  dhidden = dscores @ params["W2"].T
  dhidden = dhidden * (1 - cache["a1"] ** 2)
  dW1 = X.T @ dhidden
  db1 = np.sum(dhidden, axis=0)
  return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
