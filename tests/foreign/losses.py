"""Losses for detection, classification and representation learning."""

import numpy as np

from .case import Case


def detection_loss(logits, labels, boxes, target_boxes, gamma):
    """Detector-reimplementation style: focal loss of clipped probabilities plus smooth L1."""
    p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    pt = np.where(labels == 1, p, 1 - p)
    alpha_t = np.where(labels == 1, 0.25, 0.75)
    focal = -alpha_t * (1 - pt) ** gamma * np.log(pt)

    diff = np.abs(boxes - target_boxes)
    smooth_l1 = np.where(diff < 1.0, 0.5 * diff**2, diff - 0.5)
    positive = (labels == 1).astype(np.float64)
    n_positive = np.maximum(positive.sum(), 1)
    box_loss = (smooth_l1.sum(axis=-1) * positive).sum() / n_positive
    return focal.sum() / n_positive + box_loss


def smoothed_cross_entropy(logits, y, smoothing):
    """Training-script style: one-hot labels from rows of the identity, smoothed, and accuracy."""
    num_classes = logits.shape[1]
    one_hot = np.eye(num_classes)[y]
    targets = one_hot * (1 - smoothing) + smoothing / num_classes
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -(targets * log_probs).sum(axis=1).mean()
    nll = -np.take_along_axis(log_probs, y[:, None], axis=1).mean()
    accuracy = (np.argmax(logits, axis=1) == y).mean()
    grad = (np.exp(log_probs) - targets) / len(y)
    return loss, nll, accuracy, grad


def contrastive_loss(z1, z2, temperature):
    """Self-supervised-blog style: two views stacked, cosine similarities, self-pairs masked."""
    n = z1.shape[0]
    z = np.concatenate([z1, z2], axis=0)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    sim = z @ z.T / temperature
    sim[np.eye(2 * n, dtype=bool)] = -np.inf
    partner = np.roll(np.arange(2 * n), n)
    row_max = sim.max(axis=1, keepdims=True)
    log_denominator = np.log(np.sum(np.exp(sim - row_max), axis=1)) + row_max.ravel()
    positives = sim[np.arange(2 * n), partner]
    return np.mean(log_denominator - positives)


CASES = [
    Case(
        "detection_loss",
        detection_loss,
        lambda rng: (
            rng.normal(size=7),
            np.array([1, 0, 0, 1, 0, 1, 0]),
            rng.normal(size=(7, 4)),
            2 * rng.normal(size=(7, 4)),
            2.0,
        ),
        (0, 2, 3),
    ),
    Case(
        "smoothed_cross_entropy",
        smoothed_cross_entropy,
        lambda rng: (3 * rng.normal(size=(6, 4)), rng.integers(0, 4, size=6), 0.1),
        (0,),
    ),
    Case(
        "contrastive_loss",
        contrastive_loss,
        lambda rng: (rng.normal(size=(4, 5)), rng.normal(size=(4, 5)), 0.5),
        (0, 1),
    ),
]
