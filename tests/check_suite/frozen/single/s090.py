import numpy as np

rng = np.random.RandomState(10)
F = np.float32
params = {
    "W1": rng.randn(4, 5).astype(F),
    "ln_w": (1 + 0.2 * rng.randn(5)).astype(F),
    "ln_b": (0.1 * rng.randn(5)).astype(F),
    "W2": rng.randn(5, 3).astype(F),
}
data = (rng.randn(6, 4).astype(F), rng.randint(0, 3, 6))


def forward(p, X):
    a = X @ p["W1"]
    mu = a.mean(-1, keepdims=True)
    rstd = 1.0 / np.sqrt(((a - mu) ** 2).mean(-1, keepdims=True) + 1e-5)
    norm = (a - mu) * rstd
    out = norm * p["ln_w"] + p["ln_b"]
    h = np.maximum(out, 0)
    z = h @ p["W2"]
    e = np.exp(z - z.max(-1, keepdims=True))
    return norm, rstd, h, e / e.sum(-1, keepdims=True)


def loss(p, X, y):
    q = forward(p, X)[-1]
    return -np.log(q[np.arange(y.size), y]).mean()


def grads(p, X, y):
    norm, rstd, h, q = forward(p, X)
    dz = q
    dz[np.arange(y.size), y] -= 1
    dz /= y.size
    dW2 = h.T @ dz
    dout = (dz @ p["W2"].T) * (h > 0)
    dnorm = dout * p["ln_w"]
    da = rstd * (dnorm - norm * (dnorm * norm).mean(-1, keepdims=True))
    return {
        "W1": X.T @ da,
        "ln_w": (dout * norm).sum(0),
        "ln_b": dout.sum(0),
        "W2": dW2,
    }
