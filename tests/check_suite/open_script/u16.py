import numpy as np

rng = np.random.RandomState(64)
B, T, I, H = 6, 4, 2, 3
sequences = rng.randn(T, B, I)
targets = sequences.sum(axis=(0, 2))[:, None] / 4

theta = {}
for gate in "zrn":
    theta["W" + gate] = 0.6 * rng.randn(I, H)
    theta["U" + gate] = 0.6 * rng.randn(H, H)
theta["Wo"] = 0.6 * rng.randn(H, 1)


def sig(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def forward(th, xs, ys):
    h = np.zeros((xs.shape[1], H))
    tape = []
    for x in xs:
        z = sig(x @ th["Wz"] + h @ th["Uz"])
        r = sig(x @ th["Wr"] + h @ th["Ur"])
        n = np.tanh(x @ th["Wn"] + (r * h) @ th["Un"])
        new = (1 - z) * n + z * h
        tape.append((x, h, z, r, n))
        h = new
    out = h @ th["Wo"]
    return 0.5 * np.sum((out - ys) ** 2) / len(ys), out, h, tape


def backward(th, ys, out, h_last, tape):
    g = {k: np.zeros_like(v) for k, v in th.items()}
    dout = (out - ys) / len(ys)
    g["Wo"] += h_last.T @ dout
    dh = dout @ th["Wo"].T
    while tape:
        x, h, z, r, n = tape.pop()
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        drh = dn @ th["Un"].T
        dr = drh * h * r * (1 - r)
        g["Wn"] += x.T @ dn
        g["Un"] += h.T @ dn
        g["Wz"] += x.T @ dz
        g["Uz"] += h.T @ dz
        g["Wr"] += x.T @ dr
        g["Ur"] += h.T @ dr
        dh = dh * z + drh * r + dz @ th["Uz"].T + dr @ th["Ur"].T
    return g


for step in range(60):
    loss, out, h_last, tape = forward(theta, sequences, targets)
    grads = backward(theta, targets, out, h_last, tape)
    for k in theta:
        theta[k] -= 0.2 * grads[k]
    if step % 15 == 0:
        print("step %2d loss %.5f" % (step, loss))
