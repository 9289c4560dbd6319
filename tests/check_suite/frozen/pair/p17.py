import numpy as np

rng = np.random.RandomState(6)
lam = 0.1
params = {k: rng.randn(*s).astype(np.float32) for k, s in {"W1": (3, 4), "b1": (4,), "W2": (4, 1), "b2": (1,)}.items()}
data = (rng.randn(6, 3).astype(np.float32), rng.rand(6, 1).astype(np.float32))

def sg(z):
    return 1 / (1 + np.exp(-z))

def loss(params, X, y):
    a2 = sg(sg(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"])
    return 0.5 * np.sum((a2 - y) ** 2) / len(X) + 0.5 * lam * np.sum(params["W1"] ** 2)

def grads(params, X, y):
    a1 = sg(X @ params["W1"] + params["b1"])
    z2 = a1 @ params["W2"] + params["b2"]
    a2 = sg(z2)
    d2 = (a2 - y) / len(X) * z2 * (1 - z2)
    d1 = d2 @ params["W2"].T * a1 * (1 - a1)
    gW1 = X.T @ d1 + 2 * lam * params["W1"]
    return {"W1": gW1, "b1": d1.sum(0), "W2": a1.T @ d2, "b2": d2.sum(0)}
