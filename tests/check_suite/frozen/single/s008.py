import numpy as np

np.random.seed(5)
vocab, hidden = 4, 3
params = dict(
	Wxh=np.random.randn(hidden, vocab) * 0.5,
	Whh=np.random.randn(hidden, hidden) * 0.5,
	Why=np.random.randn(vocab, hidden) * 0.5,
	bh=np.zeros((hidden, 1)),
	by=np.zeros((vocab, 1)),
)
data = (np.array([0, 2, 1, 3, 2]), np.array([2, 1, 3, 2, 0]))


def unroll(p, inputs):
	xs, hs, ps = {}, {-1: np.zeros((hidden, 1))}, {}
	for t, ix in enumerate(inputs):
		xs[t] = np.zeros((vocab, 1))
		xs[t][ix] = 1
		hs[t] = np.tanh(p["Wxh"] @ xs[t] + p["Whh"] @ hs[t - 1] + p["bh"])
		o = p["Why"] @ hs[t] + p["by"]
		ps[t] = np.exp(o) / np.sum(np.exp(o))
	return xs, hs, ps


def loss(p, inputs, targets):
	_, _, ps = unroll(p, inputs)
	total = 0
	for t in range(len(inputs)):
		total += -np.log(ps[t][targets[t], 0])
	return total


def grads(p, inputs, targets):
	xs, hs, ps = unroll(p, inputs)
	d = {k: np.zeros_like(v) for k, v in p.items()}
	dhnext = np.zeros((hidden, 1))
	for t in reversed(range(len(inputs))):
		dy = np.copy(ps[t])
		dy[targets[t]] -= 1
		d["Why"] += dy @ hs[t].T
		d["by"] += dy
		dh = p["Why"].T @ dy
		dhraw = (1 - hs[t] * hs[t]) * dh
		d["bh"] += dhraw
		d["Wxh"] += dhraw @ xs[t].T
		d["Whh"] += dhraw @ hs[t - 1].T
		dhnext = p["Whh"].T @ dhraw
	return d
