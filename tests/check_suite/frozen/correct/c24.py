import numpy as np

np.random.seed(24)
lr, mu = 0.05, 0.9
params = {"W1": np.random.randn(4, 2), "b1": np.random.randn(4, 1), "W2": np.random.randn(1, 4), "b2": np.zeros((1, 1))}
data = (np.random.randn(2, 6), np.random.randn(1, 6))
v = {k: np.zeros_like(p) for k, p in params.items()}


def loss(params, X, Y):
	A = np.maximum(0, params["W1"] @ X + params["b1"])
	return np.mean((params["W2"] @ A + params["b2"] - Y) ** 2)


def step(params, X, Y, lr):
	A = np.maximum(0, params["W1"] @ X + params["b1"])
	dZ2 = 2 * (params["W2"] @ A + params["b2"] - Y) / Y.shape[1]
	dZ1 = params["W2"].T @ dZ2 * (A > 0)
	g = {
		"W1": dZ1 @ X.T,
		"b1": dZ1.sum(axis=1, keepdims=True),
		"W2": dZ2 @ A.T,
		"b2": dZ2.sum(axis=1, keepdims=True),
	}
	for k in params:
		v[k] = mu * v[k] - lr * g[k]
		params[k] += v[k]
	return params
