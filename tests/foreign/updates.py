"""Update rules that change parameters where they stand."""

import numpy as np

from .case import Case


def adam_by_layer_number(parameters, grads, v, s, t):
    """MOOC style: Adam over dicts keyed by layer number, moments and corrections in dicts."""
    learning_rate, beta1, beta2, epsilon = 0.01, 0.9, 0.999, 1e-8
    L = len(parameters) // 2
    v_corrected = {}
    s_corrected = {}
    for layer in range(1, L + 1):
        for kind in ("W", "b"):
            key = "d" + kind + str(layer)
            v[key] = beta1 * v[key] + (1 - beta1) * grads[key]
            v_corrected[key] = v[key] / (1 - np.power(beta1, t))
            s[key] = beta2 * s[key] + (1 - beta2) * np.power(grads[key], 2)
            s_corrected[key] = s[key] / (1 - np.power(beta2, t))
            step = v_corrected[key] / (np.sqrt(s_corrected[key]) + epsilon)
            parameters[kind + str(layer)] -= learning_rate * step
    return parameters, v, s


def clipped_adagrad(params, grads, memories, learning_rate, max_norm):
    """Training-script style: clip by the global norm if it is too large, then zip and update."""
    total_norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    if total_norm > max_norm:
        for g in grads:
            g *= max_norm / total_norm
    for param, dparam, mem in zip(params, grads, memories):
        mem += dparam * dparam
        param += -learning_rate * dparam / np.sqrt(mem + 1e-8)


def skip_gram_step(center, context, negatives, W_in, W_out, lr):
    """Word-vector blog style: one negative-sampling step on rows of two embedding tables."""
    v = W_in[center].copy()
    indices = np.concatenate([[context], negatives])
    labels = np.zeros(len(indices))
    labels[0] = 1
    u = W_out[indices]
    scores = 1.0 / (1.0 + np.exp(-u @ v))
    loss = -np.log(scores[0]) - np.sum(np.log(1 - scores[1:]))
    error = scores - labels
    W_in[center] -= lr * error @ u
    np.subtract.at(W_out, indices, lr * np.outer(error, v))
    return loss


def _adam_arguments(rng):
    shapes = {"W1": (4, 3), "b1": (4, 1), "W2": (2, 4), "b2": (2, 1)}
    return (
        {name: rng.normal(size=shape) for name, shape in shapes.items()},
        {"d" + name: rng.normal(size=shape) for name, shape in shapes.items()},
        {"d" + name: rng.normal(size=shape) for name, shape in shapes.items()},
        {"d" + name: rng.random(size=shape) for name, shape in shapes.items()},
        2,
    )


CASES = [
    Case("adam_by_layer_number", adam_by_layer_number, _adam_arguments, (0, 1, 2, 3)),
    Case(
        "clipped_adagrad",
        clipped_adagrad,
        lambda rng: (
            [rng.normal(size=(3, 4)), rng.normal(size=4)],
            [3 * rng.normal(size=(3, 4)), 3 * rng.normal(size=4)],
            [rng.random((3, 4)), rng.random(4)],
            0.1,
            5.0,
        ),
        (),
    ),
    Case(
        "skip_gram_step",
        skip_gram_step,
        lambda rng: (
            2,
            5,
            np.array([0, 3, 3, 7]),
            rng.normal(size=(8, 4)),
            rng.normal(size=(8, 4)),
            0.05,
        ),
        (3, 4),
    ),
]
