import numpy as np

rng = np.random.default_rng(28)
m = 50
Y = rng.integers(0, 3, m)
X = rng.normal(size=(4, m)) + 2 * np.eye(4)[:, Y]

W1 = rng.random((5, 4)) - 0.5
b1 = rng.random((5, 1)) - 0.5
W2 = rng.random((3, 5)) - 0.5
b2 = rng.random((3, 1)) - 0.5

def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2) / sum(np.exp(Z2))
    return Z1, A1, Z2, A2

def get_loss(A2, Y):
    return -np.log(A2[Y, np.arange(Y.size)]).mean()

def one_hot(Y):
    one_hot_Y = np.zeros((Y.size, Y.max() + 1))
    one_hot_Y[np.arange(Y.size), Y] = 1
    return one_hot_Y.T

def backward_prop(Z1, A1, A2, W2, X, Y):
    error = A2 - one_hot(Y)
    dW2 = 1 / m * error.dot(A1.T)
    db2 = 1 / m * np.sum(error)
    dZ1 = W2.T.dot(error) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2

for i in range(100):
    Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
    dW1, db1, dW2, db2 = backward_prop(Z1, A1, A2, W2, X, Y)
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
    W2 = W2 - 0.1 * dW2
    b2 = b2 - 0.1 * db2
    if i % 25 == 0:
        print("Iteration:", i, "Loss:", get_loss(A2, Y), "Accuracy:", np.mean(A2.argmax(0) == Y))
