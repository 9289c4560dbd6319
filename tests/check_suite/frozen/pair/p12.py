import numpy as np

np.random.seed(36)
n = 3
params = {"W1": np.random.randn(4, 2), "b1": np.zeros((4, 1)), "W2": np.random.randn(3, 4), "b2": np.zeros((3, 1))}
data = (np.random.randn(2, n), np.random.rand(3, n))
sigmoid = lambda z: 1 / (1 + np.exp(-z))

def loss(params, X, Y):
    A1 = sigmoid(params["W1"] @ X + params["b1"])
    A2 = sigmoid(params["W2"] @ A1 + params["b2"])
    return 0.5 * np.sum((A2 - Y) ** 2) / n

def grads(params, X, Y):
    A1 = sigmoid(params["W1"] @ X + params["b1"])
    A2 = sigmoid(params["W2"] @ A1 + params["b2"])
    dZ2 = (A2 - Y) / n * A2 * (1 - A2)
    db2 = dZ2.sum(axis=0)[:, None]
    dA1 = params["W2"].T @ dZ2
    dZ1 = dA1
    return {"W1": dZ1 @ X.T, "b1": dZ1.sum(axis=1)[:, None], "W2": dZ2 @ A1.T, "b2": db2}
