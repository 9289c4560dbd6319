import numpy as np

np.random.seed(20)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


pairs = np.random.randn(6, 2, 3)
similar = np.random.rand(6)
data = (pairs, similar)
params = {'W': np.random.randn(3, 4), 'b': np.random.randn(4)}


def distances(params, pairs):
    left = sigmoid(pairs[:, 0] @ params['W'] + params['b'])
    right = sigmoid(pairs[:, 1] @ params['W'] + params['b'])
    return left, right, np.sum((left - right) ** 2, axis=1)


def loss(params, pairs, similar):
    return 0.5 * np.mean((distances(params, pairs)[2] - similar) ** 2)


def grads(params, pairs, similar):
    left, right, dist = distances(params, pairs)
    d_dist = (dist - similar) / len(similar)
    d_left = 2 * d_dist[:, None] * (left - right)
    d_right = -d_left
    for inputs, out, d_out in ((pairs[:, 0], left, d_left), (pairs[:, 1], right, d_right)):
        d_pre = d_out * out * (1 - out)
        gW = inputs.T @ d_pre
        gb = d_pre.sum(axis=0)
    return {'W': gW, 'b': gb}
