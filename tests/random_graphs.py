"""Gradients of random graphs, judged by differences: the table in `tests/results`.

    python tests/random_graphs.py 10000

draws that many programs (see `strategies.py`), compares each gradient with central differences of
the same code run without chainrule, and writes what it found to `tests/results/random_graphs.md`.
`test_random_graphs.py` does the same with 500.
"""

import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gradcheck import DIRECTIONS, STEPS, TOLERANCE, inner, random_direction
from hypothesis import HealthCheck, Phase, given, seed, settings
from strategies import KINDS, PLAIN, TRACED, Program, programs

from chainrule.pipeline import compile, grad, value_and_grad

RESULTS = Path(__file__).parent / "results" / "random_graphs.md"
# Where NumPy's long double has more digits than double, differences see further with it.
EXTENDED = np.finfo(np.longdouble).eps < 1e-18
SMALL_STEPS = (1e-5, 1e-6, 1e-7) if EXTENDED else STEPS
VALUE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-3}
GRADIENT = {np.dtype(np.float64): TOLERANCE, np.dtype(np.float32): 1e-3}
ROUNDINGS = 64
SECOND_ORDER = 1e-5  # differences of gradients, which are there in double precision only

Outcome = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """right      a difference agrees with the gradient to within the tolerance
    wrong      the differences agree with each other, and not with the gradient
    undecided  they do not agree with each other: a kink, a jump, or too steep a slope
    """

    outcome: Outcome
    error: float = 0.0


def judge(program: Program) -> Verdict:
    """The value and the gradient of a program, against the same code without chainrule."""
    inputs, dtype = program.inputs, program.inputs[0].dtype
    places = tuple(range(len(inputs)))
    value, gradient = value_and_grad(program.function(TRACED), places)(*inputs)
    plain, point = program.function(PLAIN), [x.astype(np.longdouble) for x in inputs]
    with np.errstate(all="ignore"):
        truth = float(plain(*point))
        error = abs(float(value) - truth) / max(1.0, abs(truth))
        if not error < VALUE[dtype]:
            return Verdict("wrong", error)
        return compare(plain, point, gradient, GRADIENT[dtype], SMALL_STEPS)


def judge_second_order(program: Program) -> Verdict:
    """The derivative of the gradient along a random vector, against differences of the gradient."""
    inputs = program.inputs
    places = tuple(range(len(inputs)))
    weights = random_direction(np.random.default_rng(1), list(inputs))
    first = grad(program.function(TRACED), places)
    second = grad(lambda *xs: inner(first(*xs), weights), places)(*inputs)
    compiled = compile(first)
    return compare(
        lambda *xs: inner(compiled(*xs), weights), list(inputs), second, SECOND_ORDER, STEPS
    )


def compare(
    function: Callable[..., Any],
    point: list[Any],
    gradient: Sequence[Any],
    tolerance: float,
    steps: Sequence[float],
) -> Verdict:
    """The worst of some random directions, as in `gradcheck`.

    A gradient of less than a millionth of the value is judged as if it had that size, and so is
    one that is small enough to be nothing but some roundings of the value.
    """
    norm = float(np.sqrt(sum(np.sum(np.square(g, dtype=float)) for g in gradient)))
    eps = max(float(np.finfo(np.asarray(g).dtype).eps) for g in gradient)
    smallest = max(1e-6, ROUNDINGS * eps / tolerance)
    floor = smallest * max(1.0, abs(float(function(*point))))
    rng = np.random.default_rng(0)
    worst = Verdict("right")
    for _ in range(DIRECTIONS):
        direction = random_direction(rng, point)
        component = float(sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True)))
        differences = [_difference(function, point, direction, step) for step in steps]
        # Where the gradient is 0, or says so, the differences have a say in what is small.
        scale = max(norm, floor, *map(abs, differences))
        error = min(abs(difference - component) for difference in differences) / scale
        spread = abs(differences[-1] - differences[-2]) / scale
        if error < tolerance:
            verdict = Verdict("right", error)
        else:
            verdict = Verdict("wrong" if spread < tolerance / 10 else "undecided", error)
        if verdict.outcome != "right" or error > worst.error:
            worst = verdict
        if worst.outcome == "wrong":
            break
    return worst


def _difference(
    function: Callable[..., Any], point: list[Any], direction: list[Any], step: float
) -> float:
    ends = [
        function(*[x + way * step * d for x, d in zip(point, direction, strict=True)])
        for way in (1, -1)
    ]
    return float((ends[0] - ends[1]) / (2 * step))


@dataclass
class Tally:
    """What a number of verdicts come to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    dtypes: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)

    def add(self, program: Program, verdict: Verdict) -> None:
        dtype = str(program.inputs[0].dtype)
        self.outcomes[verdict.outcome] += 1
        self.kinds.update(set(program.kinds))
        self.depths[len(program.kinds)] += 1
        self.dtypes[dtype] += 1
        if verdict.outcome == "right":
            self.worst[dtype] = max(self.worst.get(dtype, 0.0), verdict.error)


def examine(count: int, number: int) -> tuple[Tally, list[Program]]:
    """Judge so many programs; the ones whose gradient is not right come back."""
    tally, others = Tally(), []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def each(program: Program) -> None:
        verdict = judge(program)
        tally.add(program, verdict)
        if verdict.outcome != "right":
            others.append(program)

    each()
    return tally, others


def report(tally: Tally, number: int, seconds: float) -> str:
    total = sum(tally.outcomes.values())
    lines = {
        "graphs": f"{total:,}",
        "gradient right": f"{tally.outcomes['right']:,}",
        "gradient wrong": f"{tally.outcomes['wrong']:,}",
        "undecided: at a kink, or too steep for differences": f"{tally.outcomes['undecided']:,}",
    }
    for dtype, graphs in sorted(tally.dtypes.items()):
        lines[f"{dtype}: graphs"] = f"{graphs:,}"
        lines[f"{dtype}: largest error"] = f"{tally.worst[dtype]:.1e}"
    lines |= {f"with a step of kind {kind}": f"{tally.kinds[kind]:,}" for kind in KINDS}
    lines |= {f"{depth} steps deep": f"{n:,}" for depth, n in sorted(tally.depths.items())}
    table = "\n".join(f"| {name} | {text} |" for name, text in lines.items())
    double, single = GRADIENT.values()
    return f"""# Gradients of random graphs

Written by `python tests/random_graphs.py {total}` (seed {number}) in {seconds / 60:.0f} minutes,
with Python {platform.python_version()} and NumPy {np.__version__}. Errors are relative to the
gradient's norm, against central differences of the same code in NumPy alone; in float64 they must
stay below {double:g}, in float32 below {single:g}.

| | |
|---|---:|
{table}
"""


def main(count: int, number: int = 0) -> int:
    began = time.monotonic()
    tally, others = examine(count, number)
    text = report(tally, number, time.monotonic() - began)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    print(text, *others, sep="\n")
    return 1 if tally.outcomes["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
