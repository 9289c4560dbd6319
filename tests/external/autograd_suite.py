"""Run the tests of HIPS autograd on chainrule, one by one.

The folder of the tests comes from the environment variable AUTOGRAD_TESTS. This command runs them
all and writes `tests/results/autograd_suite.md`:

    AUTOGRAD_TESTS=autograd-1.9.1/tests PYTHONPATH=tests python tests/external/autograd_suite.py
"""

import ast
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from itertools import product
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from autograd_names import install, tally
from autograd_table import EXCLUDED

SUITE = Path(os.environ["AUTOGRAD_TESTS"]).resolve()
RESULTS = Path(__file__).parents[1] / "results" / "autograd_suite.md"


@dataclass(frozen=True)
class Outcome:
    """What one test function did; `error` is empty where it passed."""

    checked: int
    complex: int
    error: str = ""


def suite_tests() -> list[str]:
    """Every test function of the suite, as `module.function`, in order."""
    found = []
    for path in sorted(SUITE.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        names = dict.fromkeys(f.name for f in functions if f.name.startswith("test_"))
        found += [f"{path.stem}.{name}" for name in names]
    return found


def exclusion(name: str) -> tuple[str, str] | None:
    """The pattern of the table that excludes a test, with its reason."""
    for reason, patterns in EXCLUDED.items():
        for pattern in patterns:
            if fnmatch(name, pattern):
                return pattern, reason
    return None


def run(name: str) -> Outcome:
    """Run one test function, with every combination of its parameters."""
    module, _, function = name.partition(".")
    tally.clear()
    error = ""
    try:
        with warnings.catch_warnings():
            # The suite's own use of NumPy is not ours to judge.
            warnings.simplefilter("ignore")
            test = getattr(_module(module), function)
            for arguments in _arguments(test):
                np.random.seed(42)  # as the suite's own fixture does
                test(**arguments)
    except (Exception, pytest.fail.Exception) as caught:  # whatever it raises is its outcome
        error = f"{type(caught).__name__}: {caught}"
    return Outcome(tally["checked"], tally["complex"], error)


def _module(name: str) -> Any:
    if "autograd" not in sys.modules:
        install()
        sys.path.append(str(SUITE))
    return import_module(name)


def _arguments(test: FunctionType) -> Iterator[dict[str, Any]]:
    """The keyword arguments that the marks of a test ask for."""
    axes = []
    for mark in getattr(test, "pytestmark", ()):
        names, values = mark.args
        several = not isinstance(names, str)
        axes.append([dict(zip(names, v, strict=True)) if several else {names: v} for v in values])
    for chosen in product(*axes):
        yield {name: value for part in chosen for name, value in part.items()}


# --- the table -----------------------------------------------------------------------------------


def version() -> str:
    lines = (SUITE.parent / "PKG-INFO").read_text(encoding="utf-8").splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("Version: "))


def table(outcomes: dict[str, Outcome]) -> str:
    """The results as a document."""
    names = suite_tests()
    reasons: dict[str, list[str]] = {}
    for name in names:
        found = exclusion(name)
        if found is not None:
            reasons.setdefault(found[1], []).append(f"`{name}`")
    modules: dict[str, list[Outcome]] = {}
    for name, outcome in outcomes.items():
        modules.setdefault(name.partition(".")[0], []).append(outcome)
    every = {name.partition(".")[0]: 0 for name in names}
    for name in names:
        every[name.partition(".")[0]] += 1
    left_out = sum(outcome.complex for outcome in outcomes.values())
    return "\n".join(
        [
            "# The tests of HIPS autograd on chainrule",
            "",
            f"autograd {version()}, its tests unchanged, with `numpy` in the place of "
            "`autograd.numpy` and `check_grads` comparing chainrule's derivatives with central "
            f"differences. Of {len(names)} test functions {len(outcomes)} run and pass, "
            f"{len(names) - len(outcomes)} are excluded. Those that run make "
            f"{sum(outcome.checked for outcome in outcomes.values())} checks; {left_out} further "
            "samples hold complex numbers and are left out.",
            "",
            "Written by `tests/external/autograd_suite.py`; the tests demand that it is current.",
            "",
            "| module | tests | pass | excluded | checks | complex samples left out |",
            "|---|---|---|---|---|---|",
            *[module_line(module, every[module], modules.get(module, [])) for module in every],
            "",
            "## Excluded",
            "",
            "| why | number | tests |",
            "|---|---|---|",
            *[f"| {why} | {len(found)} | {', '.join(found)} |" for why, found in reasons.items()],
            "",
        ]
    )


def module_line(module: str, count: int, outcomes: list[Outcome]) -> str:
    checks = sum(outcome.checked for outcome in outcomes)
    left_out = sum(outcome.complex for outcome in outcomes)
    ran = len(outcomes)
    return f"| `{module}` | {count} | {ran} | {count - ran} | {checks} | {left_out} |"


def main() -> None:
    """Run everything that is not excluded, and write the table if all of it passes."""
    outcomes = {name: run(name) for name in suite_tests() if exclusion(name) is None}
    failures = [f"{name}: {found.error}" for name, found in outcomes.items() if found.error]
    if failures:
        raise SystemExit("\n".join(failures))
    RESULTS.write_text(table(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main()
