import numpy as np

np.random.seed(28)
m = 7
params = {
    "W1": np.random.randn(5, 3) * 0.6,
    "b1": np.random.randn(5, 1) * 0.1,
    "W2": np.random.randn(2, 5) * 0.6,
    "b2": np.random.randn(2, 1) * 0.1,
}
X = np.random.randn(3, m)
Y = np.random.uniform(-1, 1, (2, m))
data = (X, Y)


def loss(params, X, Y):
    A1 = np.tanh(params["W1"] @ X + params["b1"])
    out = params["W2"] @ A1 + params["b2"]
    return np.sum((out - Y) ** 2) / (2 * X.shape[1])


def grads(params, X, Y):
    m = X.shape[1]
    A1 = np.tanh(params["W1"] @ X + params["b1"])
    out = params["W2"] @ A1 + params["b2"]
    dZ2 = out - Y
    dW2 = 1 / m * dZ2 @ A1.T
    db2 = 1 / m * np.sum(dZ2) * np.ones((2, 1))
    dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
