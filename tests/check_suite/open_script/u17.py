import numpy as np

gen = np.random.default_rng(2)
x = np.linspace(-2, 2, 32).reshape(1, 32)
y = x**3 / 4 - x + 0.05 * gen.standard_normal((1, 32))
alpha = 0.5


def elu(z):
	return np.where(z > 0, z, alpha * (np.exp(z) - 1))


def elu_grad(z):
	return np.where(z > 0, 1.0, alpha)


W1, b1 = gen.standard_normal((7, 1)), gen.standard_normal((7, 1))
W2, b2 = gen.standard_normal((1, 7)) / 3, np.zeros((1, 1))
lr = 0.05

for epoch in range(200):
	z1 = W1 @ x + b1
	a1 = elu(z1)
	guess = W2 @ a1 + b2
	loss = np.mean((guess - y) ** 2)

	d_guess = 2 / y.shape[1] * (guess - y)
	dW2, db2 = d_guess @ a1.T, d_guess.sum(axis=1, keepdims=True)
	dz1 = (W2.T @ d_guess) * elu_grad(z1)
	dW1, db1 = dz1 @ x.T, dz1.sum(axis=1, keepdims=True)

	W1, b1 = W1 - lr * dW1, b1 - lr * db1
	W2, b2 = W2 - lr * dW2, b2 - lr * db2
	if epoch % 50 == 0:
		print(epoch, loss)
