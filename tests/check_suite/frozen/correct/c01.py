import numpy as np

np.random.seed(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
data = (X, y)
params = {'w1': np.random.uniform(size=(2, 4)), 'w2': np.random.uniform(size=(4, 1))}


def loss(params, X, y):
    output = sigmoid(np.dot(sigmoid(np.dot(X, params['w1'])), params['w2']))
    return 0.5 * np.sum((y - output) ** 2)


def grads(params, X, y):
    layer1_output = sigmoid(np.dot(X, params['w1']))
    output = sigmoid(np.dot(layer1_output, params['w2']))
    error = y - output
    output_delta = error * sigmoid_derivative(output)
    layer1_error = output_delta.dot(params['w2'].T)
    layer1_delta = layer1_error * sigmoid_derivative(layer1_output)
    return {'w1': -X.T.dot(layer1_delta), 'w2': -layer1_output.T.dot(output_delta)}
