import numpy as np

rng = np.random.default_rng(288)


class BatchNorm:
    def __init__(self, gamma, beta, eps=1e-5):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward(self, x):
        self.mu = x.mean(axis=0)
        self.std = np.sqrt(x.var(axis=0) + self.eps)
        self.xhat = (x - self.mu) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma = np.sum(dout * self.xhat, axis=0)
        self.dbeta = np.sum(dout, axis=0)
        dxhat = dout
        return (dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0)) / self.std


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


X = rng.normal(size=(8, 3))
y = rng.integers(0, 2, size=8).astype(float)
data = (X, y)
params = {
    "W": rng.normal(size=(3, 4)),
    "gamma": rng.uniform(0.5, 2.0, 4),
    "beta": rng.normal(size=4) * 0.2,
    "v": rng.normal(size=4),
}


def forward(params, X):
    bn = BatchNorm(params["gamma"], params["beta"])
    a = np.tanh(bn.forward(X @ params["W"]))
    return bn, a, sigmoid(a @ params["v"])


def loss(params, X, y):
    _, _, p = forward(params, X)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def grads(params, X, y):
    bn, a, p = forward(params, X)
    dz = (p - y) / len(y)
    dv = a.T @ dz
    da = np.outer(dz, params["v"])
    dx = bn.backward(da * (1 - a**2))
    return {"W": X.T @ dx, "gamma": bn.dgamma, "beta": bn.dbeta, "v": dv}
