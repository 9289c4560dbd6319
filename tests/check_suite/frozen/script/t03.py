import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(X, weights, biases):
    activations = [X]
    for w, b in zip(weights, biases):
        activations.append(sigmoid(np.dot(activations[-1], w) + b))
    return activations


def loss(y_true, y_pred):
    return 0.5 * np.sum((y_pred - y_true) ** 2)


def backward(X, Y, weights, biases, learning_rate):
    activations = forward(X, weights, biases)
    output = activations[-1]
    delta2 = (output - Y) * output * (1 - output)
    delta1 = np.dot(delta2, weights[1].T) * activations[1] * (1 - activations[1])
    deltas = [delta1, delta2]
    for i in range(len(weights)):
        weights[i] -= learning_rate * np.dot(activations[i].T, deltas[i])
        biases[i] -= learning_rate * np.sum(deltas[i], axis=0, keepdims=True)
    return weights, biases


# Example usage
X = np.array([[0.5, 0.1]])
Y = np.array([[1]])
weights = [np.array([[0.2, 0.8], [0.5, 0.3]]), np.array([[0.7], [0.9]])]
biases = [np.array([0.1, 0.2]), np.array([0.3])]
learning_rate = 0.1

print("Loss before:", loss(Y, forward(X, weights, biases)[-1]))
weights, biases = backward(X, Y, weights, biases, learning_rate)
print("Updated Weights:", weights)
print("Updated Biases:", biases)
