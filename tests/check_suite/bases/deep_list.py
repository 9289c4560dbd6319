import numpy as np

rng = np.random.default_rng(13)
sizes = [3, 5, 4, 2]
params = {
    "W": [rng.normal(size=pair) * 0.7 for pair in zip(sizes[:-1], sizes[1:])],
    "b": [rng.normal(size=n) * 0.1 for n in sizes[1:]],
}
data = (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))


def forward(params, X):
    acts = [X]
    for W, b in zip(params["W"], params["b"]):
        acts.append(np.tanh(acts[-1] @ W + b))
    return acts


def loss(params, X, y):
    return 0.5 * np.mean(np.sum((forward(params, X)[-1] - y) ** 2, axis=1))


def grads(params, X, y):
    acts = forward(params, X)
    dW, db = [None] * 3, [None] * 3
    delta = (acts[-1] - y) / len(X)
    #! missing-mean | delta = acts[-1] - y
    #! wrong-constant-factor | delta = 2 * (acts[-1] - y) / len(X)
    #! wrong-sign | delta = (y - acts[-1]) / len(X)
    #= delta = 1 / X.shape[0] * np.subtract(acts[-1], y)
    for i in (2, 1, 0):
        delta = delta * (1 - acts[i + 1] ** 2)
        #! missing-activation-derivative | delta = delta * 1.0
        #! wrong-activation-derivative | delta = delta * acts[i + 1] * (1 - acts[i + 1])
        #= delta = delta - delta * acts[i + 1] ** 2
        dW[i] = acts[i].T @ delta
        #! wrong-constant-factor | dW[i] = acts[i].T @ delta / 3
        #= dW[i] = np.einsum("ni,no->io", acts[i], delta)
        db[i] = delta.sum(axis=0)
        #! mean-twice | db[i] = delta.mean(axis=0)
        #! wrong-sign | db[i] = -delta.sum(axis=0)
        #= db[i] = np.add.reduce(delta)
        delta = delta @ params["W"][i].T
        #! wrong-sign | delta = -delta @ params["W"][i].T
    return {"W": dW, "b": db}
