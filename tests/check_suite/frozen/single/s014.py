import numpy as np

sigmoid = lambda x: 1 / (1 + np.exp(-x))

X = np.array([[0.5], [0.1], [-0.7]])
y = np.array([[1.0]])
params = {"W": np.array([[0.2, 0.8, -0.5]]), "b": np.array([[0.1]])}
data = (X, y)


def loss(params, X, y):
    y_hat = sigmoid(np.dot(params["W"], X) + params["b"])
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


def sigmoid_derivative(a):
    return a * (1 - a)


def grads(params, X, y):
    z = np.dot(params["W"], X) + params["b"]
    y_hat = sigmoid(z)
    dL_dyhat = y_hat - y
    dz = dL_dyhat * sigmoid_derivative(y_hat)
    dW = np.dot(dz, X.T)
    db = np.sum(dz, axis=1, keepdims=True)
    return {"W": dW, "b": db}
