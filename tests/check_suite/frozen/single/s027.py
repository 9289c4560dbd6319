import numpy as np

np.random.seed(41)
n, d = 2, 2
names = ["f", "i", "g", "o"]
params = {}
for k in names:
    params["W" + k] = np.random.randn(n, n + d) * 0.7
    params["b" + k] = np.random.randn(n, 1) * 0.2
xs = [np.random.randn(d, 1) for _ in range(3)]
X = np.hstack(xs)
y = np.random.randn(n, 1)
data = (X, y)

def sigmoid(v):
    return 1 / (1 + np.exp(-v))

def forward(p, X):
    h, C = np.zeros((n, 1)), np.zeros((n, 1))
    tape = []
    for t in range(X.shape[1]):
        z = np.vstack((h, X[:, t : t + 1]))
        f = sigmoid(p["Wf"] @ z + p["bf"])
        i = sigmoid(p["Wi"] @ z + p["bi"])
        g = np.tanh(p["Wg"] @ z + p["bg"])
        o = sigmoid(p["Wo"] @ z + p["bo"])
        C_prev, C = C, f * C + i * g
        h = o * np.tanh(C)
        tape.append((z, f, i, g, o, C_prev, C))
    return h, tape

def loss(p, X, y):
    return 0.5 * float(np.sum((forward(p, X)[0] - y) ** 2))

def grads(p, X, y):
    h, tape = forward(p, X)
    out = {k: np.zeros_like(v) for k, v in p.items()}
    dh = h - y
    dC = np.zeros_like(h)
    for z, f, i, g, o, C_prev, C in tape[::-1]:
        tanhC = np.tanh(C)
        da = {}
        da["o"] = dh * tanhC * o * (1 - o)
        dC = dC + dh * o * (1 - tanhC * tanhC)
        da["f"] = dC * C_prev
        da["i"] = dC * g * i * (1 - i)
        da["g"] = dC * i * (1 - g * g)
        dz = np.zeros_like(z)
        for k in names:
            out["W" + k] += da[k] @ z.T
            out["b" + k] += da[k]
            dz += p["W" + k].T @ da[k]
        dh = dz[:n]
        dC = dC * f
    return out
