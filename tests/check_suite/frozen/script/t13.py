import numpy as np


class Dense:
  def __init__(self, n_in, n_out, rng):
    self.weights = rng.normal(0, 0.7, (n_in, n_out))
    self.bias = np.zeros((1, n_out))

  def forward(self, input):
    self.input = input
    return np.dot(input, self.weights) + self.bias

  def backward(self, output_gradient, learning_rate):
    weights_gradient = np.dot(self.input.T, output_gradient)
    input_gradient = np.dot(output_gradient, self.weights.T)
    self.weights -= learning_rate * weights_gradient
    self.bias -= learning_rate * output_gradient.sum(axis=0, keepdims=True)
    return input_gradient


class Tanh:
  def forward(self, input):
    self.input = input
    self.output = np.tanh(input)
    return self.output

  def backward(self, output_gradient, learning_rate):
    return output_gradient * (1 - self.input**2)


rng = np.random.default_rng(10)
X = rng.uniform(-1, 1, (20, 2))
y = (X[:, :1] * X[:, 1:]) * 2
network = [Dense(2, 5, rng), Tanh(), Dense(5, 1, rng)]

for epoch in range(200):
  output = X
  for layer in network:
    output = layer.forward(output)

  error = np.mean((output - y) ** 2)

  grad = 2 * (output - y) / y.size
  for layer in reversed(network):
    grad = layer.backward(grad, 0.1)

  if epoch % 50 == 0:
    print(f'{epoch} error={error:.5f}')
