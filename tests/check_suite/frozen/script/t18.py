import numpy as np


class Adam:
    def __init__(self, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m, self.v, self.t = {}, {}, 0

    def step(self, params, grads):
        self.t += 1
        for k in params:
            self.m[k] = self.beta1 * self.m.get(k, 0.0) + (1 - self.beta1) * grads[k]
            self.v[k] = self.beta2 * self.v.get(k, 0.0) + (1 - self.beta2) * grads[k] ** 2
            m_hat = self.m[k] / (1 - self.beta1**self.t)
            v_hat = self.v[k] / (1 - self.beta2**self.t)
            params[k] -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


def loss_and_grads(params, X, y):
    N = len(y)
    z1 = X @ params["W1"] + params["b1"]
    a1 = np.maximum(z1, 0)
    scores = a1 @ params["W2"] + params["b2"]
    scores = scores - scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(probs[np.arange(N), y]))
    d = probs
    d[np.arange(N), y] -= 1
    d /= N
    d1 = (d @ params["W2"].T) * (z1 > 0)
    return loss, {"W1": X.T @ d1, "b1": d1.sum(0), "W2": a1.T @ d, "b2": d.sum(0)}


rng = np.random.default_rng(1)
centres = np.array([[2, 0], [-2, 0], [0, 2]])
y = rng.integers(0, 3, 60)
X = centres[y] + rng.normal(size=(60, 2))
params = {"W1": rng.normal(size=(2, 8)), "b1": 0.1 * rng.normal(size=8), "W2": rng.normal(size=(8, 3)), "b2": 0.1 * rng.normal(size=3)}


def main():
    optimizer = Adam(lr=0.01)
    for epoch in range(100):
        loss, grads = loss_and_grads(params, X, y)
        optimizer.step(params, grads)
        if epoch % 25 == 0:
            print(epoch, round(float(loss), 4))


main()
