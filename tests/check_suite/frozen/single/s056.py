import numpy as np


class Dense:
	def __init__(self, W, b):
		self.W, self.b = W, b

	def forward(self, inputs):
		self.inputs = inputs
		return inputs @ self.W + self.b

	def backward(self, grad):
		self.dW = self.inputs.T @ grad
		self.db = grad.sum(axis=0)
		return grad @ self.W.T


class Activation:
	def __init__(self, f, f_prime):
		self.f, self.f_prime = f, f_prime

	def forward(self, inputs):
		self.saved = self.f(inputs)
		return self.f(inputs)

	def backward(self, grad):
		return grad * self.f_prime(self.saved)


def tanh_prime(x):
	return 1 - np.tanh(x) ** 2


def build(params):
	return [
		Dense(params["layer1"]["W"], params["layer1"]["b"]),
		Activation(np.tanh, tanh_prime),
		Dense(params["layer2"]["W"], params["layer2"]["b"]),
	]


def forward(layers, X):
	for layer in layers:
		X = layer.forward(X)
	return X


def loss(params, X, y):
	return np.mean((forward(build(params), X) - y) ** 2)


def grads(params, X, y):
	layers = build(params)
	out = forward(layers, X)
	grad = 2 * (out - y) / out.size
	for layer in reversed(layers):
		grad = layer.backward(grad)
	return {
		"layer1": {"W": layers[0].dW, "b": layers[0].db},
		"layer2": {"W": layers[2].dW, "b": layers[2].db},
	}


rng = np.random.default_rng(99)
params = {
	"layer1": {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)},
	"layer2": {"W": rng.normal(size=(4, 2)), "b": rng.normal(size=2)},
}
data = (rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))
