import numpy as np

np.random.seed(6)
params = {'K': np.random.randn(3, 3), 'w': np.random.randn(2, 2)}
data = (np.random.randn(3, 6, 6), np.random.randn(3))


def forward(params, x):
  z = np.zeros((4, 4))
  for r in range(4):
    for c in range(4):
      z[r, c] = np.sum(x[r : r + 3, c : c + 3] * params['K'])
  pooled, winners = np.zeros((2, 2)), {}
  for r in range(2):
    for c in range(2):
      block = z[2 * r : 2 * r + 2, 2 * c : 2 * c + 2]
      i, j = np.unravel_index(block.argmax(), block.shape)
      winners[r, c] = (2 * r + i, 2 * c + j)
      pooled[r, c] = block[i, j]
  return pooled, winners, np.sum(pooled * params['w'])


def loss(params, X, y):
  return 0.5 * sum((forward(params, x)[2] - t) ** 2 for x, t in zip(X, y))


def grads(params, X, y):
  dK, dw = np.zeros((3, 3)), np.zeros((2, 2))
  for x, t in zip(X, y):
    pooled, winners, out = forward(params, x)
    e = out - t
    dw += e * pooled
    for (r, c), (i, j) in winners.items():
      dK += e * params['w'][r, c] * x[i : i + 3, j : j + 3]
  return {'K': dK, 'w': dw}
