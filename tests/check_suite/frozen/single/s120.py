import numpy as np

np.random.seed(17)
X = np.random.randn(3, 6)
Y = np.eye(2)[:, np.random.randint(0, 2, 6)]
data = (X, Y)
params = {"W1": np.random.randn(4, 3), "b1": np.random.randn(4, 1), "W2": np.random.randn(2, 4), "b2": np.random.randn(2, 1)}


def sigmoid(x):
	return 1 / (1 + np.exp(-x))


def softmax(x):
	e = np.exp(x)
	return e / e.sum(axis=0, keepdims=True)


def loss(params, X, Y):
	A1 = sigmoid(params["W1"] @ X + params["b1"])
	return -np.mean(np.sum(Y * np.log(softmax(params["W2"] @ A1 + params["b2"])), axis=0))


def grads(params, X, Y):
	m = X.shape[1]
	A1 = sigmoid(params["W1"] @ X + params["b1"])
	A2 = softmax(params["W2"] @ A1 + params["b2"])

	dZ2 = (A2 - Y) / m
	dW2 = dZ2 @ A1.T / m
	db2 = dZ2.sum(axis=1, keepdims=True) / m
	dZ1 = params["W2"].T @ dZ2 * A1 * (1 - A1)
	dW1 = dZ1 @ X.T / m
	db1 = dZ1.sum(axis=1, keepdims=True) / m
	return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
