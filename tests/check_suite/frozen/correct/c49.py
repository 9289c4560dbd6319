import numpy as np

rng = np.random.default_rng(2016)
params = {'W': rng.normal(size=(3, 4, 2)), 'b': rng.normal(size=(4, 2)), 'v': rng.normal(size=4)}
data = (rng.normal(size=(5, 3)), 3 * rng.normal(size=5))


def forward(p, X):
    z = np.tensordot(X, p['W'], axes=1) + p['b']
    which = z.argmax(axis=2)
    h = np.take_along_axis(z, which[..., None], axis=2)[..., 0]
    return which, h, h @ p['v']


def loss(p, X, y):
    return np.abs(forward(p, X)[2] - y).mean()


def grads(p, X, y):
    which, h, out = forward(p, X)
    d = np.sign(out - y) / len(y)
    dh = np.outer(d, p['v'])
    dz = np.zeros((*dh.shape, 2))
    np.put_along_axis(dz, which[..., None], dh[..., None], axis=2)
    return {'W': np.tensordot(X.T, dz, axes=1), 'b': dz.sum(0), 'v': h.T @ d}
