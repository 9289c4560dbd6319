import numpy as np

np.random.seed(47)
H = 3
params = {"U": np.random.randn(2, H), "V": np.random.randn(H, H) * 0.5, "W": np.random.randn(H, 1)}
data = (np.random.randn(4, 3, 2), np.random.randn(4, 1))


def forward(params, X):
    steps = []
    h = np.zeros((X.shape[0], H))
    for t in range(X.shape[1]):
        prev = h
        h = np.tanh(X[:, t] @ params["U"] + prev @ params["V"])
        steps.append({"x": X[:, t], "prev": prev, "h": h})
    return h @ params["W"], h, steps


def loss(params, X, y):
    out, _, _ = forward(params, X)
    return 0.5 * np.mean((out - y) ** 2)


def grads(params, X, y):
    out, h, steps = forward(params, X)
    dout = (out - y) / len(X)
    g = {"W": h.T @ dout, "U": 0, "V": 0}
    dh = dout @ params["W"].T
    for s in reversed(steps):
        draw = dh * (1 - h**2)
        g["U"] = g["U"] + s["x"].T @ draw
        g["V"] = g["V"] + s["prev"].T @ draw
        dh = draw @ params["V"].T
    return g
