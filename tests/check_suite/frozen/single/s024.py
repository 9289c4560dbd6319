import numpy as np

rs = np.random.RandomState(4)
f = np.float32
params = {
	"W1": rs.randn(4, 4).astype(f) * f(0.7),
	"b1": rs.randn(4).astype(f) * f(0.1),
	"W2": rs.randn(4, 4).astype(f) * f(0.7),
	"b2": rs.randn(4).astype(f) * f(0.1),
	"W3": rs.randn(4, 1).astype(f) * f(0.7),
	"b3": rs.randn(1).astype(f) * f(0.1),
}
data = (rs.randn(10, 4).astype(f), rs.randn(10, 1).astype(f))


def run(p, X):
	zs = []
	acts = [X]
	for i in (1, 2, 3):
		z = acts[-1] @ p[f"W{i}"] + p[f"b{i}"]
		zs.append(z)
		acts.append(np.maximum(z, 0) if i < 3 else z)
	return zs, acts


def loss(p, X, y):
	_, acts = run(p, X)
	return np.mean((acts[-1] - y) ** 2)


def grads(p, X, y):
	zs, acts = run(p, X)
	g = {}
	d = 2 * (acts[-1] - y) / len(X)
	g["W3"] = acts[2].T @ d
	g["b3"] = d.sum(axis=0)
	d = d @ p["W3"].T
	d = d * (zs[0] > 0)
	g["W2"] = acts[1].T @ d
	g["b2"] = d.sum(axis=0)
	d = d @ p["W2"].T
	d = d * (zs[0] > 0)
	g["W1"] = acts[0].T @ d
	g["b1"] = d.sum(axis=0)
	return g
