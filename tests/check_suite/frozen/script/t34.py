import numpy as np

rng = np.random.RandomState(11)
samples = rng.rand(30, 3)
targets = np.stack([samples.mean(axis=1), samples.max(axis=1)], axis=1)
w1, b1 = rng.randn(4, 3), rng.randn(4)
w2, b2 = rng.randn(2, 4), rng.randn(2)
eta = 0.5


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-v))


for epoch in range(20):
    rng_order = rng.permutation(len(samples))
    squared = 0.0
    for i in rng_order:
        x, t = samples[i], targets[i]
        hidden = sigmoid(w1 @ x + b1)
        out = sigmoid(w2 @ hidden + b2)
        squared += 0.5 * np.sum((out - t) ** 2)

        delta_out = (out - t) * out * (1 - out)
        delta_hidden = w2.T @ delta_out

        w2 -= eta * np.outer(delta_out, hidden)
        b2 -= eta * delta_out
        w1 -= eta * np.outer(delta_hidden, x)
        b1 -= eta * delta_hidden
    if epoch % 5 == 0:
        print(epoch, squared / len(samples))
