import numpy as np

np.random.seed(287)
lr = 0.8
params = {
    "W1": np.random.randn(3, 2),
    "b1": np.zeros((3, 1)),
    "W2": np.random.randn(1, 3),
    "b2": np.zeros((1, 1)),
}
X = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
Y = np.array([[0.0, 1.0, 1.0, 0.0]])
data = (X, Y)

def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))

def forward(params, X):
    A1 = sigmoid(params["W1"] @ X + params["b1"])
    return A1, sigmoid(params["W2"] @ A1 + params["b2"])

def loss(params, X, Y):
    A2 = forward(params, X)[1]
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

def step(params, X, Y, lr):
    m = X.shape[1]
    W1, b1, W2, b2 = (params[k] for k in ("W1", "b1", "W2", "b2"))
    A1, A2 = forward(params, X)
    dZ2 = (A2 - Y) / m
    W2 -= lr * dZ2 @ A1.T
    b2 -= lr * dZ2.sum(axis=1, keepdims=True)
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * A1 * (1 - A1)
    W1 -= lr * dZ1 @ X.T
    b1 -= lr * dZ1.sum(axis=1, keepdims=True)
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
