"""Every float32 there is, through the native engine's functions: the largest errors.

    python bench/all_floats.py [NAME ...]

All 2^32 inputs are compared with NumPy's or SciPy's float64 functions, whose own errors are some
2^-29 of the unit here. The unit (ULP) is the last place of the exact result as a float32.
Subnormal inputs may count as 0, and where the exact result is below the smallest normal number, any
result of that size is right. Takes some two minutes a function. The table is
docs/results/all_floats.md; with names, only their lines are measured anew.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("CHAINRULE_CACHE", "")

from native_loops import Loops  # noqa: E402  # after the path

from chainrule.engines.native.vector_math import ULPS  # noqa: E402

TABLE = ROOT / "docs" / "results" / "all_floats.md"
HEAD = (
    "# Every float32",
    "",
    "Made by `python bench/all_floats.py`, which says how: the largest error of the native "
    "engine's float32 functions over all 2³² inputs, in units of the last place (ULP).",
    "",
    "| function | largest error | at | bound held by the tests | not correctly rounded "
    "| of NaN | of ∞ | of −∞ | of 0 | of −0 |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
CHUNK = 1 << 16
TINY = float(np.finfo(np.float32).tiny)
INFINITY_BITS = np.int64(0x7FF0 << 48)
REFERENCES: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": scipy.special.expit,
    "erf": scipy.special.erf,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
}


def errors(got: Any, reference: Any) -> Any:
    """The distance in ULP; infinite where one is NaN or infinite and the other is not so."""
    wide = got.astype(np.float64)
    rounded = reference.astype(np.float32)
    power = (reference.view(np.int64) & INFINITY_BITS).view(np.float64)  # below, of two
    unit = np.maximum(power, TINY) * 2.0**-23
    found = np.abs(wide - reference) / unit
    regular = np.isfinite(found)
    if not regular.all() or not np.isfinite(rounded).all():
        special = ~np.isfinite(rounded) | ~regular
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        found[special] = np.where(same[special], 0.0, np.inf)
    small = np.abs(reference) < TINY
    if small.any():
        found[small] = np.where(np.abs(got[small]) <= TINY, 0.0, np.inf)
    return found


def compiled(name: str) -> Loops:
    return Loops([(lambda m, x: getattr(m, name)(x), [np.float32], 16)])


def sweep(name: str) -> tuple[float, float, int, float]:
    """(largest error, its input, results off by more than half a unit, seconds)."""
    (loop,), reference = compiled(name), REFERENCES[name]
    worst, where, inexact = 0.0, 0.0, 0
    begin = time.perf_counter()
    low = np.arange(CHUNK, dtype=np.uint32)
    for high in range(0, 1 << 32, CHUNK):
        x = (low + np.uint32(high)).view(np.float32)
        exact = reference(x.astype(np.float64))
        found = errors(loop(x), exact)
        subnormal = (np.abs(x) < TINY) & (x != 0)
        if subnormal.any():
            zero = reference(np.copysign(0.0, x[subnormal]).astype(np.float64))
            found[subnormal] = np.fmin(found[subnormal], errors(loop(x)[subnormal], zero))
        inexact += int(np.count_nonzero(found > 0.5))
        place = int(np.argmax(found))
        if found[place] > worst:
            worst, where = float(found[place]), float(x[place])
    return worst, where, inexact, time.perf_counter() - begin


def specials(name: str) -> list[str]:
    """The results at the special values."""
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    (loop,) = compiled(name)
    return [f"{result:.6g}" for result in loop(values)]


def row(name: str) -> str:
    """The function's line of the table."""
    worst, where, inexact, seconds = sweep(name)
    print(f"{name}: {worst:.3f} ULP, {seconds:.0f} s", flush=True)
    cells = [
        name,
        f"{worst:.3f}",
        f"{where:.9g}",
        f"{ULPS[name][0]:g}",
        f"{100 * inexact / 2**32:.2f} %",
        *specials(name),
    ]
    return f"| {' | '.join(cells)} |"


def known_rows() -> dict[str, str]:
    """The lines that the table has already."""
    lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
    return {line.split()[1]: line for line in lines if line.startswith("| ")}


def main(names: list[str]) -> None:
    for name in names or REFERENCES:
        with np.errstate(all="ignore"):
            new = row(name)
        found = {**known_rows(), name: new}
        body = [found[each] for each in REFERENCES if each in found]
        TABLE.write_text("\n".join([*HEAD, *body]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
