import numpy as np

np.random.seed(3)
m = 20
X = np.random.randn(2, m)
Y = (np.sum(X**2, axis=0, keepdims=True) > 1.5).astype(float)
n_h, keep_prob = 6, 0.5

W1 = np.random.randn(n_h, 2)
b1 = np.zeros((n_h, 1))
W2 = np.random.randn(1, n_h)
b2 = np.zeros((1, 1))

# the same mask in every iteration, so that runs can be compared
D1 = (np.random.rand(n_h, m) < keep_prob) / keep_prob


def forward(X, D):
    A1 = np.tanh(np.dot(W1, X) + b1)
    A1_drop = A1 * D
    A2 = 1 / (1 + np.exp(-(np.dot(W2, A1_drop) + b2)))
    return A1, A1_drop, A2


def compute_cost(A2, Y):
    return -np.sum(np.multiply(Y, np.log(A2)) + np.multiply(1 - Y, np.log(1 - A2))) / m


def backward(A1, A1_drop, A2):
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1_drop.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, 1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return dW1, db1, dW2, db2


for i in range(100):
    A1, A1_drop, A2 = forward(X, D1)
    cost = compute_cost(A2, Y)
    dW1, db1, dW2, db2 = backward(A1, A1_drop, A2)
    W1 = W1 - 0.5 * dW1
    b1 = b1 - 0.5 * db1
    W2 = W2 - 0.5 * dW2
    b2 = b2 - 0.5 * db2
    if i % 25 == 0:
        print('Cost after iteration %i: %f' % (i, cost))
