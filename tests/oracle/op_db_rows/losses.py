"""Losses, with PyTorch's ways to reduce them."""

from math import log, pi
from typing import Any

import numpy as np

from .activations import log_softmax
from .products import pairwise_distance


def reduced(losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    return np.sum(losses) if reduction == "sum" else np.mean(losses)


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


# --- of classes ----------------------------------------------------------------------------------


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Classes are axis 1, or the only one; the target holds class numbers or probabilities."""
    axis = min(1, x.ndim - 1)
    scores = log_softmax(x, axis)
    if target.shape != x.shape:
        return nll_loss(scores, target, weight, ignore_index, reduction)
    if weight is not None:
        scores = scores * np.reshape(weight, [-1 if i == axis else 1 for i in range(x.ndim)])
    return reduced(-np.sum(target * scores, axis=axis), reduction)


def nll_loss(
    scores: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Minus the score of the class. The mean is that by weight of the classes."""
    axis = min(1, scores.ndim - 1)
    kept = target != ignore_index
    label = np.where(kept, target, 0)
    chosen = np.take_along_axis(scores, np.expand_dims(label, axis), axis).squeeze(axis)
    weights = np.where(kept, 1.0 if weight is None else weight[label], 0.0)
    losses = np.where(kept, -chosen, 0.0) * weights
    return np.sum(losses) / np.sum(weights) if reduction == "mean" else reduced(losses, reduction)


def linear_cross_entropy(
    x: Any,
    weights: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    options: Any = None,
    ignore_index: int | None = None,
    **settings: Any,
) -> Any:
    """The chunks in which PyTorch computes it (`options`) change nothing."""
    logits = np.tensordot(x, weights, ([-1], [-1]))
    if linear_bias is not None:
        logits = logits + linear_bias
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(logits, target, ignore_index=ignored, **settings)


def multi_margin_loss(
    x: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    target = np.asarray(target)
    scores = np.reshape(x, (max(target.size, 1), -1))
    label = np.ravel(target)
    own = np.take_along_axis(scores, label[:, None], 1)
    other = np.arange(scores.shape[1]) != label[:, None]
    terms = np.where(other, np.maximum(margin - own + scores, 0.0) ** p, 0.0)
    if weight is not None:
        terms = terms * weight[label][:, None]
    losses = np.sum(terms, axis=1) / scores.shape[1]
    return reduced(losses, reduction)


def multilabel_margin_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    """The labels of a sample end at the first -1."""
    single = x.ndim < 2
    scores, labels = (np.reshape(v, (-1, v.shape[-1] if v.ndim else 1)) for v in (x, target))
    valid = np.cumprod(labels >= 0, axis=1).astype(bool)
    of_sample = np.zeros(labels.shape, bool)
    for sample, label in zip(*np.nonzero(valid), strict=True):
        of_sample[sample, labels[sample, label]] = True
    own = np.take_along_axis(scores, np.where(valid, labels, 0), 1)
    gaps = np.maximum(1 - own[:, :, None] + scores[:, None, :], 0.0)
    counted = valid[:, :, None] & ~of_sample[:, None, :]
    losses = np.sum(np.where(counted, gaps, 0.0), axis=(1, 2)) / scores.shape[1]
    return reduced(losses[0] if single and reduction == "none" else losses, reduction)


def multilabel_soft_margin_loss(
    x: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Any:
    terms = target * softplus(-x) + (1 - target) * softplus(x)
    if weight is not None:
        terms = terms * weight
    return reduced(np.mean(terms, axis=-1), reduction)


# --- of two answers ------------------------------------------------------------------------------


def binary_cross_entropy(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Logarithms end at -100."""
    yes, no = np.maximum(np.log(x), -100.0), np.maximum(np.log1p(-x), -100.0)
    losses = -(target * yes + (1 - target) * no)
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    positive = 1.0 if pos_weight is None else pos_weight
    losses = target * positive * softplus(-x) + (1 - target) * softplus(x)
    return reduced(losses if weight is None else losses * weight, reduction)


def soft_margin_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    return reduced(softplus(-target * x), reduction)


def hinge_embedding_loss(x: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    far = np.where(target != 1, np.maximum(margin - x, 0.0), 0.0)
    near = np.where(target != -1, x, 0.0)
    return reduced(far + near, reduction)


# --- of distances --------------------------------------------------------------------------------


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    return reduced((x - target) ** 2, reduction)


def l1_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    return reduced(np.abs(x - target), reduction)


def huber_loss(x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    size = np.abs(x - target)
    return reduced(np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)), reduction)


def smooth_l1_loss(x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    if beta == 0:
        return l1_loss(x, target, reduction)
    size = np.abs(x - target)
    return reduced(np.where(size < beta, size**2 / (2 * beta), size - beta / 2), reduction)


def margin_ranking_loss(
    a: Any, b: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    return reduced(np.maximum(margin - target * (a - b), 0.0), reduction)


def cosine_embedding_loss(
    a: Any, b: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    sizes = [np.sum(x * x, axis=-1) + 1e-12 for x in (a, b)]
    cosine = np.sum(a * b, axis=-1) / np.sqrt(sizes[0] * sizes[1])
    near = np.where(target == 1, 1 - cosine, 0.0)
    far = np.where(target == -1, np.maximum(cosine - margin, 0.0), 0.0)
    return reduced(near + far, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
    distance_function: Any = None,
) -> Any:
    """Every distance function in the samples is the pairwise distance."""
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = np.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(np.maximum(margin + near - far, 0.0), reduction)


# --- of distributions ----------------------------------------------------------------------------


def kl_div(x: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    if log_target:
        losses = np.exp(target) * (target - x)
    else:
        some = target > 0
        losses = np.where(some, target * np.log(np.where(some, target, 1.0)), 0.0) - target * x
    if reduction == "batchmean":
        return np.sum(losses) / x.shape[0]
    return reduced(losses, reduction)


def gaussian_nll_loss(
    x: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    # PyTorch lets no variance fall below eps; those of the samples do not.
    if var.shape != x.shape and x.shape[:-1] == var.shape:
        var = var[..., None]
    losses = (np.log(var) + (x - target) ** 2 / var) / 2
    return reduced(losses + log(2 * pi) / 2 if full else losses, reduction)


def poisson_nll_loss(
    x: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    losses = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        many = np.where(target > 1, target, 1.0)
        stirling = many * np.log(many) - many + np.log(2 * pi * many) / 2
        losses = losses + np.where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)


ROWS = {
    "nn.functional.binary_cross_entropy": binary_cross_entropy,
    "nn.functional.binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "nn.functional.cosine_embedding_loss": cosine_embedding_loss,
    "nn.functional.cross_entropy": cross_entropy,
    "nn.functional.gaussian_nll_loss": gaussian_nll_loss,
    "nn.functional.hinge_embedding_loss": hinge_embedding_loss,
    "nn.functional.huber_loss": huber_loss,
    "nn.functional.kl_div": kl_div,
    "nn.functional.l1_loss": l1_loss,
    "nn.functional.linear_cross_entropy": linear_cross_entropy,
    "nn.functional.linear_cross_entropy.chunked": linear_cross_entropy,
    "nn.functional.linear_cross_entropy.chunked_none": linear_cross_entropy,
    "nn.functional.margin_ranking_loss": margin_ranking_loss,
    "nn.functional.mse_loss": mse_loss,
    "nn.functional.multi_margin_loss": multi_margin_loss,
    "nn.functional.multilabel_margin_loss": multilabel_margin_loss,
    "nn.functional.multilabel_soft_margin_loss": multilabel_soft_margin_loss,
    "nn.functional.nll_loss": nll_loss,
    "nn.functional.poisson_nll_loss": poisson_nll_loss,
    "nn.functional.smooth_l1_loss": smooth_l1_loss,
    "nn.functional.soft_margin_loss": soft_margin_loss,
    "nn.functional.triplet_margin_loss": triplet_margin_loss,
    "nn.functional.triplet_margin_with_distance_loss": triplet_margin_loss,
}
