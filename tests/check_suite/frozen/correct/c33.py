import numpy as np

np.random.seed(18)
X = np.random.randn(7, 2)
y = np.random.rand(7, 1)
data = (X, y)
params = {"theta1": np.random.randn(3, 4), "theta2": np.random.randn(5, 1)}


def with_ones(A):
    return np.c_[np.ones(len(A)), A]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, y):
    hidden = sigmoid(with_ones(X) @ params["theta1"])
    return np.mean((sigmoid(with_ones(hidden) @ params["theta2"]) - y) ** 2)


def grads(params, X, y):
    a1 = with_ones(X)
    hidden = sigmoid(a1 @ params["theta1"])
    a2 = with_ones(hidden)
    h = sigmoid(a2 @ params["theta2"])
    delta3 = 2 / len(X) * (h - y) * h * (1 - h)
    delta2 = (delta3 @ params["theta2"].T)[:, 1:] * hidden * (1 - hidden)
    return {"theta1": a1.T @ delta2, "theta2": a2.T @ delta3}
