import numpy as np

np.random.seed(90)
m = 3
params = {
    'W1': np.random.randn(4, 2) * 0.8,
    'b1': np.zeros((4, 1)),
    'W2': np.random.randn(3, 4) * 0.8,
    'b2': np.zeros((3, 1)),
}
X = np.random.randn(2, m)
Y = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]])
data = (X, Y)


def fwd(params, X):
    A1 = np.tanh(params['W1'] @ X + params['b1'])
    A2 = 1 / (1 + np.exp(-(params['W2'] @ A1 + params['b2'])))
    return A1, A2


def loss(params, X, Y):
    _, A2 = fwd(params, X)
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1]


def grads(params, X, Y):
    A1, A2 = fwd(params, X)
    m = X.shape[1]
    dZ2 = (A2 - Y) / m
    dW2 = dZ2 @ A1.T
    db2 = np.sum(dZ2, axis=0).reshape(3, 1)
    dZ1 = (params['W2'].T @ dZ2) * (1 - A1**2)
    dW1 = dZ1 @ X.T
    db1 = np.sum(dZ1, axis=1).reshape(4, 1)
    return {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}
