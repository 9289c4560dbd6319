"""Run the checker over the suite's scripts: `python -m check_suite.score_scripts`, in folder tests.

Prints what it said wrong, then the table; with arguments only ids that begin with them.
"""

import sys
import time

import numpy as np

import chainrule as cr
from check_suite.suite import Program, programs
from check_suite.verify import quiet


def judged(program: Program) -> tuple[dict[str, bool], str]:
    """What is right about the report of one script, and one line about it."""
    try:
        with quiet():
            report = cr.check_script(program.path)
    except Exception as error:  # a checker that fails is a result of its own
        failed = dict.fromkeys(("found", "named", "line") if program.mistakes else ("passed",))
        return {key: False for key in failed}, f"{type(error).__name__}: {error}"
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
    for title, wanted in (("wrong", True), ("correct", False)):
        results, worst, began = [], 0.0, time.perf_counter()
        for program in programs("script"):
            if bool(program.mistakes) is not wanted or not program.id.startswith(chosen or ""):
                continue
            start = time.perf_counter()
            found, said = judged(program)
            worst = max(worst, time.perf_counter() - start)
            results.append(found)
            if not all(found.values()):
                label = " + ".join(f"{m.kind}@{m.line}" for m in program.mistakes) or "correct"
                flags = "".join("+" if ok else "-" for ok in found.values())
                print(f"{program.id} {flags} {label} | {said[:160]}", flush=True)
        if results:
            shares = {key: np.mean([row[key] for row in results]) for key in results[0]}
            shown = ", ".join(f"{key} {share:.1%}" for key, share in shares.items())
            total = time.perf_counter() - began
            print(f"== scripts, {title} {len(results)}: {shown}; {total:.0f} s, worst {worst:.1f} s")


if __name__ == "__main__":
    main()
