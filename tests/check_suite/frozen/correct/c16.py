import numpy as np

rng = np.random.default_rng(8)
T, D, Hn = 4, 4, 2
dh = D // Hn
params = {k: rng.normal(size=(D, D)) * 0.5 for k in ('Wq', 'Wk', 'Wv', 'Wo')}
params['Wc'] = rng.normal(size=(D, 3)) * 0.5
data = (rng.normal(size=(T, D)), rng.integers(0, 3, T))
bias = np.triu(np.full((T, T), -1e9), 1)


def split(a):
    return a.reshape(T, Hn, dh).transpose(1, 0, 2)


def merge(a):
    return a.transpose(1, 0, 2).reshape(T, D)


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def forward(p, X):
    q, k, v = split(X @ p['Wq']), split(X @ p['Wk']), split(X @ p['Wv'])
    att = softmax(np.einsum('hid,hjd->hij', q, k) * dh**-0.5 + bias)
    ctx = merge(np.einsum('hij,hjd->hid', att, v))
    res = X + ctx @ p['Wo']
    return q, k, v, att, ctx, res, softmax(res @ p['Wc'])


def loss(p, X, y):
    return -np.log(forward(p, X)[-1][np.arange(T), y]).mean()


def grads(p, X, y):
    q, k, v, att, ctx, res, prob = forward(p, X)
    prob[np.arange(T), y] -= 1
    ds = prob / T
    dres = ds @ p['Wc'].T
    dctx = split(dres @ p['Wo'].T)
    datt = np.einsum('hid,hjd->hij', dctx, v)
    dv = np.einsum('hij,hid->hjd', att, dctx)
    dsc = att * (datt - (datt * att).sum(-1, keepdims=True)) * dh**-0.5
    dq, dk = dsc @ k, dsc.transpose(0, 2, 1) @ q
    return {
        'Wq': X.T @ merge(dq),
        'Wk': X.T @ merge(dk),
        'Wv': X.T @ merge(dv),
        'Wo': ctx.T @ dres,
        'Wc': res.T @ ds,
    }
