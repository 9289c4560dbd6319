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
from pathlib import Path
from typing import Any

import numpy as np

from check_suite.suite import CATEGORIES, KINDS, Program, open_scripts, programs
from check_suite.truth import (
    STEPS,
    Arrays,
    deviations,
    differences,
    doubled,
    leaves,
    rebuilt,
    updated,
)

RIGHT = 1e-6  # of the whole gradient's norm
WRONG = 1e-3  # of the parameter's own gradient
SECONDS = 2.0  # that a script may take
RESULTS = Path(__file__).parents[1] / "results" / "check_suite_labels.md"


class Disagreement(AssertionError):
    """A label that the numbers do not bear out."""


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
        found = {
            name: value - start[name]
            for name, value in read().items()
            if value.shape == start[name].shape
        }
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


def well_formed(program: Program) -> None:
    """The label fits its category and names real lines and kinds."""
    lines = program.source.splitlines()
    expected = {"single": (1,), "pair": (2,), "correct": (0,), "script": (0, 1)}[program.category]
    if len(program.mistakes) not in expected:
        raise Disagreement(f"{len(program.mistakes)} mistakes")
    for mistake in program.mistakes:
        if not (lines[mistake.line - 1].strip() and lines[mistake.effect - 1].strip()):
            raise Disagreement(f"line {mistake.line} or {mistake.effect} is blank")
        if unknown := set(mistake.accepted) - set(KINDS):
            raise Disagreement(f"no such kind: {unknown}")


def judged(program: Program) -> tuple[list[str], float]:
    """The parameters that are wrong, and the error of the program once it is correct."""
    measure = script_program if program.category == "script" else function_program
    with quiet():
        total, each = measure(program, program.source)
        if not program.mistakes:
            if total > RIGHT:
                raise Disagreement(f"not correct: {each}")
            return [], total
        wrong = sorted(name for name, error in each.items() if error > WRONG)
        if not wrong:
            raise Disagreement(f"agrees with its loss: {each}")
        for mistake in program.mistakes:
            if right := set(mistake.first) - set(wrong):
                raise Disagreement(f"{sorted(right)} is right; wrong are {wrong}")
        total, each = measure(program, program.fixed())
        if total > RIGHT:
            raise Disagreement(f"wrong even when fixed: {each}")
        if len(program.mistakes) > 1:
            for index in range(len(program.mistakes)):
                if measure(program, program.fixed(index))[0] < WRONG:
                    raise Disagreement(f"the fix of mistake {index + 1} alone is enough")
    return wrong, total


def verified(program: Program) -> list[str]:
    """The program's row of the result table; raises `Disagreement`."""
    well_formed(program)
    wrong, error = judged(program)
    if program.category == "script" and (took := seconds(program)) > SECONDS:
        raise Disagreement(f"{took:.1f} s")
    kinds = " + ".join(mistake.kind for mistake in program.mistakes) or "correct"
    where = " + ".join(str(mistake.line) for mistake in program.mistakes) or "–"
    return [program.id, kinds, where, ", ".join(wrong) or "–", f"{error:.0e}"]


def main() -> int:
    chosen = sys.argv[1:]
    rows, failures = [], []
    for program in programs() + open_scripts():
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
    columns = {category: programs(category) for category in CATEGORIES}
    columns["open script"] = open_scripts()
    counts = ", ".join(f"{len(some)} {column}" for column, some in columns.items())
    del columns["correct"]
    head = [
        "# The labels of the check suite, verified",
        "",
        "Written by `python -m check_suite.verify`, run in `tests`; how, its docstring says.",
        f"{len(rows)} programs: {counts}.",
        "“Wrong” are the parameters whose gradient or update is more than 0.1 % off;",
        "the last column is the error of the corrected program.",
        "",
        "| program | mistake | line | wrong | corrected |",
        "|---|---|---|---|---|",
    ]
    lines = head + ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", "| kind | " + " | ".join(columns) + " |", "|---" + "|---:" * len(columns) + "|"]
    for kind in KINDS:
        labelled = [
            str(sum(mistake.kind == kind for program in some for mistake in program.mistakes))
            for some in columns.values()
        ]
        lines.append("| " + " | ".join([kind, *labelled]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
