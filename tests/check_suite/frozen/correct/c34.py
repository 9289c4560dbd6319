import numpy as np

rng = np.random.default_rng(77)
I, J, K = 2, 3, 2
params = {'v': rng.normal(size=(J, I)), 'w': rng.normal(size=(K, J))}
data = (rng.normal(size=I), rng.normal(size=K))


def run(p, x):
    h = np.empty(J)
    for j in range(J):
        h[j] = np.tanh(sum(p['v'][j, i] * x[i] for i in range(I)))
    o = np.empty(K)
    for k in range(K):
        o[k] = np.tanh(sum(p['w'][k, j] * h[j] for j in range(J)))
    return h, o


def loss(p, x, t):
    return 0.5 * np.sum((t - run(p, x)[1]) ** 2)


def grads(p, x, t):
    h, o = run(p, x)
    gv, gw = np.zeros((J, I)), np.zeros((K, J))
    for k in range(K):
        dk = (o[k] - t[k]) * (1 + o[k]) * (1 - o[k])
        for j in range(J):
            gw[k, j] = dk * h[j]
            for i in range(I):
                gv[j, i] += dk * p['w'][k, j] * (1 - h[j] ** 2) * x[i]
    return {'v': gv, 'w': gw}
