import numpy as np

np.random.seed(4)
m = 30
X = np.random.randn(2, m)
Y = (X[0:1] * X[1:2] > 0).astype(float)

W1 = np.random.randn(5, 2)
b1 = np.zeros((5, 1))
W2 = np.random.randn(1, 5)
b2 = np.zeros((1, 1))
learning_rate = 0.5

for i in range(300):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    W2 = W2 - learning_rate * dW2
    b2 = b2 - learning_rate * db2

    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    W1 = W1 - learning_rate * dW1
    b1 = b1 - learning_rate * db1

    if i % 100 == 0:
        print("Cost after iteration", i, ":", cost)
