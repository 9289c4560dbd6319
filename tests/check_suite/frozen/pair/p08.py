import numpy as np

rng = np.random.default_rng(91)
X = rng.normal(size=(6, 3))
Y = np.eye(3)[rng.integers(0, 3, 6)]
data = (X, Y)
params = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 3)), "b2": rng.normal(size=3)}


def forward(params, X):
	h = 1 / (1 + np.exp(-(X @ params["W1"] + params["b1"])))
	e = np.exp(h @ params["W2"] + params["b2"])
	return h, e / e.sum(axis=1, keepdims=True)


def loss(params, X, Y):
	_, S = forward(params, X)
	return ((S - Y) ** 2).sum() / len(X)


def grads(params, X, Y):
	h, S = forward(params, X)
	dS = 2 * (S - Y) / len(X)
	dz = dS * S * (1 - S)
	dh = dz @ params["W2"].T
	return {"W1": X.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
