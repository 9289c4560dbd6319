import numpy as np

rng = np.random.default_rng(4)
n, d, k = 5, 3, 3
params = {"W": rng.normal(size=(d, k)), "bngain": rng.normal(size=(1, k)), "bnbias": rng.normal(size=(1, k))}
data = (rng.normal(size=(n, d)), rng.normal(size=(n, k)))


def forward(p, X):
  hprebn = X @ p["W"]
  bnmeani = 1 / n * hprebn.sum(0, keepdims=True)
  bndiff = hprebn - bnmeani
  bndiff2 = bndiff**2
  bnvar = 1 / (n - 1) * bndiff2.sum(0, keepdims=True)
  bnvar_inv = (bnvar + 1e-5) ** -0.5
  bnraw = bndiff * bnvar_inv
  return bndiff, bnvar, bnvar_inv, bnraw, p["bngain"] * bnraw + p["bnbias"]


def loss(p, X, y):
  return ((forward(p, X)[-1] - y) ** 2).mean()


def grads(p, X, y):
  bndiff, bnvar, bnvar_inv, bnraw, out = forward(p, X)
  dout = 2 * (out - y) / y.size
  dbngain = (bnraw * dout).sum(0, keepdims=True)
  dbnbias = dout.sum(0, keepdims=True)
  dbnraw = p["bngain"] * dout
  dbnvar_inv = (bndiff * dbnraw).sum(0, keepdims=True)
  dbndiff = bnvar_inv * dbnraw
  dbnvar = (-0.5 * (bnvar + 1e-5) ** -1.5) * dbnvar_inv
  dbndiff2 = (1.0 / n) * np.ones((n, k)) * dbnvar
  dbndiff = dbndiff + (2 * bndiff) * dbndiff2
  dhprebn = dbndiff - 1.0 / n * dbndiff.sum(0)
  return {"W": X.T @ dhprebn, "bngain": dbngain, "bnbias": dbnbias}
