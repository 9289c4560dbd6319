import numpy as np

data = 'banana bandana '
vocab = sorted(set(data))


def encode(s):
    return [vocab.index(ch) for ch in s]


class CharRNN:
    def __init__(self, n_hidden, n_vocab, seed=0):
        r = np.random.RandomState(seed)
        self.U = r.randn(n_hidden, n_vocab) * 0.3   # input to hidden
        self.W = r.randn(n_hidden, n_hidden) * 0.3  # hidden to hidden
        self.V = r.randn(n_vocab, n_hidden) * 0.3   # hidden to output
        self.b = np.zeros((n_hidden, 1))
        self.c = np.zeros((n_vocab, 1))
        self.memory = {name: np.zeros_like(getattr(self, name)) for name in 'UWVbc'}

    def forward(self, inputs, targets, h):
        self.x, self.h, self.p = [], [h], []
        loss = 0.0
        for i, target in zip(inputs, targets):
            x = np.zeros((self.U.shape[1], 1))
            x[i] = 1.0
            h = np.tanh(self.U @ x + self.W @ h + self.b)
            o = self.V @ h + self.c
            p = np.exp(o - o.max())
            p /= p.sum()
            loss += -np.log(p[target, 0])
            self.x.append(x)
            self.h.append(h)
            self.p.append(p)
        return loss

    def backward(self, targets):
        grads = {name: np.zeros_like(getattr(self, name)) for name in 'UWVbc'}
        dh_later = np.zeros_like(self.h[0])
        for t in range(len(targets) - 1, -1, -1):
            do = self.p[t].copy()
            do[targets[t]] -= 1.0
            grads['V'] += do @ self.h[t + 1].T
            grads['c'] += do
            da = (self.V.T @ do + dh_later) * (1 - self.h[t + 1] ** 2)
            grads['U'] += da @ self.x[t].T
            grads['W'] += da @ self.h[t].T
            grads['b'] += da
            dh_later = self.W @ da
        return grads

    def step(self, grads, lr):
        for name, g in grads.items():
            self.memory[name] += g * g
            setattr(self, name, getattr(self, name) - lr * g / np.sqrt(self.memory[name] + 1e-8))


rnn = CharRNN(5, len(vocab))
h = np.zeros((5, 1))
position = 0
for iteration in range(30):
    if position + 6 > len(data):
        position, h = 0, np.zeros((5, 1))
    inputs = encode(data[position : position + 5])
    targets = encode(data[position + 1 : position + 6])
    loss = rnn.forward(inputs, targets, h)
    rnn.step(rnn.backward(targets), lr=0.1)
    h = rnn.h[-1]
    position += 5
    if iteration % 10 == 0:
        print('iteration', iteration, 'loss', loss)
