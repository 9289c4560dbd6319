import numpy as np
from abc import ABC, abstractmethod


class Layer(ABC):
    @abstractmethod
    def forward(self, x): ...

    @abstractmethod
    def backward(self, grad): ...

    def update(self, lr):
        pass


class Affine(Layer):
    def __init__(self, fan_in, fan_out, rng):
        self.w = rng.standard_normal((fan_in, fan_out)) * 0.8
        self.b = np.zeros((1, fan_out))

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.dw = self.x.T @ grad
        self.db = grad.sum(axis=0, keepdims=True)
        return grad @ self.w.T

    def update(self, lr):
        self.w -= lr * self.dw
        self.b -= lr * self.db


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1.0 - self.y * self.y)


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, grad):
        return grad * self.p * (1.0 - self.p)


class SquaredError:
    def value(self, p, t):
        return ((p - t) ** 2).sum() / len(t)

    def slope(self, p, t):
        return 2.0 * (p - t) / len(t)


rng = np.random.default_rng(8)
X = rng.standard_normal((18, 2))
T = np.eye(3)[(np.arctan2(X[:, 1], X[:, 0]) // 2.1).astype(int) + 1]
model = [Affine(2, 5, rng), Tanh(), Affine(5, 3, rng), Softmax()]
criterion = SquaredError()

for epoch in range(80):
    out = X
    for layer in model:
        out = layer.forward(out)
    loss = criterion.value(out, T)
    grad = criterion.slope(out, T)
    for layer in reversed(model):
        grad = layer.backward(grad)
    for layer in model:
        layer.update(0.5)
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss)
