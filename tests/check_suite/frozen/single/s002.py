import numpy as np

rng = np.random.default_rng(3)
n_x, n_h, m = 2, 4, 7

X = rng.normal(size=(n_x, m))
Y = (X[0:1] * X[1:2] > 0).astype(float)
data = (X, Y)

params = {
    "W1": rng.normal(size=(n_h, n_x)) * 0.6,
    "b1": np.zeros((n_h, 1)) + 0.05,
    "W2": rng.normal(size=(1, n_h)) * 0.6,
    "b2": np.zeros((1, 1)),
}

def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = 1.0 / (1.0 + np.exp(-Z2))
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    return A2, cache

def loss(parameters, X, Y):
    m = Y.shape[1]
    A2, _ = forward_propagation(X, parameters)
    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    return -np.sum(logprobs) / m

def grads(parameters, X, Y):
    m = X.shape[1]
    A2, cache = forward_propagation(X, parameters)
    A1 = cache["A1"]

    dZ2 = A2 - Y
    dW2 = 1 / m * np.dot(dZ2, A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = 1 / m * np.dot(parameters["W2"].T, dZ2) * (1 - np.power(A1, 2))
    dW1 = 1 / m * np.dot(dZ1, X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)

    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
