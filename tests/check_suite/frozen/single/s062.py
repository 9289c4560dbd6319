import numpy as np

class Softmax:
    def __call__(self, z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        self.out = e / e.sum(axis=-1, keepdims=True)
        return self.out

    def grad(self, upstream):
        return upstream * self.out * (1.0 - self.out)

class CrossEntropy:
    def __call__(self, p, y):
        return -np.sum(y * np.log(p)) / len(y)

    def grad(self, p, y):
        return -(y / p) / len(y)

rng = np.random.default_rng(1)
params = {
    "W1": rng.normal(size=(3, 6)) * 0.7,
    "b1": rng.normal(size=6) * 0.1,
    "W2": rng.normal(size=(6, 4)) * 0.7,
    "b2": rng.normal(size=4) * 0.1,
}
X = rng.normal(size=(6, 3))
Y = np.eye(4)[[0, 3, 2, 1, 1, 0]]
data = (X, Y)

def loss(params, X, Y):
    h = np.maximum(X @ params["W1"] + params["b1"], 0)
    return CrossEntropy()(Softmax()(h @ params["W2"] + params["b2"]), Y)

def grads(params, X, Y):
    softmax, ce = Softmax(), CrossEntropy()
    pre = X @ params["W1"] + params["b1"]
    h = np.maximum(pre, 0)
    p = softmax(h @ params["W2"] + params["b2"])
    dz = softmax.grad(ce.grad(p, Y))
    dpre = (dz @ params["W2"].T) * (pre > 0)
    return {
        "W1": X.T @ dpre,
        "b1": dpre.sum(axis=0),
        "W2": h.T @ dz,
        "b2": dz.sum(axis=0),
    }
