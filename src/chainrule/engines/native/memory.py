"""Memory for compiled code: zeroed, at whole cache lines, by its address."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ALIGNMENT = 64  # bytes: a cache line, and the widest vector


def aligned(size: int) -> Array:
    """Zeroed bytes that begin at a cache line; MemoryError says how many were needed."""
    try:
        memory = np.zeros(size + ALIGNMENT, np.uint8)
    except MemoryError:
        raise MemoryError(
            f"the intermediate values of a compiled graph need {size / 2**20:,.0f} MB, more than "
            "there is; a smaller batch needs less"
        ) from None
    start = -address(memory) % ALIGNMENT
    return memory[start : start + size]


def up(number: int, unit: int) -> int:
    """The next multiple of a unit."""
    return -(-number // unit) * unit


def address(array: Array) -> int:
    """Where an array begins; several times faster than `array.ctypes.data`."""
    found: int = array.__array_interface__["data"][0]
    return found
