import numpy as np

rng = np.random.RandomState(77)
slope = 0.2
X = rng.uniform(-3, 3, (40, 1)).astype(np.float32)
y = np.abs(X) + 0.1 * rng.randn(40, 1).astype(np.float32)

W1 = rng.randn(1, 8).astype(np.float32)
b1 = rng.randn(8).astype(np.float32)
W2 = (0.3 * rng.randn(8, 1)).astype(np.float32)
b2 = np.zeros(1, dtype=np.float32)
lr = 0.02

for epoch in range(200):
    Z = X @ W1 + b1
    A = np.maximum(slope * Z, Z)
    out = A @ W2 + b2
    if epoch % 50 == 0:
        print(epoch, np.mean((out - y) ** 2))
    dout = 2 * (out - y) / len(X)
    dA = dout @ W2.T
    dZ = dA * (Z > 0)
    W2 -= lr * A.T @ dout
    b2 -= lr * dout.sum(axis=0)
    W1 -= lr * X.T @ dZ
    b1 -= lr * dZ.sum(axis=0)
