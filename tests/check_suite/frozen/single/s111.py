import numpy as np

np.random.seed(57)
H = 3
params = {"U": np.random.randn(H, 2), "V": np.random.randn(H, H) * 0.6}
data = (np.random.randn(5, 2, 4), 2 * np.random.randn(H, 4))


def states(params, xs):
    h = [np.zeros((H, xs.shape[2]))]
    for x in xs:
        h.append(np.tanh(params["U"] @ x + params["V"] @ h[-1]))
    return h


def loss(params, xs, target):
    return 0.5 * np.sum((states(params, xs)[-1] - target) ** 2)


def grads(params, xs, target):
    h = states(params, xs)
    g = {name: np.zeros_like(value) for name, value in params.items()}
    dh = h[-1] - target
    for t in range(len(xs), 0, -1):
        dz = dh * (1 - h[t] ** 2)
        g["U"] += dz @ xs[t - 1].T
        g["V"] += dz @ h[t - 1].T
        dh = params["V"].T @ dz
    # keep the gradients from exploding
    limit = 0.25
    for name in g:
        np.clip(g[name], -limit, limit, out=g[name])
    return g
