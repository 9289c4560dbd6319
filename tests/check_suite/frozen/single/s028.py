import numpy as np

rng = np.random.default_rng(23)
H, D = 3, 2
shapes = {'Wz': (D, H), 'Uz': (H, H), 'Wr': (D, H), 'Ur': (H, H), 'Wn': (D, H), 'Un': (H, H)}
params = {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}
data = (rng.normal(size=(4, 3, D)), rng.normal(size=(4, H)))


def s(x):
    return 1 / (1 + np.exp(-x))


def gru(p, X):
    h = np.zeros((X.shape[0], H))
    saved = []
    for t in range(X.shape[1]):
        x = X[:, t, :]
        z = s(x @ p['Wz'] + h @ p['Uz'])
        r = s(x @ p['Wr'] + h @ p['Ur'])
        n = np.tanh(x @ p['Wn'] + (r * h) @ p['Un'])
        h_new = (1 - z) * n + z * h
        saved.append((x, h, z, r, n, h_new))
        h = h_new
    return h, saved


def loss(p, X, y):
    h, _ = gru(p, X)
    return ((h - y) ** 2).mean()


def grads(p, X, y):
    h_last, saved = gru(p, X)
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh = 2 * (h_last - y) / y.size
    for x, h, z, r, n, h_new in reversed(saved):
        dz = dh * (h_new - n)
        dn = dh * (1 - z)
        dh_prev = dh * z
        dn_in = dn * (1 - n**2)
        g['Wn'] += x.T @ dn_in
        g['Un'] += (r * h).T @ dn_in
        drh = dn_in @ p['Un'].T
        dr_in = drh * h * r * (1 - r)
        dh_prev = dh_prev + drh * r
        g['Wr'] += x.T @ dr_in
        g['Ur'] += h.T @ dr_in
        dz_in = dz * z * (1 - z)
        g['Wz'] += x.T @ dz_in
        g['Uz'] += h.T @ dz_in
        dh = dh_prev + dr_in @ p['Ur'].T + dz_in @ p['Uz'].T
    return g
