import numpy as np

# XOR dataset
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([[0], [1], [1], [0]])

np.random.seed(42)
weights = [np.random.randn(2, 2), np.random.randn(2, 1)]
biases = [np.random.randn(1, 2), np.random.randn(1, 1)]

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def sigmoid_derivative(z):
    return sigmoid(z) * (1 - sigmoid(z))

def squared_error(Y, output):
    return 0.5 * np.sum((output - Y) ** 2)

def forward_propagation(X, weights, biases):
    activations = X
    for w, b in zip(weights, biases):
        activations = sigmoid(np.dot(activations, w) + b)
    return activations

def backward_propagation(X, Y, weights, biases, learning_rate):
    activations = [X]
    zs = []
    for w, b in zip(weights, biases):
        z = np.dot(activations[-1], w) + b
        zs.append(z)
        activations.append(sigmoid(z))

    delta = activations[-1] - Y
    deltas = [delta]
    for l in range(2, len(weights) + 1):
        sp = sigmoid_derivative(zs[-l])
        delta = np.dot(deltas[-1], weights[-l + 1].T) * sp
        deltas.append(delta)
    deltas.reverse()

    for i in range(len(weights)):
        weights[i] -= learning_rate * np.dot(activations[i].T, deltas[i])
        biases[i] -= learning_rate * np.sum(deltas[i], axis=0, keepdims=True)
    return weights, biases

learning_rate = 0.1
for epoch in range(2000):
    weights, biases = backward_propagation(X, Y, weights, biases, learning_rate)
    if epoch % 500 == 0:
        print(epoch, squared_error(Y, forward_propagation(X, weights, biases)))

print("Predicted Output:\n", forward_propagation(X, weights, biases))
