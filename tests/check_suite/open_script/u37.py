import numpy as np


class Classifier:
    def __init__(self, n_features, n_hidden, lr=0.2):
        rng = np.random.RandomState(0)
        self.w1 = rng.normal(0, 0.8, (n_features, n_hidden))
        self.w2 = rng.normal(0, 0.8, (n_hidden, 1))
        self.lr = lr

    def predict_proba(self, X):
        self.a = np.tanh(X @ self.w1)
        return 1 / (1 + np.exp(-self.a @ self.w2))

    def loss(self, X, y):
        p = self.predict_proba(X)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

    def partial_fit(self, X, y):
        loss = self.loss(X, y)
        p = self.predict_proba(X)
        error = (p - y) * p * (1 - p) / len(y)
        back = error @ self.w2.T * (1 - self.a**2)
        self.w2 -= self.lr * self.a.T @ error
        self.w1 -= self.lr * X.T @ back
        return loss


rng = np.random.RandomState(5)
X = rng.normal(size=(24, 2))
y = (X[:, :1] > X[:, 1:]).astype(int)
clf = Classifier(2, 4)
for epoch in range(10):
    idx = rng.permutation(24)
    total = sum(clf.partial_fit(X[idx[k : k + 6]], y[idx[k : k + 6]]) for k in range(0, 24, 6))
    print("epoch", epoch, "loss", total / 4)
