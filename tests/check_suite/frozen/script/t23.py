import numpy as np

rng = np.random.default_rng(2015)
X = rng.normal(size=(16, 4))
Y = rng.normal(size=(16, 3))
W = rng.normal(size=(4, 3))
gamma = np.ones(3)
beta = np.zeros(3)
lr = 0.05


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma * x_hat + beta, (x_hat, var, eps)


def batchnorm_backward(dout, cache):
    x_hat, var, eps = cache
    dgamma = np.sum(dout * x_hat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dx_hat = dout * gamma
    dx = dx_hat / np.sqrt(var + eps)
    return dx, dgamma, dbeta


def half_squared_error(pred, target):
    return 0.5 * np.sum((pred - target) ** 2) / len(target)


for step in range(100):
    out, cache = batchnorm_forward(X @ W, gamma, beta)
    loss = half_squared_error(out, Y)
    dx, dgamma, dbeta = batchnorm_backward((out - Y) / len(Y), cache)
    W -= lr * X.T @ dx
    gamma -= lr * dgamma
    beta -= lr * dbeta
    if step % 20 == 0:
        print(f"step {step:3d}  loss {loss:.5f}")
