import numpy as np

rng = np.random.default_rng(17)
B, T, D = 2, 4, 3
params = {n: rng.normal(size=(D, D)) * 0.8 for n in ("Q", "K", "V")}
data = (rng.normal(size=(B, T, D)), rng.normal(size=(B, T, D)))


def forward(p, X):
    q = np.einsum("btd,de->bte", X, p["Q"])
    k = np.einsum("btd,de->bte", X, p["K"])
    v = np.einsum("btd,de->bte", X, p["V"])
    s = np.einsum("bie,bje->bij", q, k) / D**0.5
    a = np.exp(s - s.max(-1, keepdims=True))
    a = a / a.sum(-1, keepdims=True)
    return q, k, v, a, np.einsum("bij,bje->bie", a, v)


def loss(p, X, Y):
    return 0.5 * np.sum((forward(p, X)[-1] - Y) ** 2) / len(X)


def grads(p, X, Y):
    q, k, v, a, o = forward(p, X)
    do = (o - Y) / len(X)
    dv = np.einsum("bij,bie->bje", a, do)
    da = np.einsum("bie,bje->bij", do, v)
    ds = da * a * (1 - a)
    ds = ds / D**0.5
    dq = np.einsum("bij,bje->bie", ds, k)
    dk = np.einsum("bij,bie->bje", ds, q)
    return {
        "Q": np.einsum("btd,bte->de", X, dq),
        "K": np.einsum("btd,bte->de", X, dk),
        "V": np.einsum("btd,bte->de", X, dv),
    }
