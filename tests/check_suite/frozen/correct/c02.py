import numpy as np

np.random.seed(2)
X = np.random.randn(2, 9)
Y = (X[:1] ** 2 + X[1:] ** 2 > 1).astype(int)
data = (X, Y)
params = {
    "W1": np.random.randn(4, 2) * 0.5,
    "b1": np.zeros((4, 1)),
    "W2": np.random.randn(1, 4) * 0.5,
    "b2": np.zeros((1, 1)),
}

def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, {"A1": A1, "A2": A2}

def loss(parameters, X, Y):
    A2, _ = forward_propagation(X, parameters)
    m = Y.shape[1]
    logprobs = np.log(A2) * Y + (1 - Y) * np.log(1 - A2)
    return float(np.squeeze(-np.sum(logprobs) / m))

def grads(parameters, X, Y):
    m = X.shape[1]
    _, cache = forward_propagation(X, parameters)
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(parameters["W2"].T, dZ2) * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
