import numpy as np

np.random.seed(70)
X = np.random.randn(6, 2)
y = np.random.randn(6, 2)
data = (X, y)
params = {"A": np.random.randn(2, 3), "a": np.random.randn(3), "B": np.random.randn(3, 2), "b": np.random.randn(2)}


def my_tanh(z):
	return (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1)


def my_tanh_slope(z):
	return 4 / (np.exp(z) + np.exp(-z)) ** 2


def loss(params, X, y):
	out = my_tanh(X @ params["A"] + params["a"]) @ params["B"] + params["b"]
	return np.mean(np.sum((out - y) ** 2, axis=1))


def grads(params, X, y):
	z = X @ params["A"] + params["a"]
	h = my_tanh(z)
	out = h @ params["B"] + params["b"]
	d = 2 * (out - y) / len(X)
	dz = d @ params["B"].T * my_tanh_slope(z)
	return {"A": X.T @ dz, "a": dz.sum(0), "B": h.T @ d, "b": d.sum(0)}
