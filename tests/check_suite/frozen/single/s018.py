import numpy as np

np.random.seed(17)
num_train, dim, num_classes = 7, 4, 3
reg = 0.01
params = {"W": np.random.randn(dim, num_classes) * 0.5}
data = (np.random.randn(num_train, dim), np.random.randint(0, num_classes, num_train))


def loss(params, X, y):
    W = params["W"]
    scores = X.dot(W)
    correct = scores[np.arange(len(y)), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(len(y)), y] = 0
    return margins.sum() / len(y) + reg * np.sum(W * W)


def grads(params, X, y):
    W = params["W"]
    n = len(y)
    scores = X.dot(W)
    correct = scores[np.arange(n), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(n), y] = 0
    mask = (margins > 0).astype(float)
    mask[np.arange(n), y] = 0
    dW = X.T.dot(mask) / n + 2 * reg * W
    return {"W": dW}
