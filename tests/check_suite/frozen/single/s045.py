import numpy as np

np.random.seed(256)
X = np.random.rand(6, 5)
params = {"W": np.random.randn(5, 3) * 0.5, "b": np.zeros(3), "c": np.zeros(5)}
data = (X, X)


def sigmoid(z):
  return 1 / (1 + np.exp(-z))


def encode_decode(params, X):
  code = sigmoid(X @ params["W"] + params["b"])
  recon = code @ params["W"].T + params["c"]
  return code, recon


def loss(params, X, target):
  _, recon = encode_decode(params, X)
  return 0.5 * np.sum((recon - target) ** 2) / X.shape[0]


def grads(params, X, target):
  code, recon = encode_decode(params, X)
  drecon = (recon - target) / X.shape[0]
  dc = drecon.sum(axis=0)
  dcode = drecon @ params["W"]
  dpre = dcode * code * (1 - code)
  db = dpre.sum(axis=0)
  dW = X.T @ dpre
  dW = drecon.T @ code
  return {"W": dW, "b": db, "c": dc}
