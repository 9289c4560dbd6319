"""Diagnose training runs, healthy and faulty ones: `python tests/diagnosis_suite.py`.

Writes the table tests/results/diagnosis.md. First the named runs: each fault must be named first,
and after its remedy the finding must be gone and the loss lower. Then runs drawn at random, on
which no threshold was chosen. `tests/test_diagnosis.py` takes a few of the named ones.
"""

import sys
import time
from pathlib import Path

from diagnosis_at_random import at_random, with_a_fault
from diagnosis_faults import FAULTY
from diagnosis_runs import HEALTHY, Training

import chainrule as cr

RESULTS = Path(__file__).parent / "results" / "diagnosis.md"
DRAWN = range(5000, 5100)


def diagnosed(training: Training) -> tuple[list[cr.diagnosis.Finding], float, float]:
    """The findings, the loss on the data that were trained on, and the seconds of the diagnosis."""
    model, X, y = training.run()
    begun = time.perf_counter()
    found = cr.diagnose(model, X, y).findings
    return list(found), model.evaluate(X, y)["loss"], time.perf_counter() - begun


def named() -> tuple[list[str], list[str]]:
    """Lines about the healthy and the faulty runs that have names."""
    healthy, faulty = [], []
    for name, training in HEALTHY.items():
        found, loss, seconds = diagnosed(training)
        said = ", ".join(finding.symptom for finding in found) or "nothing"
        healthy.append(f"| {name} | {loss:.3g} | {said} | {seconds:.2f} s |")
        print(healthy[-1], flush=True)
    for name, fault in FAULTY.items():
        found, loss, seconds = diagnosed(fault.training)
        said = ", ".join(dict.fromkeys(finding.symptom for finding in found)) or "nothing"
        right = bool(found) and found[0].symptom == fault.symptom
        cured, after = [], float("nan")
        if right:
            cured, after, _ = diagnosed(fault.cure(fault, found[0]))
        left = ", ".join(finding.symptom for finding in cured) or "nothing"
        faulty.append(
            f"| {name} | {fault.symptom} | {said} | {'yes' if right else '**no**'} | {loss:.3g} | "
            f"{after:.3g} | {left} | {seconds:.2f} s |"
        )
        print(faulty[-1], flush=True)
    return healthy, faulty


def at_random_lines() -> list[str]:
    """Lines about the runs drawn at random, by what was planted."""
    counts: dict[str, list[int]] = {}
    misses = []
    for seed in DRAWN:
        for symptom, training in (("", at_random(seed)[0]), with_a_fault(seed)):
            found, _, _ = diagnosed(training)
            first = found[0].symptom if found else ""
            entry = counts.setdefault(symptom, [0, 0])
            entry[0] += first == symptom
            entry[1] += 1
            if first != symptom:
                misses.append(f"- seed {seed}, {symptom or 'healthy'}: {first or 'nothing'}")
                print(misses[-1], flush=True)
    lines = [
        f"| {symptom or 'none'} | {total} | {right} |"
        for symptom, (right, total) in sorted(counts.items())
    ]
    return [*lines, "", "What was said otherwise:", "", *(misses or ["- nothing"])]


def main() -> None:
    healthy, faulty = named()
    text = [
        "# Diagnosis of training runs",
        "",
        "Written by `python tests/diagnosis_suite.py`. chainrule " + cr.__version__ + ".",
        "",
        f"## Healthy runs: {sum('| nothing |' not in line for line in healthy)} of {len(healthy)} "
        "with a false alarm",
        "",
        "| run | loss | found | time |",
        "| --- | ---: | --- | ---: |",
        *healthy,
        "",
        f"## Runs with one fault: {sum('| yes |' in line for line in faulty)} of {len(faulty)} "
        "named first",
        "",
        "The last columns are of the run after the finding's remedy.",
        "",
        "| run | fault | found | named first | loss | loss after | found after | time |",
        "| --- | --- | --- | --- | ---: | ---: | --- | ---: |",
        *faulty,
        "",
        f"## Runs drawn at random, seeds {DRAWN.start} to {DRAWN.stop - 1}",
        "",
        "A sensible run, and one with a fault planted in it, for each seed.",
        "",
        "| planted | runs | named first |",
        "| --- | ---: | ---: |",
        *at_random_lines(),
        "",
    ]
    RESULTS.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
