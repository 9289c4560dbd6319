import numpy as np

rng = np.random.default_rng(402)
samples = hidden = 5
params = {
    'w_in': rng.normal(size=(3, hidden)) * 0.8,
    'b_in': rng.normal(size=hidden) * 0.1,
    'w_out': rng.normal(size=(hidden, 3)) * 0.8,
    'b_out': np.zeros(3),
}
data = (rng.normal(size=(samples, 3)), np.eye(3)[[0, 2, 1, 1, 0]])


def forward(params, X):
    h = np.tanh(np.einsum('sf,fh->sh', X, params['w_in']) + params['b_in'])
    z = np.einsum('sh,hc->sc', h, params['w_out']) + params['b_out']
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return h, e / e.sum(axis=1, keepdims=True)


def loss(params, X, Y):
    # cross entropy, averaged over the batch
    return -np.einsum('sc,sc->', Y, np.log(forward(params, X)[1])) / len(X)


def grads(params, X, Y):
    h, p = forward(params, X)
    dz = (p - Y) / len(X)
    dh = np.einsum('sc,hc->sh', dz, params['w_out'])
    dpre = np.einsum('sh,hk->sk', dh, 1 - h**2)
    return {
        'w_in': np.einsum('sf,sh->fh', X, dpre),
        'b_in': np.einsum('sh->h', dpre),
        'w_out': np.einsum('sh,sc->hc', h, dz),
        'b_out': np.einsum('sc->c', dz),
    }
