"""Run the checker over the suite's functions: `python -m check_suite.score`, from the folder tests.

Prints what it said wrong, then the table, which it writes to ../results/check_suite.md; with
arguments only ids that begin with them, and no table is written.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chainrule.checking.front import check
from check_suite.opened import opened
from check_suite.suite import Program, programs
from check_suite.verify import namespace, quiet

RESULTS = Path(__file__).parents[1] / "results" / "check_suite.md"
COLUMNS = ("found", "named", "line", "passed")


def judged(program: Program) -> tuple[dict[str, bool], str]:
    """What is right about the report of one program, and one line about it."""
    space = namespace(program, program.source)
    try:
        with quiet():
            function = {"step": space["step"]} if "step" in space else {"grads": space["grads"]}
            report = check(
                loss=space["loss"],
                params=space["params"],
                data=space["data"],
                lr=float(space.get("lr", 0.1)),
                **function,
            )
    except Exception as error:  # a checker that fails is a result of its own
        said = f"{type(error).__name__}: {error}"
        if not program.mistakes:
            return {"passed": False}, said
        return {"found": False, "named": False, "line": False}, said
    said = " + ".join(f"{f.kind}@{f.line}" for f in report.findings) or "ok"
    kinds = [finding.kind for finding in report.findings]
    if not program.mistakes:
        return {"passed": report.ok}, said
    expected = list(program.mistakes)
    named = len(kinds) >= len(expected) and all(
        any(kind in mistake.accepted for kind in kinds[: len(expected)]) for mistake in expected
    )
    line = bool(report.findings) and any(
        report.findings[0].line in (mistake.line, mistake.effect) for mistake in expected
    )
    return {"found": not report.ok, "named": named, "line": line}, said


def scored(half: str, chosen: Sequence[str]) -> list[list[str]]:
    """The rows of the table for one half."""
    rows = []
    for category in ("single", "pair", "correct"):
        some = programs(category) if half == "frozen" else opened(category)
        results, times = [], []
        for program in some:
            if chosen and not any(program.id.startswith(prefix) for prefix in chosen):
                continue
            start = time.process_time()
            found, said = judged(program)
            times.append(time.process_time() - start)
            results.append(found)
            if not all(found.values()):
                label = " + ".join(f"{m.kind}@{m.line}" for m in program.mistakes)
                flags = "".join("+" if ok else "-" for ok in found.values())
                print(f"{program.id} {flags} {label or 'correct'} | {said[:160]}", flush=True)
        if results:
            shares = [
                f"{np.mean([row[key] for row in results]):.1%}" if key in results[0] else "–"
                for key in COLUMNS
            ]
            seconds = [f"{np.median(times):.2f} s", f"{max(times):.1f} s"]
            rows.append([half, category, str(len(results)), *shares, *seconds])
    return rows


def main() -> None:
    chosen = sys.argv[1:]
    rows = scored("frozen", chosen) + scored("open", chosen)
    lines = [
        "# The checker over the check suite",
        "",
        "Written by `python -m check_suite.score`, run in `tests`. Found: reported as wrong.",
        "Named: the first finding (of a pair the first two) has the kind of the label. Line: the",
        "first finding is at the label's line. Passed: nothing is reported. Times are of one core.",
        "",
        "| half | programs | number | found | named | line | passed | median | longest |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    print("\n".join(lines))
    if not chosen:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
