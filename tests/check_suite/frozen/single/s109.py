import numpy as np

rng = np.random.default_rng(110)
params = {
  'W1': rng.normal(size=(2, 3)),
  'b1': rng.normal(size=3),
  'W2': rng.normal(size=(3, 1)),
  'b2': rng.normal(size=1),
}
data = (rng.normal(size=(3, 2)), np.array([[1.0], [0.0], [0.0]]))


def s(z):
  return 1 / (1 + np.exp(-z))


def loss(params, X, y):
  out = s(s(X @ params['W1'] + params['b1']) @ params['W2'] + params['b2'])
  return 0.5 * float(((out - y) ** 2).sum())


def grads(params, X, y):
  a = s(X @ params['W1'] + params['b1'])
  out = s(a @ params['W2'] + params['b2'])
  delta = (out - y) * out * (1 - out) + (out - y)
  d1 = delta @ params['W2'].T * a * (1 - a)
  return {'W1': X.T @ d1, 'b1': d1.sum(0), 'W2': a.T @ delta, 'b2': delta.sum(0)}
