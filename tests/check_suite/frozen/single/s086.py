import numpy as np

np.random.seed(1)
x = np.random.randn(4, 3)
y = np.array([[1, 1, 0]])
data = (x, y)
params = {
    "W1": np.random.randn(5, 4),
    "b1": np.random.randn(5, 1),
    "W2": np.random.randn(3, 5),
    "b2": np.random.randn(3, 1),
    "W3": np.random.randn(1, 3),
    "b3": np.random.randn(1, 1),
}


def forward(p, x):
    z1 = p["W1"] @ x + p["b1"]
    a1 = np.maximum(z1, 0)
    z2 = p["W2"] @ a1 + p["b2"]
    a2 = np.maximum(z2, 0)
    z3 = p["W3"] @ a2 + p["b3"]
    return z1, a1, z2, a2, 1 / (1 + np.exp(-z3))


def loss(p, x, y):
    a3 = forward(p, x)[-1]
    return np.mean(-y * np.log(a3) - (1 - y) * np.log(1 - a3))


def grads(p, x, y):
    m = x.shape[1]
    z1, a1, z2, a2, a3 = forward(p, x)
    dz3 = 1.0 / m * (a3 - y)
    dW3 = dz3 @ a2.T
    db3 = np.sum(dz3, axis=1, keepdims=True)
    dz2 = (p["W3"].T @ dz3) * (a2 > 0)
    dW2 = dz2 @ a1.T
    db2 = np.sum(dz2, axis=1, keepdims=True)
    dz1 = (p["W2"].T @ dz2) * (a1 > 0)
    dW1 = dz1 @ x.T
    db1 = 4.0 * np.sum(dz1, axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}
