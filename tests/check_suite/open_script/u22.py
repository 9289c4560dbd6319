import numpy as np


class MeanAndSpread:
    """One hidden layer; one output is the mean, the other the log of the variance."""

    def __init__(self, hidden, seed):
        g = np.random.default_rng(seed)
        self.W, self.b = g.normal(size=(1, hidden)), g.normal(size=hidden)
        self.Wm = g.normal(size=(hidden, 1)) * 0.3
        self.Ws = g.normal(size=(hidden, 1)) * 0.3

    def nll(self, x, y):
        self.x, self.y = x, y
        self.h = np.tanh(x @ self.W + self.b)
        self.mean = self.h @ self.Wm
        self.logvar = self.h @ self.Ws
        return np.mean(0.5 * self.logvar + 0.5 * (y - self.mean) ** 2 * np.exp(-self.logvar))

    def descend(self, lr):
        n = len(self.y)
        precision = np.exp(-self.logvar)
        d_mean = (self.mean - self.y) * precision / n
        d_logvar = -0.5 * (self.y - self.mean) ** 2 * precision / n
        dh = d_mean @ self.Wm.T + d_logvar @ self.Ws.T
        dz = dh * (1 - self.h**2)
        self.Wm -= lr * self.h.T @ d_mean
        self.Ws -= lr * self.h.T @ d_logvar
        self.W -= lr * self.x.T @ dz
        self.b -= lr * dz.sum(axis=0)


rng = np.random.default_rng(50)
x = np.linspace(0, 2, 30)[:, None]
y = x + (0.05 + 0.3 * x) * rng.normal(size=x.shape)
net = MeanAndSpread(6, seed=1)

for epoch in range(80):
    loss = net.nll(x, y)
    net.descend(0.05)
    if epoch % 20 == 0:
        print("epoch", epoch, "nll", loss)
