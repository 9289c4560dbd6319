import numpy as np


class MLP:
    """Two layers; every column is a sample."""

    def __init__(self, params):
        self.params = params

    def forward(self, X):
        p = self.params
        self.X = X
        self.z1 = p["W1"] @ X + p["b1"]
        self.a1 = np.maximum(self.z1, 0)
        z2 = p["W2"] @ self.a1 + p["b2"]
        e = np.exp(z2 - z2.max(axis=0))
        self.probs = e / e.sum(axis=0)
        return self.probs

    def loss(self, y):
        return -np.log(self.probs[y, np.arange(len(y))]).mean()

    def backward(self, y):
        m = len(y)
        delta2 = self.probs.copy()
        delta2[y, np.arange(m)] -= 1
        delta2 /= m
        delta1 = (self.params["W2"].T @ delta2) * (self.z1 > 0)
        return {
            "W2": delta2 @ self.a1.T,
            "b2": delta2.sum(axis=1, keepdims=True),
            "W1": delta1 @ self.X.T,
            "b1": delta1,
        }


rng = np.random.default_rng(66)
params = {"W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=(4, 1)), "W2": rng.normal(size=(3, 4)), "b2": rng.normal(size=(3, 1))}
data = (rng.normal(size=(3, 5)), rng.integers(0, 3, 5))


def loss(params, X, y):
    net = MLP(params)
    net.forward(X)
    return net.loss(y)


def grads(params, X, y):
    net = MLP(params)
    net.forward(X)
    return net.backward(y)
