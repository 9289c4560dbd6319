import numpy as np

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([[0], [1], [1], [0]])

np.random.seed(1)
weights = [np.random.randn(2, 3), np.random.randn(3, 1)]
biases = [np.random.randn(1, 3), np.random.randn(1, 1)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def predict(X):
    a = X
    for w, b in zip(weights, biases):
        a = sigmoid(a @ w + b)
    return a


def train_step(X, Y, weights, biases, learning_rate):
    activations = [X]
    for w, b in zip(weights, biases):
        activations.append(sigmoid(np.dot(activations[-1], w) + b))
    deltas = [activations[-1] - Y]
    for l in range(2, len(weights) + 1):
        a = activations[-l]
        deltas.append(np.dot(deltas[-1], weights[-l + 1].T) * a * (1 - a))
    deltas.reverse()
    for i in range(len(weights)):
        weights[i] -= learning_rate * np.dot(activations[i].T, deltas[i])
        biases[i] -= learning_rate * np.sum(deltas[i], axis=0, keepdims=True)
    return weights, biases


lr = 0.5
for _ in range(1500):
    weights, biases = train_step(X, Y, weights, biases, lr)

print('Predicted Output:')
print(predict(X))
