import numpy as np

rng = np.random.default_rng(303)
D = 4
params = {
    "W1": rng.normal(size=(3, D)),
    "b1": rng.normal(size=D) * 0.1,
    "W2": rng.normal(size=(D, D)) * 0.5,
    "b2": rng.normal(size=D) * 0.1,
    "W3": rng.normal(size=(D, 1)),
}
data = (rng.normal(size=(8, 3)), rng.normal(size=(8, 1)))


def forward(p, x):
    a1 = np.maximum(0, x @ p["W1"] + p["b1"])
    u = np.maximum(0, a1 @ p["W2"] + p["b2"])
    a2 = a1 + u
    return a1, u, a2, a2 @ p["W3"]


def loss(p, x, y):
    return np.mean((forward(p, x)[-1] - y) ** 2)


def grads(p, x, y):
    a1, u, a2, out = forward(p, x)
    dout = 2 * (out - y) / len(x)
    dW3 = a2.T @ dout
    da2 = dout @ p["W3"].T
    du = da2 * (u > 0)
    dW2 = a1.T @ du
    db2 = du.sum(0)
    da1 = du @ p["W2"].T
    dz1 = da1 * (a1 > 0)
    return {"W1": x.T @ dz1, "b1": dz1.sum(0), "W2": dW2, "b2": db2, "W3": dW3}
