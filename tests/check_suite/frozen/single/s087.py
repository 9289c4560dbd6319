import numpy as np

rng = np.random.default_rng(36)
X = rng.uniform(-1, 1, (9, 2))
y = np.cos(2 * X[:, 0]) * X[:, 1]
data = (X, y)
params = {"centers": rng.uniform(-1, 1, (4, 2)), "weights": rng.normal(size=4)}

def phi(X, centers):
    diff = X[:, None, :] - centers[None, :, :]
    return diff, np.exp(-0.5 * np.sum(diff**2, axis=2))

def loss(params, X, y):
    _, P = phi(X, params["centers"])
    return 0.5 * np.sum((P @ params["weights"] - y) ** 2)

def grads(params, X, y):
    diff, P = phi(X, params["centers"])
    err = P @ params["weights"] - y
    dweights = P.T @ err
    dP = np.outer(err, params["weights"])
    dexponent = dP
    dcenters = np.sum(dexponent[:, :, None] * diff, axis=0)
    return {"centers": dcenters, "weights": dweights}
