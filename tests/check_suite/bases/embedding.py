import numpy as np

rng = np.random.default_rng(16)
params = {"E": rng.normal(size=(6, 3)), "W": rng.normal(size=(3, 4)), "c": rng.normal(size=4) * 0.1}
data = (np.array([[0, 2, 2], [0, 5, 0], [4, 2, 3], [2, 1, 5]]), np.array([0, 3, 1, 2]))


def forward(p, X):
    h = p["E"][X].sum(axis=1)
    s = h @ p["W"] + p["c"]
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return h, e / e.sum(axis=1, keepdims=True)


def loss(p, X, y):
    return -np.mean(np.log(forward(p, X)[1][np.arange(len(y)), y]))


def grads(p, X, y):
    n = len(y)
    h, probs = forward(p, X)
    ds = probs.copy()
    ds[np.arange(n), y] -= 1
    ds /= n
    #! mean-twice | ds /= n**2
    #! wrong-constant-factor | ds /= 2 * n
    #! wrong-sign | ds /= -n
    #= ds = ds / float(n)
    dW = h.T @ ds
    #! wrong-sign | dW = -h.T @ ds
    #= dW = np.einsum("nd,nk->dk", h, ds)
    dc = ds.sum(axis=0)
    #! mean-twice | dc = ds.mean(axis=0)
    #! bias-not-summed | dc = ds
    #= dc = np.ones(n) @ ds
    dh = ds @ p["W"].T
    dE = np.zeros_like(p["E"])
    for t in range(X.shape[1]):
        #! off-by-one | for t in range(X.shape[1] - 1):
        np.add.at(dE, X[:, t], dh)
        #! not-accumulated | dE[X[:, t]] = dh
        #! not-accumulated | dE[X[:, t]] += dh
    return {"E": dE, "W": dW, "c": dc}
