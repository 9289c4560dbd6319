import numpy as np

np.random.seed(2)
X = np.random.randn(3, 5)
Y = (np.random.rand(1, 5) > 0.5) * 1
data = (X, Y)
params = {
  'W1': np.random.randn(4, 3) * 0.5,
  'b1': np.random.randn(4, 1) * 0.2,
  'W2': np.random.randn(1, 4) * 0.5,
  'b2': np.zeros((1, 1)),
}


def model(params, X):
  Z1 = params['W1'].dot(X) + params['b1']
  A1 = np.tanh(Z1)
  Z2 = params['W2'].dot(A1) + params['b2']
  A2 = 1 / (1 + np.exp(-Z2))
  return A2, {'Z1': Z1, 'A1': A1}


def loss(params, X, Y):
  A2, _ = model(params, X)
  m = Y.shape[1]
  return float(-(Y @ np.log(A2).T + (1 - Y) @ np.log(1 - A2).T)[0, 0] / m)


def grads(params, X, Y):
  m = X.shape[1]
  A2, cache = model(params, X)
  dZ2 = A2 - Y
  dW2 = dZ2.dot(cache['A1'].T) / m
  db2 = np.sum(dZ2, axis=1, keepdims=True) / m
  dZ1 = np.multiply(1 - np.power(cache['Z1'], 2), params['W2'].T.dot(dZ2))
  dW1 = dZ1.dot(X.T) / m
  db1 = np.sum(dZ1, axis=1, keepdims=True) / m
  return {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}
