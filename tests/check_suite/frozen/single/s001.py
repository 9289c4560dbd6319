import numpy as np

np.random.seed(1)

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


params = {
    'W1': np.random.randn(2, 3),
    'b1': np.random.randn(1, 3),
    'W2': np.random.randn(3, 1),
    'b2': np.random.randn(1, 1),
}


def forward(params, X):
    z1 = np.dot(X, params['W1']) + params['b1']
    a1 = sigmoid(z1)
    z2 = np.dot(a1, params['W2']) + params['b2']
    a2 = sigmoid(z2)
    return a1, a2


def loss(params, X, y):
    _, a2 = forward(params, X)
    return 0.5 * np.sum((a2 - y) ** 2)


def grads(params, X, y):
    a1, a2 = forward(params, X)
    delta2 = a2 - y
    delta1 = np.dot(delta2, params['W2'].T) * a1 * (1 - a1)
    return {
        'W1': np.dot(X.T, delta1),
        'b1': np.sum(delta1, axis=0, keepdims=True),
        'W2': np.dot(a1.T, delta2),
        'b2': np.sum(delta2, axis=0, keepdims=True),
    }


data = (X, y)
