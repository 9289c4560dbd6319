import numpy as np


# Activation function and its derivative
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


# Loss function and its derivative
def cross_entropy_loss(y, y_hat):
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


def cross_entropy_loss_derivative(y, y_hat):
    return y_hat - y


def forward_propagation(X, weights, biases):
    z1 = np.dot(weights['w1'], X) + biases['b1']
    a1 = sigmoid(z1)
    z2 = np.dot(weights['w2'], a1) + biases['b2']
    output = sigmoid(z2)
    return z1, a1, z2, output


def backward_propagation(X, y, weights, biases, z1, a1, z2, output, learning_rate):
    dL_dy_hat = cross_entropy_loss_derivative(y, output)

    # Output layer
    dz2 = dL_dy_hat * sigmoid_derivative(output)
    dw2 = np.dot(dz2, a1.T)
    db2 = np.sum(dz2, axis=1, keepdims=True)

    # Hidden layer
    dz1 = np.dot(weights['w2'].T, dz2) * sigmoid_derivative(a1)
    dw1 = np.dot(dz1, X.T)
    db1 = np.sum(dz1, axis=1, keepdims=True)

    weights['w2'] -= learning_rate * dw2
    biases['b2'] -= learning_rate * db2
    weights['w1'] -= learning_rate * dw1
    biases['b1'] -= learning_rate * db1


X = np.array([[0.5], [0.1]])
y = np.array([[1]])
weights = {'w1': np.array([[0.2, 0.8], [0.5, 0.1]]), 'w2': np.array([[0.4, 0.2]])}
biases = {'b1': np.array([[0.1], [0.2]]), 'b2': np.array([[0.3]])}
learning_rate = 0.1

z1, a1, z2, output = forward_propagation(X, weights, biases)
initial_loss = cross_entropy_loss(y, output)
print('Initial Loss:', initial_loss)

backward_propagation(X, y, weights, biases, z1, a1, z2, output, learning_rate)

_, _, _, updated_output = forward_propagation(X, weights, biases)
print('Updated Loss:', cross_entropy_loss(y, updated_output))
