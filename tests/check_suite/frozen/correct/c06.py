import math

params = {"w1": 0.4, "b1": 0.1, "w2": 0.3, "b2": 0.2}
data = (0.5, 0.6)


def sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


def loss(params, x, t):
    y = params["w2"] * sigmoid(params["w1"] * x + params["b1"]) + params["b2"]
    return 0.5 * (y - t) ** 2


def grads(params, x, t):
    z1 = params["w1"] * x + params["b1"]
    h = sigmoid(z1)
    y = params["w2"] * h + params["b2"]
    dL_dy = y - t
    dL_dz1 = dL_dy * params["w2"] * sigmoid(z1) * (1 - sigmoid(z1))
    return {"w1": dL_dz1 * x, "b1": dL_dz1, "w2": dL_dy * h, "b2": dL_dy}
