import numpy as np

np.random.seed(7)

layers = [4, 5, 3, 1]
params = {}
for l in range(1, 4):
    params[f"W{l}"] = np.random.randn(layers[l], layers[l - 1]) * np.sqrt(2 / layers[l - 1])
    params[f"b{l}"] = np.random.randn(layers[l], 1) * 0.1

X = np.random.randn(4, 6)
Y = np.array([[1, 1, 0, 0, 1, 0]])
data = (X, Y)


def relu(z):
    return np.maximum(0, z)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(params, X):
    Z1 = np.dot(params["W1"], X) + params["b1"]
    A1 = relu(Z1)
    Z2 = np.dot(params["W2"], A1) + params["b2"]
    A2 = relu(Z2)
    Z3 = np.dot(params["W3"], A2) + params["b3"]
    A3 = sigmoid(Z3)
    return A1, A2, A3


def loss(params, X, Y):
    m = X.shape[1]
    A3 = forward(params, X)[-1]
    return 1.0 / m * np.sum(-np.log(A3) * Y - np.log(1 - A3) * (1 - Y))


def grads(params, X, Y):
    m = X.shape[1]
    A1, A2, A3 = forward(params, X)
    g = {}

    dZ3 = A3 - Y
    g["W3"] = 1.0 / m * np.dot(dZ3, A2.T)
    g["b3"] = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)

    dA2 = np.dot(params["W3"].T, dZ3)
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    g["W2"] = 1.0 / m * np.dot(dZ2, A1.T) * 2
    g["b2"] = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)

    dA1 = np.dot(params["W2"].T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    g["W1"] = 1.0 / m * np.dot(dZ1, X.T)
    g["b1"] = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    return g
