import numpy as np

np.random.seed(2121)
lr = 0.3
X = np.random.randn(3, 7)
Y = (np.random.rand(1, 7) > 0.5) * 1.0
data = (X, Y)
params = {"W": np.random.randn(1, 3), "b": np.zeros((1, 1))}


def sigmoid(z):
  return 1 / (1 + np.exp(-z))


def loss(params, X, Y):
  A = sigmoid(params["W"] @ X + params["b"])
  return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def step(params, X, Y, lr):
  A = sigmoid(params["W"] @ X + params["b"])
  dZ = A - Y
  grads = {"W": dZ @ X.T, "b": dZ.sum(axis=1, keepdims=True)}
  return {k: params[k] + lr * grads[k] for k in params}
