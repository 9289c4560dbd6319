import numpy as np

np.random.seed(6)


class Linear:
    def __init__(self, n_in, n_out):
        self.weight = np.random.uniform(-1, 1, (n_in, n_out)) / np.sqrt(n_in)
        self.bias = np.zeros(n_out)
        self.weight_grad = np.zeros_like(self.weight)
        self.bias_grad = np.zeros_like(self.bias)

    def __call__(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dy):
        self.weight_grad += self.x.T @ dy
        self.bias_grad += dy.sum(axis=0)
        return dy @ self.weight.T

    def step(self, lr):
        self.weight -= lr * self.weight_grad
        self.bias -= lr * self.bias_grad


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (self.x > 0)

    def step(self, lr):
        pass


class Net:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)

    def step(self, lr):
        for layer in self.layers:
            layer.step(lr)


def train_batch(net, xb, yb, lr):
    out = net(xb)
    loss = np.mean((out - yb) ** 2)
    net.backward(2 * (out - yb) / out.size)
    net.step(lr)
    return loss


X = np.random.randn(24, 3)
Y = np.abs(X).sum(axis=1, keepdims=True)
net = Net(Linear(3, 6), ReLU(), Linear(6, 1))

for epoch in range(5):
    losses = [train_batch(net, X[i:i + 6], Y[i:i + 6], 0.05) for i in range(0, len(X), 6)]
    print("epoch", epoch, "loss", sum(losses) / len(losses))
