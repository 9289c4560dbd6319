import numpy as np

np.random.seed(2015)

params = {
    'weights': [np.random.randn(5, 2), np.random.randn(2, 5)],
    'biases': [np.random.randn(5, 1), np.random.randn(2, 1)],
}
mini_batch_x = np.random.randn(4, 2, 1)
mini_batch_y = np.random.randn(4, 2, 1)
data = (mini_batch_x, mini_batch_y)

def relu(z): return np.maximum(z, 0.0)
def relu_prime(z): return (z > 0).astype(float)

def feedforward(params, x):
    """Return the weighted input of the hidden layer, its activation, and the output."""
    z = np.dot(params['weights'][0], x) + params['biases'][0]
    a = relu(z)
    return z, a, np.dot(params['weights'][1], a) + params['biases'][1]

def loss(params, xs, ys):
    # quadratic cost, C = 1/(2n) sum |a - y|^2
    return sum(0.5 * np.linalg.norm(feedforward(params, x)[2] - y) ** 2 for x, y in zip(xs, ys)) / len(xs)

def grads(params, xs, ys):
    nabla_w = [np.zeros(w.shape) for w in params['weights']]
    nabla_b = [np.zeros(b.shape) for b in params['biases']]
    for x, y in zip(xs, ys):
        z, a, out = feedforward(params, x)
        delta = out - y
        nabla_b[1] += delta / len(xs)
        nabla_w[1] += np.dot(delta, a.T) / len(xs)
        delta = np.dot(params['weights'][1].T, delta)
        nabla_b[0] += delta / len(xs)
        nabla_w[0] += np.dot(delta, x.T) / len(xs)
    return {'weights': nabla_w, 'biases': nabla_b}
