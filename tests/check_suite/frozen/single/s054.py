import numpy as np

np.random.seed(95)
X = np.random.randn(2, 6)
Y = np.random.randint(0, 2, (1, 6))
data = (X, Y)
params = {
    "W1": np.random.randn(4, 2),
    "b1": np.random.randn(4, 1) * 0.01,
    "W2": np.random.randn(1, 4),
    "b2": np.zeros((1, 1)),
}


def forward(X, params):
    Z1 = np.dot(params["W1"], X) + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(params["W2"], A1) + params["b2"]
    return A1, 1 / (1 + np.exp(-Z2))


def loss(params, X, Y):
    _, A2 = forward(X, params)
    return -(np.log(A2) * Y + np.log(1 - A2) * (1 - Y)).sum() / Y.shape[1]


def grads(params, X, Y):
    m = X.shape[1]
    W2 = params["W2"]
    A1, A2 = forward(X, params)
    dZ2 = A2 - Y
    dW2 = (1 / m) * np.dot(dZ2, A1.T)
    db2 = (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.multiply(np.dot(dW2.T, dZ2), 1 - np.power(A1, 2))
    dW1 = (1 / m) * np.dot(dZ1, X.T)
    db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
