"""The native engine's code for three small graphs, as text that a reader can follow.

    python tests/native_listings.py

writes tests/listings/*.ll anew, after a change in the code that is made; the difference is then
read like any other. The code is that for a processor with AVX2, whatever the machine.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import chainrule as cr
from chainrule.engines.native import estimates, loops, specials, tiles

FOLDER = Path(__file__).parent / "listings"


def scaled_sum(a: Any, x: Any, y: Any) -> Any:
    return a * x + y


def sum_of_squares(x: Any) -> Any:
    return np.sum(x**2)


def dense(x: Any, w: Any, b: Any) -> Any:
    return np.maximum(x @ w + b, 0)


GRAPHS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "scaled_sum": (scaled_sum, (np.float32(2), np.ones(20, "f4"), np.ones(20, "f4"))),
    "sum_of_squares": (sum_of_squares, (np.ones(100, "f4"),)),
    "dense": (dense, (np.ones((2, 3), "f4"), np.ones((3, 16), "f4"), np.ones(16, "f4"))),
}


@contextmanager
def processor_with_avx2() -> Iterator[None]:
    """Code for one and the same processor, whichever this is."""
    with (
        mock.patch.object(platform, "machine", return_value="x86_64"),
        mock.patch.object(estimates, "_has_estimates", return_value=False),
        mock.patch.object(loops, "vector_bytes", return_value=32),
        mock.patch.object(tiles, "vector_bytes", return_value=32),
        mock.patch.object(specials, "vector_bytes", return_value=32),
    ):
        yield


def listing(name: str) -> str:
    function, arguments = GRAPHS[name]
    with processor_with_avx2():
        return cr.trace(function, *arguments).show(stage="native") + "\n"


if __name__ == "__main__":
    for name in GRAPHS:
        (FOLDER / f"{name}.ll").write_text(listing(name), encoding="utf-8")
