import numpy as np

rng = np.random.default_rng(21)
dims = (2, 6, 2)
params = {
	'W1': rng.normal(size=(dims[0], dims[1])),
	'b1': rng.normal(size=dims[1]),
	'W2': rng.normal(size=(dims[1], dims[2])),
	'b2': rng.normal(size=dims[2]),
}
data = (rng.normal(size=(10, 2)), rng.uniform(-0.8, 0.8, size=(10, 2)))


def net(p, X):
	h = np.tanh(np.einsum('bi,ij->bj', X, p['W1']) + p['b1'])
	o = np.tanh(np.einsum('bj,jk->bk', h, p['W2']) + p['b2'])
	return h, o


def loss(p, X, Y):
	_, o = net(p, X)
	return np.einsum('bk,bk->', o - Y, o - Y) / o.size


def grads(p, X, Y):
	h, o = net(p, X)
	go = 2 * (o - Y) / o.size
	gh = np.einsum('bk,jk->bj', go, p['W2']) * (1 - h * h)
	return {
		'W1': np.einsum('bi,bj->ij', X, gh),
		'b1': np.einsum('bj->j', gh),
		'W2': np.einsum('bj,bk->jk', h, go),
		'b2': np.einsum('bk->k', go),
	}
