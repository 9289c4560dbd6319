import numpy as np

rng = np.random.default_rng(2)
params = {
    "w": [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))],
    "b": [rng.standard_normal((4, 1)), rng.standard_normal((2, 1))],
}
data = (rng.random((3, 1)), np.array([[1.0], [0.0]]))


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def loss(params, x, y):
    a = x
    for w, b in zip(params["w"], params["b"]):
        a = sigmoid(w @ a + b)
    return float(0.5 * np.sum((a - y) ** 2))


def grads(params, x, y):
    zs, acts = [], [x]
    for w, b in zip(params["w"], params["b"]):
        zs.append(w @ acts[-1] + b)
        acts.append(sigmoid(zs[-1]))
    delta = (acts[2] - y) * sigmoid_prime(zs[1])
    gb1, gw1 = delta, delta @ acts[1].T
    delta = (params["w"][1].T @ delta) * sigmoid_prime(acts[1])
    gb0, gw0 = delta, delta @ acts[0].T
    return {"w": [gw0, gw1], "b": [gb0, gb1]}
