import numpy as np

np.random.seed(4)


def sigmoid(x):
	return 1 / (1 + np.exp(-x))


X = np.random.rand(5, 3)
y = np.random.rand(5, 1)
data = (X, y)
params = {'W1': np.random.randn(3, 4), 'W2': np.random.randn(4, 1)}


def loss(params, X, y):
	return 0.5 * np.sum((sigmoid(sigmoid(X @ params['W1']) @ params['W2']) - y) ** 2)


def grads(params, X, y):
	h = sigmoid(X @ params['W1'])
	o = sigmoid(h @ params['W2'])
	do = (o - y) * o * (1 - o)
	dW2 = np.dot(h, do)
	dh = np.dot(do, params['W2'].T) * h * (1 - h)
	dW1 = np.dot(X.T, dh)
	return {'W1': dW1, 'W2': dW2}
