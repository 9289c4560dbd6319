import numpy as np

np.random.seed(402)
X = np.random.randn(2, 4)
Y = np.random.randn(1, 4)
data = (X, Y)
params = {"W1": np.random.randn(4, 2), "b1": np.zeros((4, 1)),
          "W2": np.random.randn(1, 4), "b2": np.zeros((1, 1))}


def loss(params, X, Y):
    A1 = np.tanh(params["W1"].dot(X) + params["b1"])
    out = params["W2"].dot(A1) + params["b2"]
    return np.mean((out - Y) ** 2)


def grads(params, X, Y):
    m = X.shape[1]
    A1 = np.tanh(params["W1"].dot(X) + params["b1"])
    out = params["W2"].dot(A1) + params["b2"]
    dZ2 = 2 * (out - Y) / m
    dW2 = dZ2.dot(A1.T)
    db2 = dZ2.sum(axis=1, keepdims=True)
    dZ1 = np.dot(params["W2"].T.dot(dZ2), 1 - np.power(A1, 2))
    dW1 = dZ1.dot(X.T)
    db1 = dZ1.sum(axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
