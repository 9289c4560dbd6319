import matplotlib.pyplot as plt
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return sigmoid(x) * (1 - sigmoid(x))


x = 0.5
w1, w2 = 0.4, 0.3
b1, b2 = 0.1, 0.2
target = 0.6
learning_rate = 0.1
losses, grad_norms = [], []
num_epochs = 60

for epoch in range(num_epochs):
    # Forward pass
    z1 = w1 * x + b1
    h = sigmoid(z1)
    y = w2 * h + b2
    loss = 0.5 * (y - target) ** 2
    losses.append(loss)

    # Backward pass
    dL_dy = y - target
    dL_dw2 = dL_dy * h
    dL_db2 = dL_dy
    dL_dh = dL_dy * w2
    dL_dz1 = dL_dh * sigmoid_derivative(z1)
    dL_dw1 = dL_dz1 * x
    dL_db1 = dL_dz1
    grad_norms.append(np.sqrt(dL_dw1**2 + dL_db1**2 + dL_dw2**2 + dL_db2**2))

    w1 -= learning_rate * dL_dw1
    b1 -= learning_rate * dL_db1
    w2 -= learning_rate * dL_dw2
    b2 -= learning_rate * dL_db2

    if epoch % 5 == 0:
        print(f"Epoch {epoch}, Loss: {loss:.4f}, Output: {y:.4f}")

plt.figure(figsize=(12, 5))
plt.subplot(1, 2, 1)
plt.plot(range(num_epochs), losses)
plt.title("Loss over Epochs")
plt.subplot(1, 2, 2)
plt.plot(range(num_epochs), grad_norms)
plt.title("Gradient Norm over Epochs")
plt.tight_layout()
plt.show()
