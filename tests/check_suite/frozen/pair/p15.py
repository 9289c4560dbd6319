import numpy as np

np.random.seed(63071)
X = np.random.randn(2, 5)
Y = np.array([[0, 1, 1, 0, 1]])
data = (X, Y)
params = {"W1": np.random.randn(3, 2), "b1": np.zeros((3, 1)), "W2": np.random.randn(1, 3), "b2": np.zeros((1, 1))}


def forward(p, X):
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    return A1, 1 / (1 + np.exp(-(p["W2"] @ A1 + p["b2"])))


def loss(p, X, Y):
    _, A2 = forward(p, X)
    return -(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)).mean()


def grads(p, X, Y):
    m = X.shape[1]
    A1, A2 = forward(p, X)
    dZ2 = (A2 - Y) / m
    dW2 = dZ2 @ A1.T
    db2 = np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = (dW2.T @ dZ2) * (1 - A1**2)
    dW1 = dZ1 @ X.T
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
