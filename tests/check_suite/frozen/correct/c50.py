import numpy as np

np.random.seed(2012)
lr, rho = 0.01, 0.9
params = {"W1": np.random.randn(2, 3), "b1": np.random.randn(3), "W2": np.random.randn(3, 1), "b2": np.random.randn(1)}
data = (np.random.randn(6, 2), np.random.rand(6, 1))
cache = dict.fromkeys(params, 0.0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, y):
    return np.mean((sigmoid(sigmoid(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]) - y) ** 2)


def step(params, X, y, lr):
    a = sigmoid(X @ params["W1"] + params["b1"])
    o = sigmoid(a @ params["W2"] + params["b2"])
    do = 2 * (o - y) / len(y) * o * (1 - o)
    da = do @ params["W2"].T * a * (1 - a)
    for name, g in (("W1", X.T @ da), ("b1", da.sum(0)), ("W2", a.T @ do), ("b2", do.sum(0))):
        cache[name] = rho * cache[name] + (1 - rho) * g**2
        params[name] = params[name] - lr * g / (np.sqrt(cache[name]) + 1e-8)
    return params
