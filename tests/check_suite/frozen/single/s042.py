import numpy as np

np.random.seed(15)

def f(x):
    return 1 / (1 + np.exp(-x))

x = np.random.randn(3, 3)
t = np.random.rand(3, 3)
data = (x, t)
params = {"W1": np.random.randn(3, 3), "W2": np.random.randn(3, 3)}

def loss(params, x, t):
    o = f(f(x @ params["W1"]) @ params["W2"])
    return 0.5 * np.sum((t - o) ** 2)

def grads(params, x, t):
    h = f(x @ params["W1"])
    o = f(h @ params["W2"])
    d_o = -(t - o) * o * (1 - o)
    d_h = d_o * params["W2"].T * h * (1 - h)
    return {"W1": x.T @ d_h, "W2": h.T @ d_o}
