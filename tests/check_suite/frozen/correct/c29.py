import numpy as np

g = np.random.default_rng(42)
n, nf, nh, vocab = 5, 4, 4, 3
params = {
  "W1": g.normal(size=(nf, nh)),
  "bngain": g.uniform(0.5, 1.5, (1, nh)),
  "bnbias": g.normal(size=(1, nh)) * 0.1,
  "W2": g.normal(size=(nh, vocab)),
  "b2": g.normal(size=vocab) * 0.1,
}
data = (g.normal(size=(n, nf)), g.integers(0, vocab, n))


def forward(p, X, y):
  t = {}
  t["hprebn"] = X @ p["W1"]
  t["bndiff"] = t["hprebn"] - t["hprebn"].sum(0, keepdims=True) / n
  t["bnvar"] = (t["bndiff"] ** 2).sum(0, keepdims=True) / (n - 1)
  t["inv"] = (t["bnvar"] + 1e-5) ** -0.5
  t["bnraw"] = t["bndiff"] * t["inv"]
  t["h"] = np.tanh(p["bngain"] * t["bnraw"] + p["bnbias"])
  t["logits"] = t["h"] @ p["W2"] + p["b2"]
  t["norm_logits"] = t["logits"] - t["logits"].max(1, keepdims=True)
  t["counts"] = np.exp(t["norm_logits"])
  t["sum_inv"] = t["counts"].sum(1, keepdims=True) ** -1
  t["probs"] = t["counts"] * t["sum_inv"]
  t["loss"] = -np.log(t["probs"])[range(n), y].mean()
  return t


def loss(p, X, y):
  return forward(p, X, y)["loss"]


def grads(p, X, y):
  t = forward(p, X, y)
  dlogprobs = np.zeros_like(t["probs"])
  dlogprobs[range(n), y] = -1.0 / n
  dprobs = dlogprobs / t["probs"]
  dsum_inv = (t["counts"] * dprobs).sum(1, keepdims=True)
  dcounts = t["sum_inv"] * dprobs
  dcounts += -(t["sum_inv"] ** 2) * dsum_inv
  dnorm = t["counts"] * dcounts
  dlogits = dnorm.copy()
  dmax = -dnorm.sum(1, keepdims=True)
  dlogits += np.eye(vocab)[t["logits"].argmax(1)] * dmax
  dh = dlogits @ p["W2"].T
  dW2, db2 = t["h"].T @ dlogits, dlogits.sum(0)
  dpre = (1.0 - t["h"] ** 2) * dh
  dgain, dbias = (t["bnraw"] * dpre).sum(0, keepdims=True), dpre.sum(0, keepdims=True)
  draw = p["bngain"] * dpre
  ddiff = t["inv"] * draw
  dinv = (t["bndiff"] * draw).sum(0, keepdims=True)
  dvar = -0.5 * (t["bnvar"] + 1e-5) ** -1.5 * dinv
  ddiff += 2 * t["bndiff"] * dvar / (n - 1)
  dhprebn = ddiff - ddiff.sum(0) / n
  return {"W1": X.T @ dhprebn, "bngain": dgain, "bnbias": dbias, "W2": dW2, "b2": db2}
