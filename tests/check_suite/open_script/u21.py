import numpy as np

np.random.seed(77)
SIZES = [4, 4, 4, 4, 3]
X = np.random.randn(32, 4)
T = np.eye(3)[np.argmax(X[:, :3] * X[:, 1:], axis=1)]

Ws = [np.random.randn(i, o) * np.sqrt(1.0 / i) for i, o in zip(SIZES[:-1], SIZES[1:])]
bs = [np.zeros((1, o)) for o in SIZES[1:]]


def forward(Ws, bs, x):
    acts = [x]
    for n, (W, b) in enumerate(zip(Ws, bs)):
        z = acts[-1] @ W + b
        if n < len(Ws) - 1:
            acts.append(np.tanh(z))
        else:
            e = np.exp(z - z.max(1, keepdims=True))
            acts.append(e / e.sum(1, keepdims=True))
    return acts


def loss_of(p, t):
    return -(t * np.log(p + 1e-12)).sum() / len(t)


def backward(Ws, acts, t):
    gW, gb = [None] * len(Ws), [None] * len(Ws)
    delta = (acts[-1] - t) / len(t)
    for n in range(len(Ws) - 1, -1, -1):
        gW[n] = acts[n].T @ delta
        gb[n] = delta.sum(0, keepdims=True)
        if n > 0:
            delta = (delta @ Ws[n].T) * (1 - acts[n - 1] ** 2)
    return gW, gb


class Adam:
    def __init__(self, arrays, lr=0.01, beta1=0.9, beta2=0.999):
        self.arrays, self.lr, self.beta1, self.beta2 = arrays, lr, beta1, beta2
        self.m = [np.zeros_like(a) for a in arrays]
        self.v = [np.zeros_like(a) for a in arrays]
        self.t = 0

    def step(self, grads):
        self.t += 1
        for a, g, m, v in zip(self.arrays, grads, self.m, self.v):
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2
            v += (1 - self.beta2) * g**2
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            a -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


adam = Adam(Ws + bs)
for epoch in range(8):
    order = np.random.permutation(len(X))
    for s in range(0, len(X), 8):
        rows = order[s:s + 8]
        acts = forward(Ws, bs, X[rows])
        loss = loss_of(acts[-1], T[rows])
        gW, gb = backward(Ws, acts, T[rows])
        adam.step(gW + gb)
    print('epoch', epoch, 'loss', loss)
