import numpy as np

rs = np.random.RandomState(32)
dims = [4, 6, 5, 3]
params = {}
for i, (a, b) in enumerate(zip(dims, dims[1:])):
    params[f'w{i}'] = (rs.randn(a, b) * np.sqrt(2 / a)).astype(np.float32)
    params[f'b{i}'] = (rs.randn(b) * 0.1).astype(np.float32)
labels = np.eye(3, dtype=np.float32)[rs.randint(0, 3, 7)]
data = (rs.randn(7, 4).astype(np.float32), labels)


def logsumexp(z):
    top = z.max(axis=1, keepdims=True)
    return top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))


def layers(params, X):
    acts = [X]
    for i in range(3):
        z = acts[-1] @ params[f'w{i}'] + params[f'b{i}']
        acts.append(np.maximum(z, 0) if i < 2 else z)
    return acts


def loss(params, X, Y):
    z = layers(params, X)[-1]
    return np.mean(logsumexp(z)[:, 0] - (z * Y).sum(axis=1))


def grads(params, X, Y):
    acts = layers(params, X)
    g = {}
    d = (np.exp(acts[-1] - logsumexp(acts[-1])) - Y) / len(X)
    for i in (2, 1, 0):
        g[f'w{i}'] = acts[i].T @ d
        g[f'b{i}'] = d.sum(0)
        d = (d @ params[f'w{i}'].T) * (acts[i] > 0)
    return g
