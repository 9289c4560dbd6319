import numpy as np

X = np.array([[0, 0, 1, 1],
              [0, 1, 0, 1]])
Y = np.array([[0, 1, 1, 0]])

np.random.seed(10)
W1 = np.random.randn(3, 2)
b1 = np.zeros((3, 1))
W2 = np.random.randn(1, 3)
b2 = np.zeros((1, 1))
lr = 0.8


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


for epoch in range(400):
    A1 = sigmoid(W1 @ X + b1)
    A2 = sigmoid(W2 @ A1 + b2)
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / 4

    dZ2 = (A2 - Y) / 4
    dW2 = dZ2 @ A1.T
    db2 = dZ2
    dZ1 = W2.T @ dZ2 * A1 * (1 - A1)
    dW1 = dZ1 @ X.T
    db1 = dZ1.sum(axis=1, keepdims=True)

    W1 = W1 - lr * dW1
    b1 = b1 - lr * db1
    W2 = W2 - lr * dW2
    b2 = b2 - lr * db2
    if epoch % 100 == 0:
        print(epoch, 'cost', cost)

print(np.round(A2, 2))
