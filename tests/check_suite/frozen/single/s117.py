import numpy as np

r = np.random.RandomState(6)
params = {
  "F": (r.randn(9, 2) * 0.5).astype(np.float32),
  "f0": (r.randn(2) * 0.1).astype(np.float32),
  "W": (r.randn(8, 3) * 0.5).astype(np.float32),
}
data = (r.randn(3, 6, 6).astype(np.float32), np.array([0, 2, 1]))

def patches(X):
  out = []
  for i in range(4):
    for j in range(4):
      out.append(X[:, i:i+3, j:j+3].reshape(len(X), 9))
  return np.stack(out, axis=1)

def forward(p, X):
  cols = patches(X)                                   # (N, 16, 9)
  z = cols @ p["F"] + p["f0"]                         # (N, 16, 2)
  a = np.maximum(z, 0).reshape(-1, 2, 2, 2, 2, 2)     # (N, 2, 2, 2, 2, channels)
  pooled = a.mean(axis=(2, 4))                        # (N, 2, 2, channels)
  s = pooled.reshape(len(X), -1) @ p["W"]
  s = s - s.max(axis=1, keepdims=True)
  return cols, z, pooled, np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)

def loss(p, X, y):
  return -np.log(forward(p, X)[3][range(len(y)), y]).mean()

def grads(p, X, y):
  cols, z, pooled, q = forward(p, X)
  q[range(len(y)), y] -= 1
  ds = q / len(y)
  dW = pooled.reshape(len(X), -1).T @ ds
  dpooled = (ds @ p["W"].T).reshape(pooled.shape)
  da = np.repeat(np.repeat(dpooled, 2, axis=1), 2, axis=2) / 4
  dz = da.reshape(len(X), 16, 2)
  dF = np.einsum("npk,npc->kc", cols, dz)
  return {"F": dF, "f0": dz.sum(axis=(0, 1)), "W": dW}
