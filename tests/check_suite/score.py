"""Run the checker over the suite's functions: `python -m check_suite.score`, from the folder tests.

Prints what it said wrong, then the table; with arguments only ids that begin with them.
"""

import sys
import time

import numpy as np

from chainrule.checking.front import check
from check_suite.suite import Program, programs
from check_suite.verify import namespace, quiet


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
        return {"found": False, "named": False, "line": False}, f"{type(error).__name__}: {error}"
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


def main() -> None:
    chosen = sys.argv[1:]
    for category in ("single", "pair", "correct"):
        results, worst, began = [], 0.0, time.perf_counter()
        for program in programs(category):
            if chosen and not any(program.id.startswith(prefix) for prefix in chosen):
                continue
            start = time.perf_counter()
            found, said = judged(program)
            worst = max(worst, time.perf_counter() - start)
            results.append(found)
            if not all(found.values()):
                label = " + ".join(f"{m.kind}@{m.line}" for m in program.mistakes)
                flags = "".join("+" if ok else "-" for ok in found.values())
                print(f"{program.id} {flags} {label or 'correct'} | {said[:160]}", flush=True)
        if results:
            columns = {key: np.mean([row[key] for row in results]) for key in results[0]}
            shown = ", ".join(f"{key} {share:.1%}" for key, share in columns.items())
            total = time.perf_counter() - began
            print(
                f"== {category} {len(results)}: {shown}; {total:.0f} s, "
                f"worst {worst:.1f} s"
            )


if __name__ == "__main__":
    main()
