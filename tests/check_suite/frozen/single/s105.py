import numpy as np

rng = np.random.default_rng(242)
V, D = 6, 3
params = {"E": rng.normal(size=(V, D)), "out": rng.normal(size=D)}
contexts = [[0, 1, 2, 1], [3, 4, 5, 0], [2, 2, 3, 5]]
labels = np.array([1.0, 0.0, 1.0])
data = (np.array(contexts), labels)


def prob(params, context):
    h = params["E"][context].mean(axis=0)
    return h, 1 / (1 + np.exp(-h @ params["out"]))


def loss(params, contexts, labels):
    J = 0.0
    for context, label in zip(contexts, labels):
        _, p = prob(params, context)
        J -= label * np.log(p) + (1 - label) * np.log(1 - p)
    return J


def grads(params, contexts, labels):
    dE = np.zeros_like(params["E"])
    dout = np.zeros_like(params["out"])
    for context, label in zip(contexts, labels):
        h, p = prob(params, context)
        err = p - label
        dout += err * h
        dh = err * params["out"]
        for word in context:
            dE[word] += dh
    return {"E": dE, "out": dout}
