"""Check the suite's scripts: `python -m check_suite.score_scripts`, from the folder tests.

Prints what is not as labelled, and writes ../results/check_scripts.md; with arguments only ids that
begin with them, and no file.
"""

import sys
import time
from pathlib import Path

import numpy as np

import chainrule as cr
from check_suite.suite import Program, open_scripts, programs
from check_suite.verify import quiet

RESULTS = Path(__file__).parents[1] / "results" / "check_scripts.md"
HEAD = [
    "# The scripts, checked",
    "",
    "Written by `python -m check_suite.score_scripts`, run in `tests`. The last column is what is",
    "not as labelled: the mistake found at all, its kind in the first finding, its line.",
    "The scripts t01 to t34 are frozen; u01 and on are the open half.",
    "",
]
COLUMNS = ["| script | label | said | not so |", "|---|---|---|---|"]


def judged(program: Program) -> tuple[dict[str, bool], str]:
    """What is right about the report of one script, and one line about it."""
    try:
        with quiet():
            report = cr.check_script(program.path)
    except Exception as error:  # a checker that fails is a result of its own
        failed = dict.fromkeys(("found", "named", "line") if program.mistakes else ("passed",))
        return dict.fromkeys(failed, False), f"{type(error).__name__}: {error}"
    said = " + ".join(f"{f.kind}@{f.line}" for f in report.findings) or "ok"
    if not program.mistakes:
        return {"passed": report.ok}, said
    (mistake,) = program.mistakes
    first = report.findings[0] if report.findings else None
    return {
        "found": first is not None,
        "named": first is not None and first.kind in mistake.accepted,
        "line": first is not None and first.line in (mistake.line, mistake.effect),
    }, said


def main() -> None:
    chosen = tuple(sys.argv[1:])
    rows, totals = [], []
    groups = [
        (f"{half}, {title}", [program for program in some if bool(program.mistakes) is wanted])
        for half, some in (("frozen", programs("script")), ("open", open_scripts()))
        for title, wanted in (("with one mistake", True), ("correct", False))
    ]
    for title, some in groups:
        results, worst, began = [], 0.0, time.perf_counter()
        for program in some:
            if not program.id.startswith(chosen or ""):
                continue
            start = time.perf_counter()
            found, said = judged(program)
            worst = max(worst, time.perf_counter() - start)
            results.append(found)
            label = " + ".join(f"{m.kind}@{m.line}" for m in program.mistakes) or "correct"
            flags = ", ".join(key for key, good in found.items() if not good) or "–"
            rows.append(f"| {program.id} | {label} | {said[:120]} | {flags} |")
            if flags != "–":
                print(rows[-1], flush=True)
        if results:
            shares = {key: np.mean([row[key] for row in results]) for key in results[0]}
            shown = ", ".join(f"{key} {share:.1%}" for key, share in shares.items())
            total = time.perf_counter() - began
            totals.append(
                f"- {len(results)} {title}: {shown}"
                f" (all in {total:.0f} s, the longest {worst:.1f} s)"
            )
            print(totals[-1], flush=True)
    if not chosen:
        RESULTS.write_text("\n".join([*HEAD, *totals, "", *COLUMNS, *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
