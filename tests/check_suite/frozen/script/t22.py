import numpy as np

np.random.seed(21)
X = np.random.randn(25, 3)
y = (X.sum(axis=1, keepdims=True) > 0).astype(float)
lambd = 0.7
alpha = 0.3

W1 = np.random.randn(3, 6) * 0.5
b1 = np.zeros(6) + 0.1
W2 = np.random.randn(6, 1) * 0.5
b2 = np.zeros(1)

def forward(X):
    z1 = X @ W1 + b1
    a1 = np.maximum(0, z1)
    return z1, a1, 1 / (1 + np.exp(-(a1 @ W2 + b2)))

def cost_with_penalty(a2):
    m = len(y)
    ce = -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))
    return ce + lambd / (2 * m) * (np.sum(np.square(W1)) + np.sum(np.square(W2)))

m = len(y)
for it in range(200):
    z1, a1, a2 = forward(X)
    if it % 50 == 0:
        print('cost', it, cost_with_penalty(a2))
    dz2 = (a2 - y) / m
    dW2 = a1.T @ dz2 + lambd / m * W2
    db2 = dz2.sum(axis=0)
    dz1 = dz2 @ W2.T * (z1 > 0)
    dW1 = X.T @ dz1
    db1 = dz1.sum(axis=0)
    W1 -= alpha * dW1
    b1 -= alpha * db1
    W2 -= alpha * dW2
    b2 -= alpha * db2
