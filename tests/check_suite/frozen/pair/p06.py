import numpy as np


class Net:
    def __init__(self, p):
        self.p = p

    def forward(self, X):
        p = self.p
        self.X = X
        self.h = 1 / (1 + np.exp(-(X @ p["W1"] + p["b1"])))
        self.o = 1 / (1 + np.exp(-(self.h @ p["W2"] + p["b2"])))
        return self.o

    def loss(self, y):
        o = self.o
        return -np.mean(np.sum(y * np.log(o) + (1 - y) * np.log(1 - o), axis=1))

    def backward(self, y):
        n = len(y)
        delta = (self.o - y) / n
        delta = delta * self.o * (1 - self.o)
        g = {"W2": self.h.T @ delta, "b2": delta.sum(axis=0)}
        delta = delta @ self.p["W2"]
        delta = delta * self.h * (1 - self.h)
        g["W1"] = self.X.T @ delta
        g["b1"] = delta.sum(axis=0)
        return g


rng = np.random.default_rng(62)
params = {"W1": rng.normal(size=(2, 3)), "b1": rng.normal(size=3), "W2": rng.normal(size=(3, 3)), "b2": rng.normal(size=3)}
data = (rng.normal(size=(4, 2)), rng.integers(0, 2, (4, 3)))


def loss(params, X, y):
    net = Net(params)
    net.forward(X)
    return net.loss(y)


def grads(params, X, y):
    net = Net(params)
    net.forward(X)
    return net.backward(y)
