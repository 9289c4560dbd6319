import numpy as np

np.random.seed(3)
n = [4, 5, 4, 3]
params = {}
for i in range(1, 4):
  params['W' + str(i)] = np.random.randn(n[i], n[i - 1]) * np.sqrt(2.0 / n[i - 1])
  params['b' + str(i)] = np.full((n[i], 1), 0.05)
X = np.random.randn(4, 5)
Y = np.eye(3)[:, [0, 1, 2, 1, 0]]
data = (X, Y)


def L_model_forward(X, params):
  caches = {'A0': X}
  for i in range(1, 4):
    Z = np.dot(params['W' + str(i)], caches['A' + str(i - 1)]) + params['b' + str(i)]
    caches['Z' + str(i)] = Z
    if i < 3:
      caches['A' + str(i)] = np.maximum(0, Z)
    else:
      t = np.exp(Z - Z.max(axis=0))
      caches['A3'] = t / t.sum(axis=0)
  return caches


def loss(params, X, Y):
  return -np.sum(Y * np.log(L_model_forward(X, params)['A3'])) / Y.shape[1]


def grads(params, X, Y):
  m = Y.shape[1]
  c = L_model_forward(X, params)
  g = {}
  dZ3 = c['A3'] - Y
  g['W3'] = np.dot(dZ3, c['A2'].T) / m
  g['b3'] = np.sum(dZ3, axis=1, keepdims=True) / m
  dZ2 = np.dot(params['W3'].T, dZ3) * (c['Z2'] > 0)
  g['W2'] = np.dot(dZ2, c['A1'].T) / m
  g['b2'] = np.sum(dZ2, axis=1, keepdims=True)
  dZ1 = np.dot(params['W2'].T, dZ2) * (c['Z1'] > 0)
  g['W1'] = np.dot(dZ1, c['A0'].T) / m
  g['b1'] = np.sum(dZ1, axis=1, keepdims=True) / m
  return g
