import numpy as np

np.random.seed(1619)
sizes = [2, 5, 4, 1]
params = {
    "W": [np.random.randn(a, b) * np.sqrt(2.0 / a) for a, b in zip(sizes, sizes[1:])],
    "b": [np.zeros(b) for b in sizes[1:]],
}
data = (np.random.randn(8, 2), np.random.randn(8, 1))
lr = 0.1


def forward(params, X):
    a, z = [X], []
    last = len(params["W"]) - 1
    for i in range(last + 1):
        z.append(a[-1] @ params["W"][i] + params["b"][i])
        a.append(z[-1] if i == last else np.maximum(z[-1], 0))
    return a, z


def loss(params, X, y):
    a, _ = forward(params, X)
    return np.mean((a[-1] - y) ** 2)


def step(params, X, y, lr):
    a, z = forward(params, X)
    delta = 2 * (a[-1] - y) / len(X)
    for i in reversed(range(len(params["W"]))):
        grad_W = a[i].T @ delta
        grad_b = delta.sum(axis=0)
        params["W"][i] = params["W"][i] - lr * grad_W
        if i > 0:
            delta = (delta @ params["W"][i].T) * (z[i - 1] > 0)
        params["b"][i] = params["b"][i] - lr * grad_b
    return params
