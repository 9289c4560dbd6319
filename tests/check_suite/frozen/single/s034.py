import numpy as np

rng = np.random.default_rng(33)
params = {'w1': rng.normal(size=(3, 3)), 'w2': rng.normal(size=(3, 2))}
data = (rng.normal(size=(7, 3)), rng.normal(size=(7, 2)))


def logistic(u):
    return 1 / (1 + np.exp(-u))


def loss(params, X, y):
    hidden = logistic(np.einsum('ni,ih->nh', X, params['w1']))
    out = np.einsum('nh,ho->no', hidden, params['w2'])
    return np.einsum('no,no->', out - y, out - y) / X.shape[0]


def grads(params, X, y):
    pre = np.einsum('ni,ih->nh', X, params['w1'])
    hidden = logistic(pre)
    out = np.einsum('nh,ho->no', hidden, params['w2'])

    g_out = 2 * (out - y) / X.shape[0]
    g_w2 = np.einsum('nh,no->ho', hidden, g_out)
    g_hidden = np.einsum('no,ho->nh', g_out, params['w2'])
    g_pre = g_hidden * hidden * (1 - hidden)
    g_w1 = np.einsum('ni,nh->ih', pre, g_pre)
    return {'w1': g_w1, 'w2': g_w2}
