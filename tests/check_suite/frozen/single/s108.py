import numpy as np

np.random.seed(9)
keep_prob = 0.75
X = np.random.randn(3, 6)
Y = np.random.randn(1, 6)
data = (X, Y)
params = {"W1": np.random.randn(4, 3), "W2": np.random.randn(1, 4)}
D1 = np.random.RandomState(1).rand(4, 6) < keep_prob


def forward(params, X):
    T = np.tanh(params["W1"] @ X)
    A1 = T * D1
    A1 = A1 / keep_prob
    return T, A1, params["W2"] @ A1


def loss(params, X, Y):
    return 0.5 * np.mean((forward(params, X)[2] - Y) ** 2)


def grads(params, X, Y):
    m = X.shape[1]
    T, A1, out = forward(params, X)
    dZ2 = (out - Y) / m
    dA1 = params["W2"].T @ dZ2
    dT = dA1 * D1
    dZ1 = dT * (1 - T**2)
    return {"W1": dZ1 @ X.T, "W2": dZ2 @ A1.T}
