import numpy as np

rng = np.random.RandomState(2015)
eps = 0.1
f4 = np.float32
params = {"W1": rng.randn(3, 8).astype(f4), "b1": (rng.randn(8) * 0.1).astype(f4), "W2": rng.randn(8, 4).astype(f4), "b2": np.zeros(4, f4)}
T = (np.eye(4)[rng.randint(0, 4, 6)] * (1 - eps) + eps / 4).astype(f4)
data = (rng.randn(6, 3).astype(f4), T)


def forward(p, X):
    h = np.clip(X @ p["W1"] + p["b1"], 0, None)
    z = h @ p["W2"] + p["b2"]
    z = z - z.max(-1, keepdims=True)
    return h, z - np.log(np.exp(z).sum(-1, keepdims=True))


def loss(p, X, T):
    return -(T * forward(p, X)[1]).sum(-1).mean()


def grads(p, X, T):
    h, logp = forward(p, X)
    dz = (np.exp(logp) - T) / len(X)
    dh = dz @ p["W2"].T
    dh = np.where(h > 0, dh, 0)
    return {"W1": X.T @ dh, "b1": dh.sum(0), "W2": h.T @ dz, "b2": dz.sum(0)}
