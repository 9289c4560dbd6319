import numpy as np

np.random.seed(55)
H, D = 2, 3
params = {k + g: (np.random.randn(H, D if k == "W" else H) if k != "b" else np.random.randn(H, 1)) * 0.6 for g in "zrn" for k in "WUb"}
data = (np.random.randn(4, D, 1), np.random.randn(H, 1))


def sg(v):
    return 1 / (1 + np.exp(-v))


def run(p, X):
    h, tape = np.zeros((H, 1)), []
    for x in X:
        z = sg(p["Wz"] @ x + p["Uz"] @ h + p["bz"])
        r = sg(p["Wr"] @ x + p["Ur"] @ h + p["br"])
        u = p["Un"] @ h
        n = np.tanh(p["Wn"] @ x + r * u + p["bn"])
        tape.append((x, h, z, r, u, n))
        h = z * h + (1 - z) * n
    return h, tape


def loss(p, X, y):
    return 0.5 * np.sum((run(p, X)[0] - y) ** 2)


def grads(p, X, y):
    h, tape = run(p, X)
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh = h - y
    for x, hp, z, r, u, n in reversed(tape):
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (hp - n) * z * (1 - z)
        dr = dn * u * r * (1 - r)
        for name, d in (("z", dz), ("r", dr), ("n", dn)):
            g["W" + name] += d @ x.T
            g["b" + name] += d
        g["Uz"] += dz @ hp.T
        g["Ur"] += dr @ hp.T
        g["Un"] += (dn * r) @ hp.T
        dh = dh * z + p["Uz"].T @ dz + p["Ur"].T @ dr + p["Un"].T @ (dn * r)
    return g
