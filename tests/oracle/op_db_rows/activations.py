"""Activations, softmaxes, attention and embeddings."""

from math import pi, sqrt
from typing import Any

import numpy as np

from chainrule.ops import rows


def relu(x: Any) -> Any:
    """NumPy's maximum would share the gradient at 0, where PyTorch and `rows.relu` have none."""
    return rows.relu(x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def selu(x: Any) -> Any:
    """Klambauer et al. 2017, with the constants of its appendix."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * rows.erfc(-x / sqrt(2))


def glu(x: Any, dim: int = -1) -> Any:
    value, gate = np.split(x, 2, axis=dim)
    return value * sigmoid(gate)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    """Linear where beta · x passes the threshold."""
    curved = np.log1p(np.exp(np.minimum(x * beta, threshold))) / beta
    return np.where(x * beta > threshold, x, curved)


def logsigmoid(x: Any) -> Any:
    return -np.logaddexp(0.0, -x)


def mish(x: Any) -> Any:
    return x * np.tanh(np.logaddexp(0.0, x))


def hardsigmoid(x: Any) -> Any:
    return np.clip(x + 3, 0.0, 6.0) / 6


def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    return np.where((x >= -lambd) & (x <= lambd), 0.0, x)


def softshrink(x: Any, lambd: float = 0.5) -> Any:
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0.0))


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return np.clip(x, min_val, max_val)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    return np.where(x > 0, x, negative_slope * x)


def prelu(x: Any, weight: Any) -> Any:
    """One slope for each channel, which is axis 1."""
    if x.ndim > 1 and weight.ndim == 1:
        weight = np.reshape(weight, (1, -1) + (1,) * (x.ndim - 2))
    result = np.where(x > 0, x, weight * x)
    return np.reshape(result, x.shape)


def rrelu(x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """The middle of the slopes: those drawn in training are excluded."""
    return leaky_relu(x, (lower + upper) / 2)


def threshold(x: Any, threshold: float, value: float) -> Any:
    return np.where(x > threshold, x, value)


# --- softmax -------------------------------------------------------------------------------------


def softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    if x.ndim == 0 or x.size == 0:
        return np.ones(x.shape) + 0 * x
    powers = np.exp(x - np.max(x, axis=dim, keepdims=True))
    return powers / np.sum(powers, axis=dim, keepdims=True)


def log_softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    if x.ndim == 0 or x.size == 0:
        return 0 * x
    shifted = x - np.max(x, axis=dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))


def softmin(x: Any, dim: int, dtype: Any = None) -> Any:
    return softmax(-x, dim)


def softmax_backward(g: Any, y: Any, dim: int, dtype: Any) -> Any:
    return y * (g - np.sum(g * y, axis=dim, keepdims=True))


def safe_softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    """0 all along where everything is minus infinity."""
    dead = np.max(x, axis=dim, keepdims=True) == -np.inf
    return np.where(dead, 0.0, softmax(np.where(dead, 0.0, x), dim))


# --- attention and embeddings --------------------------------------------------------------------


def attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
) -> Any:
    """Softmax of scaled products (Vaswani et al. 2017), without the dropout, which is random."""
    scores = query @ np.swapaxes(key, -1, -2) / sqrt(query.shape[-1])
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if attn_mask is not None:
        scores = scores + attn_mask
    return softmax(scores, -1) @ value


def embedding(table: Any, index: Any) -> Any:
    return table[index]


def embedding_bag(
    table: Any,
    index: Any,
    offsets: Any = None,
    mode: str = "mean",
    per_sample_weights: Any = None,
    padding_idx: int | None = None,
    include_last_offset: bool = False,
) -> Any:
    """The rows of each bag summed, averaged, or their largest entries; padding is no part."""
    if offsets is None:
        bags = np.repeat(np.arange(index.shape[0]), index.shape[1])
        count = index.shape[0]
    else:
        count = len(offsets) - include_last_offset
        bags = np.searchsorted(offsets[:count], np.arange(index.size), side="right") - 1
    index = np.ravel(index)
    kept = np.ones(index.shape, bool)
    if padding_idx is not None:
        kept = index != padding_idx % table.shape[0]
    inside = (np.arange(count)[:, None] == bags) & kept  # (bags, entries)
    vectors = table[index]
    if mode == "max":
        candidates = np.where(inside[..., None], vectors, -np.inf)
        return np.where(inside.any(1)[:, None], np.max(candidates, axis=1), 0.0)
    if per_sample_weights is not None:
        vectors = vectors * np.ravel(per_sample_weights)[:, None]
    total = inside.astype(float) @ vectors
    return total / np.maximum(inside.sum(1), 1)[:, None] if mode == "mean" else total


ROWS = {
    "_softmax_backward_data": softmax_backward,
    "log_softmax": log_softmax,
    "log_softmax.with_dtype": log_softmax,
    "native_dropout_backward": lambda g, mask, scale: g * mask * scale,
    "nn.functional.celu": elu,
    "nn.functional.elu": elu,
    "nn.functional.embedding": embedding,
    "nn.functional.embedding_bag": embedding_bag,
    "nn.functional.gelu": gelu,
    "nn.functional.glu": glu,
    "nn.functional.hardshrink": hardshrink,
    "nn.functional.hardsigmoid": hardsigmoid,
    "nn.functional.hardswish": lambda x: x * hardsigmoid(x),
    "nn.functional.hardtanh": hardtanh,
    "nn.functional.leaky_relu": leaky_relu,
    "nn.functional.logsigmoid": logsigmoid,
    "nn.functional.mish": mish,
    "nn.functional.prelu": prelu,
    "nn.functional.relu": relu,
    "nn.functional.relu6": lambda x: np.clip(x, 0.0, 6.0),
    "nn.functional.rrelu": rrelu,
    "nn.functional.scaled_dot_product_attention": attention,
    "nn.functional.selu": selu,
    "nn.functional.silu": lambda x: x * sigmoid(x),
    "nn.functional.softmin": softmin,
    "nn.functional.softmin.with_dtype": softmin,
    "nn.functional.softplus": softplus,
    "nn.functional.softshrink": softshrink,
    "nn.functional.softsign": lambda x: x / (1 + np.abs(x)),
    "nn.functional.tanhshrink": lambda x: x - np.tanh(x),
    "nn.functional.threshold": threshold,
    "softmax": softmax,
    "softmax.with_dtype": softmax,
    "torch.ops.aten._safe_softmax.default": safe_softmax,
}
