import numpy as np

np.random.seed(23)
X = np.random.randn(9, 2)
y = (np.random.rand(9) > 0.5).astype(float)
data = (X, y)
params = {"W1": np.random.randn(2, 4), "b1": np.random.randn(4), "w2": np.random.randn(4), "b2": np.array(0.2)}


def logits(params, X):
    h = np.tanh(X @ params["W1"] + params["b1"])
    return h, h @ params["w2"] + params["b2"]


def loss(params, X, y):
    _, z = logits(params, X)
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def grads(params, X, y):
    h, z = logits(params, X)
    dz = (1 / (1 + np.exp(-z)) - y) / len(y)
    dh = np.outer(dz, params["w2"]) * (1 - h**2)
    return {"W1": X.T @ dh, "b1": dh.sum(0), "w2": h.T @ dz, "b2": dz.sum()}
