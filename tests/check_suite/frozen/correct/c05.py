import numpy as np

np.random.seed(1)
V, H = 5, 4
params = {
  "Wxh": np.random.randn(H, V) * 0.4,
  "Whh": np.random.randn(H, H) * 0.4,
  "Why": np.random.randn(V, H) * 0.4,
  "bh": np.zeros((H, 1)),
  "by": np.zeros((V, 1)),
}
data = (np.array([1, 0, 3, 3, 2, 4]), np.array([0, 3, 3, 2, 4, 1]))


def lossFun(params, inputs, targets):
  xs, hs, ys, ps = {}, {}, {}, {}
  hs[-1] = np.zeros((H, 1))
  total = 0
  for t in range(len(inputs)):
    xs[t] = np.zeros((V, 1))
    xs[t][inputs[t]] = 1
    hs[t] = np.tanh(params["Wxh"] @ xs[t] + params["Whh"] @ hs[t - 1] + params["bh"])
    ys[t] = params["Why"] @ hs[t] + params["by"]
    ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
    total += -np.log(ps[t][targets[t], 0])
  d = {k: np.zeros_like(v) for k, v in params.items()}
  dhnext = np.zeros_like(hs[0])
  for t in reversed(range(len(inputs))):
    dy = np.copy(ps[t])
    dy[targets[t]] -= 1
    d["Why"] += dy @ hs[t].T
    d["by"] += dy
    dh = params["Why"].T @ dy + dhnext
    dhraw = (1 - hs[t] * hs[t]) * dh
    d["bh"] += dhraw
    d["Wxh"] += dhraw @ xs[t].T
    d["Whh"] += dhraw @ hs[t - 1].T
    dhnext = params["Whh"].T @ dhraw
  return total, d


def loss(params, inputs, targets):
  return lossFun(params, inputs, targets)[0]


def grads(params, inputs, targets):
  return lossFun(params, inputs, targets)[1]
