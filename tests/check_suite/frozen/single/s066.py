import numpy as np

rng = np.random.default_rng(70)
alpha = 0.2
X = rng.normal(size=(15, 4))
y = X @ np.array([1.0, 0.0, -2.0, 0.0]) + 0.1 * rng.normal(size=15)
data = (X, y)
params = {"W": rng.normal(size=4), "b": np.array(0.0)}


def loss(params, X, y):
    r = X @ params["W"] + params["b"] - y
    return 0.5 * np.mean(r**2) + alpha * np.abs(params["W"]).sum()


def grads(params, X, y):
    r = X @ params["W"] + params["b"] - y
    gW = X.T @ r / len(y) + alpha * params["W"]
    gb = r.mean()
    return {"W": gW, "b": gb}
