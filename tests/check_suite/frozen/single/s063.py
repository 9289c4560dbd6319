import numpy as np

np.random.seed(322)
dims = (3, 4, 1)
params = {
    "W1": np.random.randn(4, 3) * 0.8,
    "b1": np.zeros((4, 1)),
    "W2": np.random.randn(1, 4) * 0.8,
    "b2": np.zeros((1, 1)),
}
X = np.random.randn(3, 6)
Y = np.array([[0, 1, 1, 0, 1, 0]])
data = (X, Y)


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z


def sigmoid_backward(dA, Z):
    s = 1 / (1 + np.exp(-Z))
    return dA * s * (1 - s)


def linear_activation_forward(A_prev, W, b, activation):
    Z = W @ A_prev + b
    A = np.maximum(0, Z) if activation == "relu" else sigmoid(Z)[0]
    return A, (A_prev, Z)


def loss(params, X, Y):
    A1, _ = linear_activation_forward(X, params["W1"], params["b1"], "relu")
    AL, _ = linear_activation_forward(A1, params["W2"], params["b2"], "sigmoid")
    return np.squeeze(-np.mean(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)))


def grads(params, X, Y):
    m = X.shape[1]
    A1, (_, Z1) = linear_activation_forward(X, params["W1"], params["b1"], "relu")
    AL, (_, Z2) = linear_activation_forward(A1, params["W2"], params["b2"], "sigmoid")
    dAL = AL - Y
    dZ2 = sigmoid_backward(dAL, Z2)
    dA1 = params["W2"].T @ dZ2
    dZ1 = np.array(dA1, copy=True)
    dZ1[Z1 <= 0] = 0
    return {
        "W1": dZ1 @ X.T / m,
        "b1": dZ1.sum(axis=1, keepdims=True) / m,
        "W2": dZ2 @ A1.T / m,
        "b2": dZ2.sum(axis=1, keepdims=True) / m,
    }
