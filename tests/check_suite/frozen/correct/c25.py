import numpy as np

rng = np.random.default_rng(1412)
lr = 0.01
params = {'W': rng.normal(size=(3, 4)), 'b': np.zeros(4)}
data = (rng.normal(size=(8, 3)), rng.integers(0, 4, 8))
state = {'t': 0, 'm': {}, 'v': {}}


def probs(params, X):
    z = X @ params['W'] + params['b']
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def loss(params, X, y):
    return -np.log(probs(params, X)[np.arange(len(y)), y]).mean()


def step(params, X, y, lr):
    d = probs(params, X)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    grads = {'W': X.T @ d, 'b': d.sum(0)}
    state['t'] += 1
    t = state['t']
    alpha = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    new = {}
    for k, g in grads.items():
        state['m'][k] = 0.9 * state['m'].get(k, 0) + 0.1 * g
        state['v'][k] = 0.999 * state['v'].get(k, 0) + 0.001 * g * g
        new[k] = params[k] - alpha * state['m'][k] / (np.sqrt(state['v'][k]) + 1e-10)
    return new
