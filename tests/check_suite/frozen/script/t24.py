import numpy as np

corpus = "the quick brown fox jumps over the lazy dog the fox".split()
vocab = sorted(set(corpus))
index = {w: i for i, w in enumerate(vocab)}
window, dim, lr = 2, 5, 0.05

np.random.seed(5)
W_in = np.random.uniform(-0.5, 0.5, (len(vocab), dim))
W_out = np.random.uniform(-0.5, 0.5, (dim, len(vocab)))

pairs = []
for i, word in enumerate(corpus):
	for j in range(max(0, i - window), min(len(corpus), i + window + 1)):
		if j != i:
			pairs.append((index[word], index[corpus[j]]))


def softmax(u):
	e = np.exp(u - np.max(u))
	return e / e.sum()


for epoch in range(10):
	total = 0
	for centre, context in pairs:
		h = W_in[centre]
		y = softmax(h @ W_out)
		total += -np.log(y[context])
		e = y.copy()
		e[context] -= 1
		dW_out = np.outer(h, e)
		dh = W_out @ e
		W_out -= lr * dW_out
		W_in[centre] -= lr * dh
	print("Epoch:", epoch, "loss:", total / len(pairs))
