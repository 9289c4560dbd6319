import numpy as np

rng = np.random.default_rng(2023)
H, D = 2, 2
params = {k: rng.normal(size=(D + H, H)) * 0.7 for k in ('Wf', 'Wi', 'Wg', 'Wo')}
data = (rng.normal(size=(3, 3, D)), rng.normal(size=(3, H)))

def sig(x):
    return 1 / (1 + np.exp(-x))

def run(p, X):
    h = c = np.zeros((len(X), H))
    tape = []
    for t in range(X.shape[1]):
        z = np.hstack([X[:, t], h])
        f, i, g, o = sig(z @ p['Wf']), sig(z @ p['Wi']), np.tanh(z @ p['Wg']), sig(z @ p['Wo'])
        c_old, c = c, f * c + i * g
        h = o * np.tanh(c)
        tape.append((z, f, i, g, o, c_old, c))
    return h, tape

def loss(p, X, y):
    return 0.5 * np.sum((run(p, X)[0] - y) ** 2)

def grads(p, X, y):
    h, tape = run(p, X)
    out = {k: np.zeros_like(v) for k, v in p.items()}
    dh, dc = h - y, 0.0
    for z, f, i, g, o, c_old, c in tape[:0:-1]:
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        d = {
            'Wo': dh * np.tanh(c) * o * (1 - o),
            'Wf': dc * c_old,
            'Wi': dc * g * i * (1 - i),
            'Wg': dc * i * (1 - g * g),
        }
        for k in d:
            out[k] += z.T @ d[k]
        dh = sum(d[k] @ p[k].T for k in d)[:, D:]
        dc = dc * f
    return out
