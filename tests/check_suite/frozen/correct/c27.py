import numpy as np

class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T

class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, 0.0)

    def backward(self, grad):
        return grad * self.mask

class SoftmaxCrossEntropy:
    def forward(self, logits, y):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p, self.y = e / e.sum(axis=1, keepdims=True), y
        return -np.log(self.p[np.arange(len(y)), y]).mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return d / len(self.y)

class Sequential:
    def __init__(self, params):
        self.layers = [Linear(params["W1"], params["b1"]), ReLU(), Linear(params["W2"], params["b2"]), ReLU(), Linear(params["W3"], params["b3"])]
        self.criterion = SoftmaxCrossEntropy()

    def loss(self, X, y):
        for layer in self.layers:
            X = layer.forward(X)
        return self.criterion.forward(X, y)

    def backward(self):
        grad = self.criterion.backward()
        for layer in self.layers[::-1]:
            grad = layer.backward(grad)

rng = np.random.default_rng(14)
params = {}
for i, (a, b) in enumerate([(3, 5), (5, 4), (4, 3)], start=1):
    params[f"W{i}"] = rng.normal(size=(a, b))
    params[f"b{i}"] = rng.normal(size=b) * 0.2
data = (rng.normal(size=(6, 3)), rng.integers(0, 3, 6))

def loss(params, X, y):
    return Sequential(params).loss(X, y)

def grads(params, X, y):
    model = Sequential(params)
    model.loss(X, y)
    model.backward()
    out = {}
    for i, layer in enumerate(model.layers[::2], start=1):
        out[f"W{i}"], out[f"b{i}"] = layer.dW, layer.db
    return out
