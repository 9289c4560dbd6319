import numpy as np

np.random.seed(1234)
patterns = np.eye(6)[:, :5] + 0.05 * np.random.rand(6, 5)

params = dict(
    enc_w=np.random.randn(5, 3),
    enc_b=np.zeros(3),
    dec_w=np.random.randn(3, 5),
    dec_b=np.zeros(5),
)


def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigma_prime(z):
    return np.exp(-z) / (1.0 + np.exp(-z)) ** 2


def run(params, x):
    z1 = x @ params["enc_w"] + params["enc_b"]
    code = sigma(z1)
    z2 = code @ params["dec_w"] + params["dec_b"]
    return z1, code, z2, sigma(z2)


def reconstruction_error(params, x):
    return np.mean(np.square(x - run(params, x)[-1]))


def gradients(params, x):
    z1, code, z2, x_rec = run(params, x)
    grads = {}
    delta = 2.0 * (x_rec - x) / x.size * sigma_prime(z2)
    grads["dec_w"] = code.T @ delta
    grads["dec_b"] = delta.sum(0)
    delta = delta @ params["dec_w"].T * sigma_prime(code)
    grads["enc_w"] = x.T @ delta
    grads["enc_b"] = delta.sum(0)
    return grads


learning_rate = 3.0
errors = [reconstruction_error(params, patterns)]
while len(errors) <= 120 and errors[-1] > 1e-3:
    grads = gradients(params, patterns)
    for name in params:
        params[name] = params[name] - learning_rate * grads[name]
    errors.append(reconstruction_error(params, patterns))

print(f"error went from {errors[0]:.4f} to {errors[-1]:.4f} in {len(errors) - 1} steps")
