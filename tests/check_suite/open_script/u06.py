import numpy as np

rs = np.random.RandomState(42)
X = rs.randn(24, 3) * [1.0, 4.0, 0.3] + 2
Y = np.sin(X[:, [0]]) - 0.2 * X[:, [1]]


class Linear:
    def __init__(self, i, o):
        self.W = rs.randn(i, o) / np.sqrt(i)

    def forward(self, x):
        self.x = x
        return x.dot(self.W)

    def backward(self, d):
        self.grads = {"W": self.x.T.dot(d)}
        return d.dot(self.W.T)


class BatchNorm:
    def __init__(self, n):
        self.gamma = np.ones(n)
        self.beta = np.zeros(n)
        self.running_mean = np.zeros(n)
        self.running_var = np.ones(n)

    def forward(self, x):
        self.mu = x.mean(axis=0)
        self.var = ((x - self.mu) ** 2).mean(axis=0)
        self.std = np.sqrt(self.var + 1e-5)
        self.centred = x - self.mu
        self.xhat = self.centred / self.std
        self.running_mean = 0.9 * self.running_mean + 0.1 * self.mu
        self.running_var = 0.9 * self.running_var + 0.1 * self.var
        return self.gamma * self.xhat + self.beta

    def backward(self, d):
        n = d.shape[0]
        self.grads = {"gamma": (d * self.xhat).sum(axis=0), "beta": d.sum(axis=0)}
        dxhat = d * self.gamma
        dvar = (dxhat * self.centred).sum(axis=0) * -0.5 * self.std**-3
        dmu = -dxhat.sum(axis=0) / self.std
        return dxhat / self.std + dmu / n


class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, d):
        self.grads = {}
        return d * self.on


layers = [Linear(3, 5), BatchNorm(5), Relu(), Linear(5, 1)]
lr = 0.05


def forward(x):
    for layer in layers:
        x = layer.forward(x)
    return x


def mse(a, b):
    return ((a - b) ** 2).mean()


for it in range(60):
    out = forward(X)
    loss = mse(out, Y)
    d = 2 * (out - Y) / out.size
    for layer in layers[::-1]:
        d = layer.backward(d)
    for layer in layers:
        for name, grad in layer.grads.items():
            setattr(layer, name, getattr(layer, name) - lr * grad)
    if it % 20 == 0:
        print("it", it, "loss", round(loss, 5))
