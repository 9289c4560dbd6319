import numpy as np

np.random.seed(42)
params = {"weights": [np.random.randn(2, 3), np.random.randn(3, 1)], "biases": [np.random.randn(1, 3), np.random.randn(1, 1)]}
data = (np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]]))


def sigmoid(z):
  return 1 / (1 + np.exp(-z))


def sigmoid_derivative(z):
  return sigmoid(z) * (1 - sigmoid(z))


def loss(params, X, Y):
  a = X
  for w, b in zip(params["weights"], params["biases"]):
    a = sigmoid(np.dot(a, w) + b)
  return np.sum(0.5 * (a - Y) ** 2)


def grads(params, X, Y):
  activations, zs = [X], []
  for w, b in zip(params["weights"], params["biases"]):
    zs.append(np.dot(activations[-1], w) + b)
    activations.append(sigmoid(zs[-1]))
  delta = (activations[-1] - Y) * sigmoid_derivative(zs[-1])
  deltas = [delta]
  for l in range(2, len(zs) + 1):
    delta = np.dot(deltas[-1], params["weights"][-l + 1].T) * sigmoid_derivative(zs[-l])
    deltas.append(delta)
  deltas.reverse()
  return {
    "weights": [np.dot(a.T, d) for a, d in zip(activations, deltas)],
    "biases": [np.sum(d, axis=0, keepdims=True) for d in deltas],
  }
