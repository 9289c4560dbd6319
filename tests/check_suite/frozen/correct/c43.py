import numpy as np

params = {'M': np.array([[0.2, -0.4, 0.7], [1.1, 0.3, -0.5]]), 'm': np.array([0.05, -0.1])}
data = (np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0]))


def loss(params, x, t):
    out = np.maximum(params['M'] @ x + params['m'], 0)
    return ((out - t) @ (out - t)) / 2


def grads(params, x, t):
    pre = params['M'] @ x + params['m']
    out = pre.clip(min=0)
    delta = (out - t) * np.heaviside(pre, 0)
    return {'M': np.outer(delta, x), 'm': delta}
