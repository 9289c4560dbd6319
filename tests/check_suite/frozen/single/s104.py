import numpy as np

np.random.seed(2)
params = {"W": np.random.randn(3, 3), "b": np.random.randn(3)}
data = (np.array([0.5, -1.0, 2.0]), 1)


def softmax(v):
	e = np.exp(v - v.max())
	return e / e.sum()


def loss(params, x, label):
	return -np.log(softmax(params["W"] @ x + params["b"])[label])


def grads(params, x, label):
	p = softmax(params["W"] @ x + params["b"])
	delta = p.copy()
	delta[label] -= 1
	dW = delta * x
	return {"W": dW, "b": delta}
