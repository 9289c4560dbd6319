"""Prove the labels of the check suite: `python -m check_suite.verify`, from the folder tests.

Every program runs. A correct one agrees with central differences of its own loss in float64; a
wrong one does not; with its `fix` applied it does, and of a pair each fix alone is not enough. No
checker takes part. The table it writes is committed: ../results/check_suite_labels.md.
"""

import ast
import contextlib
import copy
import io
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from check_suite.suite import CATEGORIES, Program, programs

STEPS = (1e-4, 1e-5, 1e-6)  # of the differences; the best one counts
RIGHT = 1e-6  # of the whole gradient's norm
WRONG = 1e-3  # of the parameter's own gradient
SECONDS = 2.0  # that a script may take
RESULTS = Path(__file__).parents[1] / "results" / "check_suite_labels.md"
KINDS = frozenset(
    """missing-activation-derivative activation-derivative-twice derivative-at-wrong-point
    wrong-activation-derivative missing-mean mean-twice wrong-constant-factor wrong-sign
    ascent-update update-before-propagate wrong-transpose elementwise-for-matmul
    matmul-for-elementwise bias-not-summed wrong-axis wrong-operand gradient-of-another-loss
    missing-term extra-term stale-cache not-accumulated softmax-jacobian-diagonal shape-error
    off-by-one unexplained""".split()
)

Arrays = dict[str, np.ndarray]


class Disagreement(AssertionError):
    """A label that the numbers do not bear out."""


# --- parameters: arrays, floats, and lists and dicts of them ---


def leaves(tree: Any, name: str = "") -> Arrays:
    """The arrays of a tree, by name: `W1`, `W[0]`, `layer1.weight`."""
    if isinstance(tree, dict):
        pairs = [(f"{name}.{key}" if name else str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple):
        pairs = [(f"{name}[{index}]", value) for index, value in enumerate(tree)]
    else:
        return {name: np.asarray(tree)}
    return {leaf: array for key, value in pairs for leaf, array in leaves(value, key).items()}


def rebuilt(tree: Any, values: Arrays, name: str = "") -> Any:
    """`tree` with its arrays replaced; floats stay floats."""
    if isinstance(tree, dict):
        return {
            key: rebuilt(value, values, f"{name}.{key}" if name else str(key))
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return type(tree)(rebuilt(v, values, f"{name}[{i}]") for i, v in enumerate(tree))
    return values[name].copy() if isinstance(tree, np.ndarray) else float(values[name])


def doubled(tree: Any) -> Any:
    """Floating arrays as float64, so that differences are not float32 noise."""
    if isinstance(tree, dict):
        return {key: doubled(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(doubled(value) for value in tree)
    floating = isinstance(tree, np.ndarray) and tree.dtype.kind == "f"
    return tree.astype(np.float64) if floating else copy.copy(tree)


def differences(loss: Callable[[Arrays], float], point: Arrays, step: float) -> Arrays:
    """The gradient of `loss` at `point` by central differences, coordinate by coordinate."""
    gradient = {}
    for name, array in point.items():
        gradient[name] = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in point.items()}
                moved[name][index] += sign * step
                ends.append(float(loss(moved)))
            gradient[name][index] = (ends[0] - ends[1]) / (2 * step)
    return gradient


# --- verdicts ---


def deviations(found: Arrays | None, truths: list[Arrays]) -> tuple[float, dict[str, float]]:
    """The error against the whole norm, and each parameter's against its own; best of `truths`."""
    if found is None:
        return np.inf, {name: np.inf for name in truths[0]}
    total, each = np.inf, dict.fromkeys(truths[0], np.inf)
    for truth in truths:
        whole = np.sqrt(sum(np.sum(array**2) for array in truth.values()))
        worst = 0.0
        for name, array in truth.items():
            same = name in found and found[name].shape == array.shape
            gap = np.linalg.norm(found[name] - array) if same else np.inf
            gap = np.inf if np.isnan(gap) else gap
            own = np.linalg.norm(array)
            each[name] = min(each[name], float(gap / (own if own > 1e-9 * whole else whole)))
            worst = max(worst, gap / whole)
        total = min(total, float(worst))
    return total, each


def updated(rule: str, rate: float, gradient: Arrays) -> Arrays:
    """What one step of an update rule, from its beginning, adds to the parameters."""
    if rule == "adam":
        return {k: -rate * g / (np.abs(g) + 1e-8) for k, g in gradient.items()}
    if rule.startswith("rmsprop"):
        kept = 1 - float(rule.split()[1])
        return {k: -rate * g / (np.sqrt(kept * g * g) + 1e-8) for k, g in gradient.items()}
    if rule.startswith("clip"):
        norm = np.sqrt(sum(np.sum(g * g) for g in gradient.values()))
        rate *= min(1.0, float(rule.split()[1]) / norm)
    return {k: -rate * g for k, g in gradient.items()}  # sgd, and momentum's first step


def function_program(program: Program, source: str) -> tuple[float, dict[str, float]]:
    """How far the program's gradients, or its update, are from the truth."""
    space = namespace(program, source)
    params, (X, y) = doubled(space["params"]), (doubled(part) for part in space["data"])
    rate = float(space.get("lr", 0.1))

    def loss(values: Arrays) -> float:
        return space["loss"](rebuilt(params, values), copy.copy(X), copy.copy(y))

    truths = [differences(loss, leaves(params), step) for step in STEPS]
    try:
        if "step" in space:
            after = space["step"](copy.deepcopy(params), copy.copy(X), copy.copy(y), rate)
            before = leaves(params)
            found = {name: value - before[name] for name, value in leaves(after).items()}
            truths = [updated(program.update, rate, truth) for truth in truths]
        else:
            found = leaves(space["grads"](copy.deepcopy(params), copy.copy(X), copy.copy(y)))
    except (ValueError, IndexError, TypeError):
        found = None
    return deviations(found, truths)


# --- scripts ---


class _Isolated(Exception):
    """The step has been made; nothing after it matters."""


def _one_round(tree: ast.Module, line: int) -> ast.Module:
    """Loops on the way to the loop at `line` make one round; its round stands between hooks."""

    def descend(body: list[ast.stmt]) -> bool:
        for statement in body:
            if not isinstance(statement, ast.For | ast.While):
                continue
            if statement.lineno == line:
                hook = [ast.parse(f"__{name}__()").body[0] for name in ("begin", "end")]
                statement.body = [hook[0], *statement.body, hook[1]]
                return True
            if descend(statement.body):
                return True
        return False

    if not descend(tree.body):
        raise Disagreement(f"no loop at line {line}")
    return ast.fix_missing_locations(tree)


def script_program(program: Program, source: str) -> tuple[float, dict[str, float]]:
    """How far one training step of a script is from the truth."""
    probe = program.probe
    tree = ast.parse(source)
    space: dict[str, Any] = {"__name__": "__main__"}
    truths: list[Arrays] = []
    start: Arrays = {}

    def read() -> Arrays:
        return {name: np.array(eval(name, space), dtype=float) for name in probe.params}

    def write(values: Arrays) -> None:
        for name, value in values.items():
            current = eval(name, space)
            if isinstance(current, np.ndarray):
                current[...] = value
            else:
                exec(f"{name} = {float(value)!r}", space)

    def loss(values: Arrays) -> float:
        write(values)
        return eval(probe.loss, space)

    def begin() -> None:
        exec(probe.setup, space)
        start.update(read())
        truths.extend(differences(loss, start, step) for step in STEPS)
        write(start)

    def end() -> None:
        raise _Isolated

    space.update(__begin__=begin, __end__=end)
    found: Arrays | None
    with quiet():
        try:
            if probe.loop is not None:
                exec(compile(_one_round(tree, probe.loop), program.id, "exec"), space)
            else:
                tree.body = [node for node in tree.body if node.lineno < probe.before]
                exec(compile(tree, program.id, "exec"), space)
                begin()
                exec(probe.step, space)
        except _Isolated:
            pass
        except (ValueError, IndexError, TypeError):
            if not truths:
                raise
            return deviations(None, truths)
        rate = float(eval(probe.rate, space))
        found = {name: value - start[name] for name, value in read().items()
                 if value.shape == start[name].shape}
    return deviations(found, [updated(program.update, rate, truth) for truth in truths])


# --- running programs ---


@contextlib.contextmanager
def quiet():
    """Without the program's prints and NumPy's warnings, which are part of some of them."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def namespace(program: Program, source: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": program.id}
    with quiet():
        exec(compile(source, str(program.path), "exec"), space)
    return space


def seconds(program: Program) -> float:
    """How long the script takes in a process of its own; a crash is allowed only where it is it."""
    start = time.perf_counter()
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [sys.executable, program.path], capture_output=True, env=environment, check=False
    )
    crash_expected = any("shape-error" in mistake.accepted for mistake in program.mistakes)
    if run.returncode != 0 and not crash_expected:
        raise Disagreement(run.stderr.decode()[-400:])
    return time.perf_counter() - start


def verified(program: Program) -> list[str]:
    """The program's row of the result table; raises `Disagreement`."""
    measure = script_program if program.category == "script" else function_program
    lines = program.source.splitlines()
    expected = {"single": (1,), "pair": (2,), "correct": (0,), "script": (0, 1)}[program.category]
    if len(program.mistakes) not in expected:
        raise Disagreement(f"{len(program.mistakes)} mistakes")
    for mistake in program.mistakes:
        if not lines[mistake.line - 1].strip():
            raise Disagreement(f"line {mistake.line} is blank")
        if unknown := set(mistake.accepted) - KINDS:
            raise Disagreement(f"no such kind: {unknown}")
    with quiet():
        total, each = measure(program, program.source)
        wrong = sorted(name for name, error in each.items() if error > WRONG)
        if not program.mistakes:
            right = total
        else:
            if not wrong:
                raise Disagreement(f"agrees with its loss: {each}")
            for mistake in program.mistakes:
                if missing := set(mistake.first) - set(wrong):
                    raise Disagreement(f"{sorted(missing)} is right; wrong are {wrong}")
            right, rest = measure(program, program.fixed())
            if right > RIGHT:
                raise Disagreement(f"wrong even when fixed: {rest}")
            for index in range(len(program.mistakes) if len(program.mistakes) > 1 else 0):
                if measure(program, program.fixed(index))[0] < WRONG:
                    raise Disagreement(f"the fix of mistake {index + 1} alone is enough")
    if right > RIGHT:
        raise Disagreement(f"not correct: {each}")
    took = seconds(program) if program.category == "script" else 0.0
    if took > SECONDS:
        raise Disagreement(f"{took:.1f} s")
    kinds = " + ".join(m.kind for m in program.mistakes) or "correct"
    where = " + ".join(str(m.line) for m in program.mistakes) or "–"
    return [program.id, kinds, where, ", ".join(wrong) or "–", f"{right:.0e}"]


def main() -> int:
    chosen = sys.argv[1:]
    rows, failures = [], []
    for program in programs():
        if chosen and not any(program.id.startswith(prefix) for prefix in chosen):
            continue
        try:
            rows.append(verified(program))
        except Exception as problem:  # every program is tried; the list of failures is the result
            failures.append(f"{program.id}: {type(problem).__name__}: {problem}")
    print(*failures, f"{len(rows)} verified, {len(failures)} not", sep="\n")
    if not chosen and not failures:
        RESULTS.write_text(table(rows), encoding="utf-8")
    return 1 if failures else 0


def table(rows: list[list[str]]) -> str:
    counts = ", ".join(f"{len(programs(category))} {category}" for category in CATEGORIES)
    head = [
        "# The labels of the check suite, verified",
        "",
        "Written by `python -m check_suite.verify`, run in `tests`; how, its docstring says.",
        f"{len(rows)} programs: {counts}. “Wrong” are the parameters whose gradient or update is",
        "more than 0.1 % off; the last column is the error of the corrected program.",
        "",
        "| program | mistake | line | wrong | corrected |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(head + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
