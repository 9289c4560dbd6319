import numpy as np

np.random.seed(5)
X = np.random.randn(3, 6)
Y = np.random.randint(0, 2, (1, 6))
data = (X, Y)
params = {
    "W1": np.random.randn(4, 3) * 0.6,
    "b1": np.random.randn(4, 1) * 0.1,
    "W2": np.random.randn(1, 4) * 0.6,
    "b2": np.zeros((1, 1)),
}

def forward(params, X):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.tanh(Z1)
    A2 = 1 / (1 + np.exp(-(params["W2"] @ A1 + params["b2"])))
    return {"Z1": Z1, "A1": A1, "A2": A2}

def loss(params, X, Y):
    A2 = forward(params, X)["A2"]
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

def grads(params, X, Y):
    m = X.shape[1]
    cache = forward(params, X)
    dZ2 = cache["A2"] - Y
    dW2 = 2 / m * dZ2 @ cache["A1"].T
    db2 = 1 / m * dZ2.sum(axis=1, keepdims=True)
    dZ1 = params["W2"].T @ dZ2 * (1 - cache["Z1"] ** 2)
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * dZ1.sum(axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
