import numpy as np

rng = np.random.RandomState(0)
X = rng.rand(30, 6)
W = rng.randn(6, 3) * 0.3
b = np.zeros(3)
c = np.zeros(6)
lr = 0.5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


history = []
for epoch in range(150):
    hidden = sigmoid(X @ W + b)
    reconstruction = hidden @ W.T + c
    difference = reconstruction - X
    history.append(np.mean(difference**2))

    d_rec = 2 * difference / X.size
    d_hidden = d_rec @ W * hidden * (1 - hidden)
    grads = {}
    grads['W'] = d_rec.T @ hidden
    grads['W'] = X.T @ d_hidden
    grads['b'] = d_hidden.sum(axis=0)
    grads['c'] = d_rec.sum(axis=0)

    W -= lr * grads['W']
    b -= lr * grads['b']
    c -= lr * grads['c']

print('first', history[0], 'last', history[-1])
