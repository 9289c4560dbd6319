import numpy as np

def sigmoid(v):
	return 1.0 / (1.0 + np.exp(-v))

params = {
	"w_hidden": np.array([[0.15, 0.2], [0.25, 0.3]]),
	"w_out": np.array([[0.4, 0.45], [0.5, 0.55]]),
}
data = (np.array([0.05, 0.1]), np.array([0.01, 0.99]))
lr = 0.5

def feed(params, x):
	hidden = [sigmoid(sum(w * v for w, v in zip(row, x))) for row in params["w_hidden"]]
	out = [sigmoid(sum(w * v for w, v in zip(row, hidden))) for row in params["w_out"]]
	return hidden, out

def loss(params, x, target):
	_, out = feed(params, x)
	return sum(0.5 * (t - o) ** 2 for t, o in zip(target, out))

def step(params, x, target, lr):
	hidden, out = feed(params, x)
	out_delta = [(o - t) * o * (1 - o) for o, t in zip(out, target)]
	old = params["w_out"]
	for k in range(2):
		for j in range(2):
			params["w_out"][k, j] -= lr * out_delta[k] * hidden[j]
	for j in range(2):
		back = sum(out_delta[k] * old[k, j] for k in range(2))
		hidden_delta = back * hidden[j] * (1 - hidden[j])
		for i in range(2):
			params["w_hidden"][j, i] -= lr * hidden_delta * x[i]
	return params
