"""Multilayer perceptrons with hand-written backward passes."""

import numpy as np

from .case import Case


def two_layer_net(X, y, params, reg):
    """Course-assignment style: a dict of parameters, softmax loss, fancy-index gradient."""
    W1, b1 = params["W1"], params["b1"]
    W2, b2 = params["W2"], params["b2"]
    N = X.shape[0]

    hidden = np.maximum(0, X.dot(W1) + b1)
    scores = hidden.dot(W2) + b2
    scores -= np.max(scores, axis=1, keepdims=True)
    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    correct_logprobs = -np.log(probs[range(N), y])
    loss = np.sum(correct_logprobs) / N
    loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

    grads = {}
    dscores = probs
    dscores[range(N), y] -= 1
    dscores /= N
    grads["W2"] = np.dot(hidden.T, dscores) + reg * W2
    grads["b2"] = np.sum(dscores, axis=0)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden <= 0] = 0
    grads["W1"] = np.dot(X.T, dhidden) + reg * W1
    grads["b1"] = np.sum(dhidden, axis=0)
    return loss, grads


def svm_loss_vectorized(W, X, y, reg):
    """Course-assignment style: multiclass hinge loss where the margins become the gradient."""
    num_train = X.shape[0]
    scores = X.dot(W)
    correct_class_score = scores[np.arange(num_train), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct_class_score + 1)
    margins[np.arange(num_train), y] = 0
    loss = np.sum(margins) / num_train + reg * np.sum(W**2)

    binary = margins
    binary[margins > 0] = 1
    row_sum = np.sum(binary, axis=1)
    binary[np.arange(num_train), y] = -row_sum
    dW = np.dot(X.T, binary) / num_train + 2 * reg * W
    return loss, dW


def affine_relu_dropout(x, w, b, mask, dout):
    """Modular-layer style: forward and backward functions that hand over tuples of caches."""

    def affine_forward(x, w, b):
        out = x.reshape(x.shape[0], -1).dot(w) + b
        cache = (x, w, b)
        return out, cache

    def affine_backward(dout, cache):
        x, w, _b = cache
        dx = dout.dot(w.T).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T.dot(dout)
        db = np.sum(dout, axis=0)
        return dx, dw, db

    def relu_forward(x):
        return np.maximum(x, 0), x

    def relu_backward(dout, cache):
        return dout * (cache > 0)

    def dropout_forward(x, mask, p=0.8):
        mask = mask / p
        return x * mask, mask

    a, fc_cache = affine_forward(x, w, b)
    h, relu_cache = relu_forward(a)
    out, drop_cache = dropout_forward(h, mask)
    da = relu_backward(dout * drop_cache, relu_cache)
    return out, affine_backward(da, fc_cache)


def deep_model(X, Y, parameters):
    """MOOC style: samples in columns, parameters named by layer number, shapes asserted."""
    caches = []
    A = X
    L = len(parameters) // 2
    for layer in range(1, L):
        A_prev = A
        W, b = parameters["W" + str(layer)], parameters["b" + str(layer)]
        Z = np.dot(W, A_prev) + b
        A = np.maximum(0, Z)
        assert A.shape == (W.shape[0], A_prev.shape[1])
        caches.append((A_prev, W, Z))
    W, b = parameters["W" + str(L)], parameters["b" + str(L)]
    Z = np.dot(W, A) + b
    AL = 1 / (1 + np.exp(-Z))
    caches.append((A, W, Z))

    m = Y.shape[1]
    logprobs = np.multiply(np.log(AL), Y) + np.multiply(np.log(1 - AL), 1 - Y)
    cost = -1.0 / m * np.sum(logprobs)
    cost = np.squeeze(cost)
    assert cost.shape == ()

    grads = {}
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    A_prev, W, Z = caches[L - 1]
    s = 1 / (1 + np.exp(-Z))
    dZ = dAL * s * (1 - s)
    grads["dW" + str(L)] = 1.0 / m * np.dot(dZ, A_prev.T)
    grads["db" + str(L)] = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
    dA = np.dot(W.T, dZ)
    for layer in reversed(range(L - 1)):
        A_prev, W, Z = caches[layer]
        dZ = np.array(dA, copy=True)
        dZ[Z <= 0] = 0
        grads["dW" + str(layer + 1)] = 1.0 / m * np.dot(dZ, A_prev.T)
        grads["db" + str(layer + 1)] = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
        dA = np.dot(W.T, dZ)
    return cost, grads


def backprop_column_vectors(biases, weights, x, y):
    """Online-book style: lists of column biases, one sample, nabla lists filled from the end."""

    def sigmoid(z):
        return 1.0 / (1.0 + np.exp(-z))

    def sigmoid_prime(z):
        return sigmoid(z) * (1 - sigmoid(z))

    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    activation = x
    activations = [x]
    zs = []
    for b, w in zip(biases, weights):
        z = np.dot(w, activation) + b
        zs.append(z)
        activation = sigmoid(z)
        activations.append(activation)
    delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
    nabla_b[-1] = delta
    nabla_w[-1] = np.dot(delta, activations[-2].transpose())
    for layer in range(2, len(weights) + 1):
        z = zs[-layer]
        sp = sigmoid_prime(z)
        delta = np.dot(weights[-layer + 1].transpose(), delta) * sp
        nabla_b[-layer] = delta
        nabla_w[-layer] = np.dot(delta, activations[-layer - 1].transpose())
    return nabla_b, nabla_w


def short_sigmoid_network(X, y, syn0, syn1):
    """Few-lines blog style: the whole training loop on XOR, weights updated with `+=`."""

    def nonlin(x, deriv=False):
        if deriv:
            return x * (1 - x)
        return 1 / (1 + np.exp(-x))

    for _ in range(5):
        l0 = X
        l1 = nonlin(np.dot(l0, syn0))
        l2 = nonlin(np.dot(l1, syn1))
        l2_error = y - l2
        l2_delta = l2_error * nonlin(l2, deriv=True)
        l1_error = l2_delta.dot(syn1.T)
        l1_delta = l1_error * nonlin(l1, deriv=True)
        syn1 += l1.T.dot(l2_delta)
        syn0 += l0.T.dot(l1_delta)
    return np.mean(np.abs(l2_error))


def _dense_params(rng):
    return {
        "W1": rng.normal(size=(4, 6)),
        "b1": rng.normal(size=6),
        "W2": rng.normal(size=(6, 3)),
        "b2": rng.normal(size=3),
    }


def _column_params(rng):
    return {
        "W1": 0.5 * rng.normal(size=(5, 3)),
        "b1": rng.normal(size=(5, 1)),
        "W2": 0.5 * rng.normal(size=(4, 5)),
        "b2": rng.normal(size=(4, 1)),
        "W3": 0.5 * rng.normal(size=(1, 4)),
        "b3": rng.normal(size=(1, 1)),
    }


CASES = [
    Case(
        "two_layer_net",
        two_layer_net,
        lambda rng: (
            rng.normal(size=(7, 4)),
            rng.integers(0, 3, size=7),
            _dense_params(rng),
            0.05,
        ),
        (0, 2),
    ),
    Case(
        "svm_loss_vectorized",
        svm_loss_vectorized,
        lambda rng: (
            rng.normal(size=(5, 4)),
            rng.normal(size=(6, 5)),
            rng.integers(0, 4, size=6),
            0.1,
        ),
        (0, 1),
    ),
    Case(
        "affine_relu_dropout",
        affine_relu_dropout,
        lambda rng: (
            rng.normal(size=(3, 2, 4)),
            rng.normal(size=(8, 5)),
            rng.normal(size=5),
            (rng.random((3, 5)) < 0.8).astype(float),
            rng.normal(size=(3, 5)),
        ),
        (0, 1, 2, 4),
    ),
    Case(
        "deep_model",
        deep_model,
        lambda rng: (
            rng.normal(size=(3, 8)),
            rng.integers(0, 2, size=(1, 8)).astype(float),
            _column_params(rng),
        ),
        (0, 2),
    ),
    Case(
        "backprop_column_vectors",
        backprop_column_vectors,
        lambda rng: (
            [rng.normal(size=(4, 1)), rng.normal(size=(2, 1))],
            [rng.normal(size=(4, 3)), rng.normal(size=(2, 4))],
            rng.normal(size=(3, 1)),
            rng.random(size=(2, 1)),
        ),
        (0, 1, 2),
    ),
    Case(
        "short_sigmoid_network",
        short_sigmoid_network,
        lambda rng: (
            np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]),
            np.array([[0.0], [1.0], [1.0], [0.0]]),
            2 * rng.random((3, 4)) - 1,
            2 * rng.random((4, 1)) - 1,
        ),
        (0, 2, 3),
    ),
]
