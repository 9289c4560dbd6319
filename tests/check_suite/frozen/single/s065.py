import numpy as np

np.random.seed(29)
C = 0.5
X = np.random.randn(10, 2) + 0.2
y = np.where(X[:, 0] - X[:, 1] > 0, 1, -1)
data = (X, y)
params = {"w": np.random.randn(2), "b": np.array(0.3)}


def loss(params, X, y):
    margin = 1 - y * (X @ params["w"] + params["b"])
    return 0.5 * params["w"] @ params["w"] + C * np.sum(np.maximum(0, margin))


def grads(params, X, y):
    dw = params["w"].copy()
    db = 0.0
    for xi, yi in zip(X, y):
        if yi * (xi @ params["w"] + params["b"]) < 1:
            dw += C * yi * xi
            db -= C * yi
    return {"w": dw, "b": db}
