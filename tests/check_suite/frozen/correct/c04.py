import numpy as np

rng = np.random.default_rng(45)
sizes = [3, 4, 3, 2]
params = {
    'weights': [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:])],
    'biases': [rng.normal(size=(b, 1)) for b in sizes[1:]],
}
data = (rng.normal(size=(4, 3, 1)), rng.integers(0, 2, size=(4, 2, 1)))


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def cost(a, y):
    return np.sum(np.nan_to_num(-y * np.log(a) - (1 - y) * np.log(1 - a)))


def loss(params, X, Y):
    total = 0.0
    for x, y in zip(X, Y):
        a = x
        for w, b in zip(params['weights'], params['biases']):
            a = sigmoid(w @ a + b)
        total += cost(a, y) / len(X)
    return total


def backprop(weights, biases, x, y):
    activations, zs = [x], []
    for w, b in zip(weights, biases):
        zs.append(w @ activations[-1] + b)
        activations.append(sigmoid(zs[-1]))
    nabla_w, nabla_b = [0] * len(weights), [0] * len(biases)
    delta = activations[-1] - y
    nabla_b[-1] = delta
    nabla_w[-1] = delta @ activations[-2].T
    for layer in range(2, len(sizes)):
        sp = sigmoid(zs[-layer]) * (1 - sigmoid(zs[-layer]))
        delta = (weights[-layer + 1].T @ delta) * sp
        nabla_b[-layer] = delta
        nabla_w[-layer] = delta @ activations[-layer - 1].T
    return nabla_w, nabla_b


def grads(params, X, Y):
    nw = [np.zeros(w.shape) for w in params['weights']]
    nb = [np.zeros(b.shape) for b in params['biases']]
    for x, y in zip(X, Y):
        dw, db = backprop(params['weights'], params['biases'], x, y)
        nw = [n + d / len(X) for n, d in zip(nw, dw)]
        nb = [n + d / len(X) for n, d in zip(nb, db)]
    return {'weights': nw, 'biases': nb}
