import numpy as np

rng = np.random.default_rng(19)
B, T, D, H = 2, 4, 3, 3

params = {
    "W": rng.normal(0, 0.6, (D + H, 4 * H)),
    "b": rng.normal(0, 0.1, 4 * H),
    "V": rng.normal(0, 0.6, (H, 1)),
}
data = (rng.normal(size=(B, T, D)), rng.normal(size=(B, 1)))


def sigm(x):
    return 1.0 / (1.0 + np.exp(-x))


def run(p, X):
    h = np.zeros((X.shape[0], H))
    c = np.zeros((X.shape[0], H))
    steps = []
    for t in range(X.shape[1]):
        z = np.concatenate([X[:, t], h], axis=1)
        g = z @ p["W"] + p["b"]
        i, f, o = sigm(g[:, :H]), sigm(g[:, H : 2 * H]), sigm(g[:, 2 * H : 3 * H])
        u = np.tanh(g[:, 3 * H :])
        c_prev = c
        c = f * c_prev + i * u
        tc = np.tanh(c)
        h = o * tc
        steps.append((z, i, f, o, u, c_prev, tc))
    return h, steps


def loss(p, X, y):
    h, _ = run(p, X)
    return np.mean((h @ p["V"] - y) ** 2)


def grads(p, X, y):
    h, steps = run(p, X)
    dout = 2 * (h @ p["V"] - y) / y.size
    dV = h.T @ dout
    dh = dout @ p["V"].T
    dW = np.zeros_like(p["W"])
    db = np.zeros_like(p["b"])
    dc_next = np.zeros_like(h)
    for z, i, f, o, u, c_prev, tc in reversed(steps):
        do = dh * tc
        dc = dh * o * (1 - tc**2) + dc_next
        di, df, du = dc * u, dc * c_prev, dc * i
        dg = np.concatenate(
            [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), du * (1 - u**2)], axis=1
        )
        dW += z.T @ dg
        db += dg.sum(axis=0)
        dh = (dg @ p["W"].T)[:, D:]
    return {"W": dW, "b": db, "V": dV}
