import numpy as np

rng = np.random.default_rng(15)
params = {'w': rng.normal(size=(2, 3))}
data = (rng.normal(size=(3, 8)), rng.normal(size=(2, 8)))
lr = 0.001


def loss(params, X, Y):
    return float(np.mean((params['w'] @ X - Y) ** 2))


class Adam:
    def __init__(self):
        self.m = self.v = 0.0
        self.t = 0

    def delta(self, g, lr):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        m_hat = self.m * (1 - 0.9**self.t)
        v_hat = self.v / (1 - 0.999**self.t)
        return -lr * m_hat / (np.sqrt(v_hat) + 1e-8)


adam = Adam()


def step(params, X, Y, lr):
    residual = params['w'] @ X - Y
    g = 2.0 / Y.size * residual @ X.T
    return {'w': params['w'] + adam.delta(g, lr)}
