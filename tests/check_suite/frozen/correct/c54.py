import numpy as np

np.random.seed(54)
l1 = 0.02
params = {"W1": np.random.randn(3, 2), "b1": np.random.randn(3, 1), "W2": np.random.randn(3, 3), "b2": np.random.randn(3, 1)}
data = (np.array([[0.4], [-1.2]]), np.array([[0], [0], [1]]))


def forward(p, x):
    h = np.tanh(p["W1"] @ x + p["b1"])
    z = p["W2"] @ h + p["b2"]
    z = np.exp(z - z.max())
    return h, z / z.sum()


def loss(p, x, y):
    _, q = forward(p, x)
    return -float(np.sum(y * np.log(q))) + l1 * (np.abs(p["W1"]).sum() + np.abs(p["W2"]).sum())


def grads(p, x, y):
    h, q = forward(p, x)
    e = q - y
    dh = p["W2"].T @ e * (1 - h * h)
    return {
        "W1": dh @ x.T + l1 * np.sign(p["W1"]),
        "b1": dh,
        "W2": e @ h.T + l1 * np.sign(p["W2"]),
        "b2": e,
    }
