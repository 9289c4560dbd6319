import math

import numpy as np

rng = np.random.default_rng(12)
params = {"W": rng.normal(size=(3, 5)), "g": rng.uniform(0.5, 1.5, 5), "s": rng.normal(size=5), "V": rng.normal(size=(5, 2))}
data = (rng.normal(size=(4, 3)), rng.normal(size=(4, 2)))
erf = np.vectorize(math.erf)

def forward(p, X):
    z = X @ p["W"]
    c = z - z.mean(1, keepdims=True)
    r = 1 / np.sqrt((c * c).mean(1, keepdims=True) + 1e-6)
    u = p["g"] * (c * r) + p["s"]
    cdf = 0.5 * (1 + erf(u / math.sqrt(2)))
    return c * r, r, u, cdf, (u * cdf) @ p["V"]

def loss(p, X, y):
    return ((forward(p, X)[-1] - y) ** 2).mean()

def grads(p, X, y):
    n, r, u, cdf, out = forward(p, X)
    d = 2 * (out - y) / out.size
    du = (d @ p["V"].T) * (cdf + u * np.exp(-0.5 * u * u) / math.sqrt(2 * math.pi))
    dn = du * p["g"]
    dz = r * (dn - dn.mean(1, keepdims=True) - n * (dn * n).mean(1, keepdims=True))
    return {"W": X.T @ dz, "g": (du * n).sum(0), "s": du.sum(0), "V": (u * cdf).T @ d}
