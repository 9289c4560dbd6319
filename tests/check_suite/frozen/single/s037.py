import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(3, 8))
Y = (rng.random((1, 8)) < 0.5).astype(float)
data = (X, Y)
params = {'W': rng.normal(size=(1, 3)), 'b': np.zeros((1, 1))}
lr = 0.5

def prob(params, X):
  return 1 / (1 + np.exp(-(params['W'] @ X + params['b'])))

def loss(params, X, Y):
  A = prob(params, X)
  return float(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)))

def step(params, X, Y, lr):
  m = X.shape[1]
  A = prob(params, X)
  dZ = (A - Y) / m
  gradients = {'W': dZ @ X.T, 'b': dZ.sum(axis=1, keepdims=True)}
  new = {}
  for name in params:
    new[name] = params[name] + lr * gradients[name]
  return new
