"""Random graphs on the native engine, against the NumPy engine.

    python tests/native_graphs.py 5000

draws that many programs (see `strategies.py`) and compares value and gradient of each, compiled for
one thread and for two in turn. Prints how many agree, and writes it to
tests/results/native_graphs.md; exits with 1 where one does not.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from strategies import TRACED, Program, programs

from chainrule import trace, value_and_grad
from chainrule.engines import native
from chainrule.engines.native import effort
from chainrule.engines.numpy import Program as Definition
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise

RESULT = Path(__file__).parent / "results" / "native_graphs.md"
# Against the largest number of an array: what cancels exactly in one order need not in another.
TOLERANCE = {np.dtype(np.float32): 2e-4, np.dtype(np.float64): 1e-10}


def difference(program: Program) -> float:
    """How far the engines are apart, in units of the tolerance; at most 1 is agreement."""
    places = tuple(range(len(program.inputs)))
    graph = trace(value_and_grad(program.function(TRACED), places), *program.inputs)
    simple = simplify(stabilise(graph))
    expected = Definition(simple)(program.inputs)
    found = native.compile_graph(simple)(program.inputs)
    worst = 0.0
    # A double that was made of single numbers is no more exact than they are.
    tolerance = max(TOLERANCE.get(node.dtype, 0.0) for node in simple.nodes)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        if not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
            return float("inf")
        scale = max(1.0, float(np.max(np.abs(theirs), initial=0.0)))
        off = float(np.max(np.abs(ours - theirs), initial=0.0)) / scale
        worst = max(worst, off / tolerance)
    return worst


def examine(count: int) -> tuple[Counter[str], float, list[Program]]:
    """So many programs: how many agree, the largest difference, and those that do not agree."""
    outcomes: Counter[str] = Counter()
    failures: list[Program] = []
    largest = 0.0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def look(program: Program) -> None:
        nonlocal largest
        effort.PARALLEL_WORK = 0.0 if outcomes.total() % 2 else 1e30
        apart = difference(program)
        outcomes["agree" if apart <= 1 else "differ"] += 1
        if apart <= 1:
            largest = max(largest, apart)
        else:
            failures.append(program)

    look()
    return outcomes, largest, failures


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    os.environ["CHAINRULE_CACHE"] = ""
    os.environ["CHAINRULE_THREADS"] = "2"
    begun = time.perf_counter()
    outcomes, largest, failures = examine(count)
    text = (
        "# Random graphs on the native engine\n\n"
        f"Written by `python tests/native_graphs.py {count}` in "
        f"{(time.perf_counter() - begun) / 60:.0f} minutes. Value and gradient of each against "
        "the NumPy engine.\n\n"
        f"| | |\n|---|---:|\n| graphs | {outcomes.total():,} |\n| agree | {outcomes['agree']:,} |\n"
        f"| differ | {outcomes['differ']:,} |\n"
        f"| largest difference, in parts of the tolerance | {largest:.2g} |\n"
    )
    RESULT.write_text(text, encoding="utf-8")
    print(text)
    for program in failures[:5]:
        print(program)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
