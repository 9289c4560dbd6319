import numpy as np

rng = np.random.default_rng(97)
B, T, D, H, C = 3, 4, 2, 3, 2
params = {"W": rng.normal(0, 0.5, (D + H, 4 * H)), "b": rng.normal(0, 0.1, 4 * H), "V": rng.normal(0, 0.5, (H, C))}
data = (rng.normal(size=(B, T, D)), rng.integers(0, C, B))


def sig(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def unroll(p, X):
    h, c, tape = np.zeros((len(X), H)), np.zeros((len(X), H)), []
    for t in range(T):
        z = np.hstack([X[:, t], h])
        i, f, o, g = np.split(z @ p["W"] + p["b"], 4, axis=1)
        i, f, o, g = sig(i), sig(f), sig(o), np.tanh(g)
        c0, c = c, f * c + i * g
        h = o * np.tanh(c)
        tape.append((z, i, f, o, g, c0, np.tanh(c)))
    s = h @ p["V"]
    s -= s.max(1, keepdims=True)
    return h, s - np.log(np.exp(s).sum(1, keepdims=True)), tape


def loss(p, X, y):
    return -unroll(p, X)[1][np.arange(len(y)), y].mean()


def grads(p, X, y):
    h, logp, tape = unroll(p, X)
    ds = np.exp(logp)
    ds[np.arange(len(y)), y] -= 1
    ds /= len(y)
    g_ = {"V": h.T @ ds, "W": np.zeros_like(p["W"]), "b": np.zeros_like(p["b"])}
    dh, dc = ds @ p["V"].T, 0
    for z, i, f, o, g, c0, tc in tape[::-1]:
        dc = dc + dh * o * (1 - tc**2)
        da = np.hstack([dc * g * i * (1 - i), dc * c0 * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g**2)])
        g_["W"] += z.T @ da
        g_["b"] += da.sum(0)
        dh, dc = (da @ p["W"].T)[:, D:], dc * f
    return g_
