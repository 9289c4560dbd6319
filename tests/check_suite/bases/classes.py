import numpy as np

rng = np.random.default_rng(18)
params = {
    "one": {"W": rng.normal(size=(3, 5)), "b": rng.normal(size=5) * 0.1},
    "two": {"W": rng.normal(size=(5, 2)), "b": rng.normal(size=2) * 0.1},
}
data = (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))


class Dense:
    def __init__(self, p):
        self.W, self.b = p["W"], p["b"]

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW = self.x.T @ d
        #! wrong-constant-factor | self.dW = 2 * self.x.T @ d
        #= self.dW = np.dot(np.transpose(self.x), d)
        self.db = d.sum(axis=0)
        #! wrong-sign | self.db = -d.sum(axis=0)
        #! mean-twice | self.db = d.mean(axis=0)
        #= self.db = np.sum(d, axis=0)
        return d @ self.W.T


class Sigmoid:
    def forward(self, z):
        self.a = 1 / (1 + np.exp(-z))
        return self.a

    def backward(self, d):
        return d * self.a * (1 - self.a)
        #! missing-activation-derivative | return d
        #! wrong-activation-derivative | return d * (1 - self.a**2)
        #= return d * (self.a - self.a**2)


def run(params, X):
    layers = [Dense(params["one"]), Sigmoid(), Dense(params["two"])]
    for layer in layers:
        X = layer.forward(X)
    return layers, X


def loss(params, X, y):
    return np.mean((run(params, X)[1] - y) ** 2)


def grads(params, X, y):
    layers, out = run(params, X)
    d = 2 * (out - y) / out.size
    #! wrong-constant-factor missing-mean | d = 2 * (out - y) / len(out)
    #! wrong-constant-factor | d = (out - y) / out.size
    #! wrong-sign | d = 2 * (y - out) / out.size
    #! missing-mean | d = 2 * (out - y)
    #= d = (out - y) / (0.5 * out.size)
    for layer in reversed(layers):
        d = layer.backward(d)
    return {
        "one": {"W": layers[0].dW, "b": layers[0].db},
        "two": {"W": layers[2].dW, "b": layers[2].db},
    }
