import numpy as np

np.random.seed(52)
X = np.random.randn(12, 2)
t = np.sign(X[:, 0] + 0.4)
data = (X, t)
params = {"w": np.array([0.3, -0.2]), "b": 0.1}


def score(params, X):
    return X @ params["w"] + params["b"]


def loss(params, X, t):
    slack = np.maximum(0.0, 1.0 - t * score(params, X))
    return np.mean(slack**2)


def grads(params, X, t):
    slack = np.maximum(0.0, 1.0 - t * score(params, X))
    ds = -t * (slack > 0) / len(t)
    return {"w": X.T @ ds, "b": float(ds.sum())}
