"""Random numbers as functions of a key: the same key gives the same numbers, in every engine.

    key = cr.random.key(seed=0)
    noise = cr.random.normal(key, (3, 4))
    a, b = cr.random.split(key)          # independent keys
    step_key = cr.random.fold_in(key, step)

Use a key once: for more numbers, split it or fold a counter in. The generator is Threefry-2x32
(Salmon et al. 2011); see `chainrule.ops.counter`. Works on plain arrays and inside traced code.
"""

from collections.abc import Sequence
from math import pi
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.graph import Shape
from chainrule.ops import rows

_DERIVE = np.uint32(1 << 31)  # keys come from counters that no draw ever reaches


def key(seed: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """A key, uint32 of shape (2,), from a whole number between 0 and 2**64 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise SettingError(f"a seed is a whole number, not {seed!r}")
    if not 0 <= int(seed) < 2**64:
        raise SettingError(f"a seed lies between 0 and 2**64 - 1, not at {seed}")
    return np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], np.uint32)


def fold_in(key: Any, data: Any) -> Any:
    """A new key from a key and a whole number modulo 2**32, such as a step counter."""
    if type(data) is int:
        return rows.threefry(key, np.array([_DERIVE, data & 0xFFFFFFFF], np.uint32))
    if not hasattr(type(data), "__chainrule_apply__"):
        data = np.asarray(data)
    if data.dtype.kind not in "iu":
        raise SettingError(f"fold_in takes a whole number, not {data.dtype}")
    low = rows.cast(data, dtype=np.dtype(np.uint32))
    zero = low & np.uint32(0)
    counter = np.stack([zero | _DERIVE, low], axis=-1)
    return rows.threefry(key, counter)


def split(key: Any, count: int = 2) -> Any:
    """`count` independent keys, shape (count, 2)."""
    counters = np.stack(
        [np.full(count, _DERIVE | np.uint32(1), np.uint32), np.arange(count, dtype=np.uint32)], -1
    )
    return rows.threefry(key, counters)


def bits(key: Any, shape: int | Sequence[int]) -> Any:
    """Uniformly random uint32 words."""
    return rows.random_bits(key, shape=_shape(shape))


def uniform(
    key: Any, shape: int | Sequence[int], low: float = 0.0, high: float = 1.0, dtype: Any = float
) -> Any:
    """Numbers from [low, high): multiples of 2**-24 (float32) or 2**-53 (float64), scaled."""
    return _unit(key, _shape(shape), np.dtype(dtype)) * (high - low) + low


def _unit(key: Any, shape: Shape, dtype: np.dtype[Any]) -> Any:
    if dtype == np.float32:
        words = rows.random_bits(key, shape=shape) >> np.uint32(8)
        return rows.cast(words, dtype=dtype) * np.float32(2.0**-24)
    if dtype != np.float64:
        raise SettingError(f"random numbers are float32 or float64, not {dtype}")
    words = rows.random_bits(key, shape=(*shape, 2))
    high = rows.cast(words[..., 0] >> np.uint32(5), dtype=dtype) * 67108864.0
    low = rows.cast(words[..., 1] >> np.uint32(6), dtype=dtype)
    del words  # of a large layer, the most memory that its making needs
    return (high + low) * 2.0**-53


def normal(key: Any, shape: int | Sequence[int], dtype: Any = float) -> Any:
    """Numbers of the standard normal distribution (Box and Muller 1958).

    Each takes two uniform numbers. The radius is exact to the rounding of log and sqrt, the angle
    to that of cos.
    """
    lengths, kind = _shape(shape), np.dtype(dtype)
    pair = _unit(key, (*lengths, 2), kind)
    radius = np.sqrt(-2.0 * np.log1p(-pair[..., 0]))  # 1 - u lies in (0, 1]: never log(0)
    return radius * np.cos(2.0 * pi * pair[..., 1])


def bernoulli(key: Any, shape: int | Sequence[int], probability: Any = 0.5) -> Any:
    """Booleans, true with the given probability."""
    return _unit(key, _shape(shape), np.dtype(np.float32)) < probability


def permutation(key: Any, count: int) -> Any:
    """The numbers 0 … count - 1 in random order, int64 of shape (count,)."""
    return rows.shuffle(key, np.arange(count), count=count)


def _shape(shape: int | Sequence[int]) -> Shape:
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    return tuple(int(length) for length in lengths)
