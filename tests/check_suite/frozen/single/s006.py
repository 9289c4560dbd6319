import numpy as np

rng = np.random.default_rng(12)
sizes = [4, 4, 4, 2]

params = {
    "weights": [rng.standard_normal((o, i)) for i, o in zip(sizes[:-1], sizes[1:])],
    "biases": [rng.standard_normal((o, 1)) for o in sizes[1:]],
}
data = (rng.standard_normal((4, 1)), np.array([[0.0], [1.0]]))


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def loss(params, x, y):
    a = x
    for w, b in zip(params["weights"], params["biases"]):
        a = sigmoid(np.dot(w, a) + b)
    return 0.5 * np.linalg.norm(a - y) ** 2


def grads(params, x, y):
    weights, biases = params["weights"], params["biases"]
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    activation = x
    activations = [x]
    zs = []
    for b, w in zip(biases, weights):
        z = np.dot(w, activation) + b
        zs.append(z)
        activation = sigmoid(z)
        activations.append(activation)
    delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
    nabla_b[-1] = delta
    nabla_w[-1] = np.dot(delta, activations[-2].T)
    delta = np.dot(weights[-1].T, delta) * sigmoid_prime(zs[-2])
    nabla_b[-2] = delta
    nabla_w[-2] = np.dot(delta, activations[-3].T)
    delta = np.dot(weights[-2].T, delta) * sigmoid_prime(zs[-3])
    nabla_b[-3] = delta
    nabla_w[-3] = np.dot(delta, activations[-3].T)
    return {"weights": nabla_w, "biases": nabla_b}
