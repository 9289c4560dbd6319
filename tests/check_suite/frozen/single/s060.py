import numpy as np

rng = np.random.default_rng(61)
N, T, D, H, C = 3, 4, 2, 4, 3
params = {
    "Wi": rng.normal(0, 0.5, (D, H)),
    "Wh": rng.normal(0, 0.5, (H, H)),
    "bh": np.zeros(H),
    "Wo": rng.normal(0, 0.5, (H, C)),
}
data = (rng.normal(size=(N, T, D)), rng.integers(0, C, size=(N, T)))


def forward(p, X):
    hs = np.zeros((X.shape[0], X.shape[1] + 1, H))
    for t in range(X.shape[1]):
        hs[:, t + 1] = np.tanh(X[:, t] @ p["Wi"] + hs[:, t] @ p["Wh"] + p["bh"])
    z = hs[:, 1:] @ p["Wo"]
    z -= z.max(axis=-1, keepdims=True)
    q = np.exp(z)
    q /= q.sum(axis=-1, keepdims=True)
    return hs, q


def loss(p, X, y):
    _, q = forward(p, X)
    n, t = np.indices(y.shape)
    return -np.log(q[n, t, y]).mean()


def grads(p, X, y):
    hs, q = forward(p, X)
    n, t = np.indices(y.shape)
    dz = q.copy()
    dz[n, t, y] -= 1
    dz /= len(X)
    g = {k: np.zeros_like(v) for k, v in p.items()}
    g["Wo"] = np.einsum("nth,ntc->hc", hs[:, 1:], dz)
    carry = np.zeros((len(X), H))
    for t in range(X.shape[1])[::-1]:
        dh = dz[:, t] @ p["Wo"].T + carry
        da = dh * (1 - hs[:, t + 1] ** 2)
        g["Wi"] += X[:, t].T @ da
        g["Wh"] += hs[:, t].T @ da
        g["bh"] += da.sum(0)
        carry = da @ p["Wh"].T
    return g
