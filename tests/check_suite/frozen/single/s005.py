import numpy as np


class Affine:
  def forward(self, x, w, b):
    self.cache = (x, w)
    return x.dot(w) + b

  def backward(self, dout):
    x, w = self.cache
    return dout.dot(w.T), x.T.dot(dout), dout.sum(axis=0)


class ReLU:
  def forward(self, x):
    self.x = x
    return np.maximum(x, 0)

  def backward(self, dout):
    return dout * (self.x > 0)


def softmax_loss(x, y):
  shifted = x - np.max(x, axis=1, keepdims=True)
  log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
  N = x.shape[0]
  loss = -np.sum(log_probs[np.arange(N), y]) / N
  dx = np.exp(log_probs)
  dx[np.arange(N), y] -= 1
  return loss, dx / N


class TwoLayerNet:
  def __init__(self, params, reg):
    self.params = params
    self.reg = reg
    self.fc1, self.act, self.fc2 = Affine(), ReLU(), Affine()

  def loss(self, X, y, with_grads=True):
    p = self.params
    h = self.act.forward(self.fc1.forward(X, p["W1"], p["b1"]))
    scores = self.fc2.forward(h, p["W2"], p["b2"])
    loss, dscores = softmax_loss(scores, y)
    loss += 0.5 * self.reg * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
    grads = {}
    dh, grads["W2"], grads["b2"] = self.fc2.backward(dscores)
    _, grads["W1"], grads["b1"] = self.fc1.backward(self.act.backward(dh))
    grads["W1"] += self.reg * p["W1"]
    return loss, grads


np.random.seed(0)
REG = 0.05
params = {
  "W1": np.random.randn(4, 6) * 0.5,
  "b1": np.random.randn(6) * 0.1,
  "W2": np.random.randn(6, 3) * 0.5,
  "b2": np.random.randn(3) * 0.1,
}
data = (np.random.randn(5, 4), np.array([0, 2, 1, 1, 2]))


def loss(params, X, y):
  return TwoLayerNet(params, REG).loss(X, y)[0]


def grads(params, X, y):
  return TwoLayerNet(params, REG).loss(X, y)[1]
