import numpy as np


class Trainer:
    def __init__(self, sizes, rate=0.02, decay=0.01, seed=0):
        rng = np.random.default_rng(seed)
        self.rate, self.decay, self.ticks = rate, decay, 0
        self.params = {}
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            self.params[f"w{i}"] = rng.normal(0, np.sqrt(2 / a), (a, b))
            self.params[f"b{i}"] = np.full(b, 0.01)
        self.first = {k: 0 * v for k, v in self.params.items()}
        self.second = {k: 0 * v for k, v in self.params.items()}

    def cost(self, X, y):
        p = self.params
        pre = X @ p["w0"] + p["b0"]
        hid = pre * (pre > 0)
        logits = hid @ p["w1"] + p["b1"]
        logits = logits - logits.max(1)[:, None]
        logp = logits - np.log(np.exp(logits).sum(1))[:, None]
        data = -logp[range(len(y)), y].mean()
        penalty = 0.5 * self.decay * sum((p[k] ** 2).sum() for k in p if k[0] == "w")
        return data + penalty, pre, hid, logp

    def slopes(self, X, y):
        cost, pre, hid, logp = self.cost(X, y)
        d = np.exp(logp)
        d[range(len(y)), y] -= 1
        d /= len(y)
        g = {"w1": hid.T @ d + self.decay * self.params["w1"], "b1": d.sum(0)}
        d = d @ self.params["w1"].T
        d[pre <= 0] = 0
        g["w0"] = X.T @ d + self.decay * self.params["w0"]
        g["b0"] = d.sum(0)
        return g

    def adam(self, g, b1=0.9, b2=0.99):
        self.ticks += 1
        for k in self.params:
            self.first[k] = b1 * self.first[k] + (1 - b1) * g[k]
            self.second[k] = b2 * self.second[k] + (1 - b2) * g[k] * g[k]
            m = self.first[k] / (1 - b1**self.ticks)
            v = self.second[k] / (1 - b2**self.ticks)
            self.params[k] = self.params[k] - self.rate * m / (np.sqrt(v) + 1e-8)

    def fit(self, X, y, epochs, batch):
        rng = np.random.default_rng(1)
        for epoch in range(epochs):
            for part in np.array_split(rng.permutation(len(y)), len(y) // batch):
                self.adam(self.slopes(X[part], y[part]))
            print(f"epoch {epoch} cost {self.cost(X, y)[0]:.4f}")


rng = np.random.default_rng(9)
X = rng.normal(size=(40, 3))
y = (np.abs(X) > 0.8).sum(axis=1)
trainer = Trainer([3, 10, 4])
trainer.fit(X, y, epochs=8, batch=10)
