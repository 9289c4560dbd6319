import numpy as np

rng = np.random.default_rng(1010)
X = rng.normal(size=(8, 3))
y = rng.normal(size=(8, 2))
data = (X, y)
params = {"w1": rng.normal(size=(3, 5)), "w2": rng.normal(size=(5, 2))}


def forward(params, X):
    pre = np.einsum("si,ih->sh", X, params["w1"])
    act = pre * (pre > 0)
    return pre, act, np.einsum("sh,ho->so", act, params["w2"])


def loss(params, X, y):
    return 0.5 * np.sum((y - forward(params, X)[2]) ** 2) / len(X)


def grads(params, X, y):
    pre, act, pred = forward(params, X)
    error = (y - pred) / len(X)
    grad_w2 = np.einsum("sh,so->ho", act, error)
    back = np.einsum("so,ho->sh", error, params["w2"]) * (pre > 0)
    grad_w1 = -np.einsum("si,sh->ih", X, back)
    return {"w1": grad_w1, "w2": grad_w2}
