import numpy as np

x = np.linspace(-1.0, 1.0, 11)
y = np.sin(2.5 * x)
data = (x, y)
params = {"c": np.array([0.1, 0.7, -0.2, 0.4])}


def poly(c, x):
    total = np.zeros_like(x)
    for k in range(len(c)):
        total = total + c[k] * x**k
    return total


def loss(params, x, y):
    return np.mean((poly(params["c"], x) - y) ** 2)


def grads(params, x, y):
    r = poly(params["c"], x) - y
    dc = np.zeros(4)
    for k in range(4):
        dc[k] = 2 * np.mean(r * x ** (k + 1))
    return {"c": dc}
