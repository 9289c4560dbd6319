import numpy as np


class LogisticRegression:
    def __init__(self, lr=0.1):
        self.lr = lr
        self.weights = None
        self.bias = None
        self.losses = []

    def _sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def _loss(self, X, y):
        p = self._sigmoid(X @ self.weights + self.bias)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def fit(self, X, y, n_iters=200, warm_start=False):
        n_samples, n_features = X.shape
        if not warm_start:
            self.weights = np.zeros(n_features)
            self.bias = 0.0
        for _ in range(n_iters):
            p = self._sigmoid(X @ self.weights + self.bias)
            error = (p - y) / n_samples
            dw = (1 / n_samples) * np.dot(X.T, error)
            db = np.sum(error)
            self.weights = self.weights - self.lr * dw
            self.bias = self.bias - self.lr * db
            self.losses.append(self._loss(X, y))
        return self

    def predict(self, X):
        return (self._sigmoid(X @ self.weights + self.bias) > 0.5).astype(int)


rng = np.random.RandomState(123)
X = rng.randn(60, 3)
y = (X[:, 0] - 2 * X[:, 2] + 0.2 * rng.randn(60) > 0).astype(int)

clf = LogisticRegression(lr=0.1)
clf.fit(X, y)
print("final loss", clf.losses[-1])
print("accuracy", (clf.predict(X) == y).mean())
