import numpy as np

random = np.random.default_rng(33)


class Conv1d:
    def __init__(self, filters, width):
        self.taps = random.normal(0, 0.5, (filters, width))
        self.offset = np.zeros(filters)

    def forward(self, signal):
        width = self.taps.shape[1]
        self.windows = np.array([signal[i : i + width] for i in range(len(signal) - width + 1)])
        return self.windows @ self.taps.T + self.offset

    def backward(self, d, lr):
        self.taps -= lr * d.T @ self.windows
        self.offset -= lr * d.sum(axis=0)


class ReLU:
    def forward(self, v):
        self.positive = v > 0
        return np.maximum(v, 0)

    def backward(self, d, lr):
        return np.where(self.positive, d, 0)


class MaxPool:
    def forward(self, v):
        self.shape = v.shape
        pairs = v.reshape(v.shape[0] // 2, 2, v.shape[1])
        self.where = pairs.argmax(axis=1)
        return pairs.max(axis=1)

    def backward(self, d, lr):
        out = np.zeros((self.shape[0] // 2, 2, self.shape[1]))
        for i in range(d.shape[0]):
            for f in range(d.shape[1]):
                out[i, self.where[i, f], f] = d[i, f]
        return out.reshape(self.shape)


class Readout:
    def __init__(self, rows, cols):
        self.w = random.normal(0, 0.3, (rows, cols))

    def forward(self, v):
        self.v = v
        return np.sum(self.w * v)

    def backward(self, d, lr):
        back = d * self.w
        self.w = self.w - lr * d * self.v
        return back


stack = [Conv1d(2, 3), ReLU(), MaxPool(), Readout(4, 2)]


def forward(signal):
    for layer in stack:
        signal = layer.forward(signal)
    return signal


def fit(signal, answer, lr):
    guess = forward(signal)
    loss = (guess - answer) ** 2
    d = 2 * (guess - answer)
    for layer in stack[::-1]:
        d = layer.backward(d, lr)
    return loss


signals = random.normal(size=(8, 10))
answers = np.abs(np.diff(signals, axis=1)).mean(axis=1)
for epoch in range(8):
    losses = [fit(s, a, 0.05) for s, a in zip(signals, answers)]
    if epoch % 2 == 0:
        print("epoch", epoch, "mean loss", np.mean(losses))
