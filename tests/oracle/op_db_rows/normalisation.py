"""Batch, group, instance, layer and local response normalisation."""

from typing import Any

import numpy as np

from chainrule.ops import rows


def scaled(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def per_channel(values: Any, rank: int) -> Any:
    """One number for each channel, which is axis 1."""
    return None if values is None else np.reshape(values, (1, -1) + (1,) * (rank - 2))


def without_gradient(statistic: Any) -> Any:
    """PyTorch gives the means and deviations of some normalisations no gradient of their own."""
    return rows.stop_gradient(statistic)


def normalised(x: Any, axis: Any, eps: float) -> tuple[Any, Any, Any]:
    """Mean 0 and variance 1 along some axes; the mean, and one over the deviation."""
    mean = np.mean(x, axis=axis, keepdims=True)
    rate = 1 / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    return (x - mean) * rate, mean, rate


def layer_norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return native_layer_norm(x, shape, weight, bias, eps)[0]


def native_layer_norm(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    axis = tuple(range(x.ndim - len(shape), x.ndim))
    y, *statistics = normalised(x, axis, eps)
    return scaled(y, weight, bias), *[without_gradient(value) for value in statistics]


def rms_norm(x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    axis = tuple(range(x.ndim - len(shape), x.ndim))
    eps = np.finfo(x.dtype).eps if eps is None else eps
    return scaled(x / np.sqrt(np.mean(x * x, axis=axis, keepdims=True) + eps), weight, None)


def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return in_groups(x, groups, weight, bias, eps)[0] if x.size else x


def in_groups(x: Any, groups: int, weight: Any, bias: Any, eps: float) -> Any:
    y, mean, rate = normalised(np.reshape(x, (x.shape[0], groups, -1)), -1, eps)
    weight, bias = per_channel(weight, x.ndim), per_channel(bias, x.ndim)
    return scaled(np.reshape(y, x.shape), weight, bias), mean[..., 0], rate[..., 0]


def native_group_norm(
    x: Any, weight: Any, bias: Any, n: int, channels: int, rest: int, groups: int, eps: float
) -> Any:
    """Nothing, of no mean and no deviation, where there are no samples."""
    if n == 0:
        return np.zeros(x.shape), np.zeros((0, groups)), np.zeros((0, groups))
    return in_groups(x, groups, weight, bias, eps)


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    y, _, _ = normalised(x, tuple(range(2, x.ndim)), eps)
    return scaled(y, per_channel(weight, x.ndim), per_channel(bias, x.ndim))


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if x.size == 0:
        return x
    return native_batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps)[0]


def native_batch_norm(
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """With the statistics of the batch in training, else with the running ones."""
    weight, bias = per_channel(weight, x.ndim), per_channel(bias, x.ndim)
    if not training:
        mean, var = per_channel(running_mean, x.ndim), per_channel(running_var, x.ndim)
        return scaled((x - mean) / np.sqrt(var + eps), weight, bias), np.zeros(0), np.zeros(0)
    y, mean, rate = normalised(x, (0, *range(2, x.ndim)), eps)
    statistics = [without_gradient(np.ravel(value)) for value in (mean, rate)]
    return scaled(y, weight, bias), *statistics


def native_batch_norm_legit(x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    """The same, where running statistics may be left out altogether."""
    if len(settings) == 3:
        settings = (None, None, *settings)
    return native_batch_norm(x, weight, bias, *settings)


def local_response_norm(
    x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Divided by the mean of the squares of neighbouring channels (Krizhevsky et al. 2012)."""
    if x.size == 0:
        return x
    widths = [(0, 0)] * x.ndim
    widths[1] = (size // 2, (size - 1) // 2)
    framed = np.pad(x * x, widths)
    neighbours = np.lib.stride_tricks.sliding_window_view(framed, size, axis=1)
    return x / (alpha * np.mean(neighbours, axis=-1) + k) ** beta


ROWS = {
    "_native_batch_norm_legit": native_batch_norm_legit,
    "native_batch_norm": native_batch_norm,
    "native_group_norm": native_group_norm,
    "native_layer_norm": native_layer_norm,
    "nn.functional.batch_norm": batch_norm,
    "nn.functional.group_norm": group_norm,
    "nn.functional.instance_norm": instance_norm,
    "nn.functional.layer_norm": layer_norm,
    "nn.functional.local_response_norm": local_response_norm,
    "nn.functional.rms_norm": rms_norm,
}
