import numpy as np

np.random.seed(44)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
data = (X, y)
params = {
    'w1': np.random.uniform(size=(2, 4)),
    'b1': np.random.uniform(size=(1, 4)),
    'w2': np.random.uniform(size=(4, 1)),
    'b2': np.random.uniform(size=(1, 1)),
}


def loss(params, X, y):
    l1 = sigmoid(np.dot(X, params['w1']) + params['b1'])
    l2 = sigmoid(np.dot(l1, params['w2']) + params['b2'])
    return 0.5 * np.sum((y - l2) ** 2)


def grads(params, X, y):
    z1 = np.dot(X, params['w1']) + params['b1']
    l1 = sigmoid(z1)
    z2 = np.dot(l1, params['w2']) + params['b2']
    l2 = sigmoid(z2)

    error = l2 - y
    d2 = error * sigmoid_derivative(z2)
    d1 = d2.dot(params['w2'].T) * sigmoid_derivative(l1)
    return {
        'w1': X.T.dot(d1),
        'b1': d1.sum(axis=0, keepdims=True),
        'w2': l1.T.dot(d2),
        'b2': d2.sum(axis=0, keepdims=True),
    }
