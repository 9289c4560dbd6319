import math

import numpy as np

params = {
    "w_h": np.array([[0.15, 0.20], [0.25, 0.30]]),
    "b_h": np.array([0.35, 0.35]),
    "w_o": np.array([[0.40, 0.45], [0.50, 0.55]]),
    "b_o": np.array([0.60, 0.60]),
}
data = ([0.05, 0.10], [0.01, 0.99])


def squash(net):
    return 1 / (1 + math.exp(-net))


def activate(W, b, inputs):
    return [squash(sum(W[i][j] * inputs[j] for j in range(2)) + b[i]) for i in range(2)]


def loss(params, inputs, targets):
    hidden = activate(params["w_h"], params["b_h"], inputs)
    outputs = activate(params["w_o"], params["b_o"], hidden)
    return sum(0.5 * (t - o) ** 2 for t, o in zip(targets, outputs))


def grads(params, inputs, targets):
    hidden = activate(params["w_h"], params["b_h"], inputs)
    outputs = activate(params["w_o"], params["b_o"], hidden)
    delta_o = [-(targets[k] - outputs[k]) * outputs[k] * (1 - outputs[k]) for k in range(2)]
    delta_h = []
    for j in range(2):
        total = 0.0
        for k in range(2):
            total += delta_o[k] * params["w_o"][k][j]
        delta_h.append(total * hidden[j] * (1 - hidden[j]))
    g = {k: np.zeros_like(v) for k, v in params.items()}
    for k in range(2):
        g["b_o"][k] = delta_o[k]
        g["b_h"][k] = delta_h[k]
        for j in range(2):
            g["w_o"][k, j] = delta_o[k] * hidden[j]
            g["w_h"][k, j] = delta_h[k] * inputs[j]
    return g
