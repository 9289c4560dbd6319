"""A sample of random mistakes; a thousand by `python tests/random_mistakes.py 1000`."""

import pytest
import random_mistakes

SAMPLE = range(2000, 2024)  # seeds that the thousand does not have


@pytest.mark.parametrize("seed", SAMPLE)
def test_a_random_mistake_is_named(seed: int) -> None:
    case = random_mistakes.drawn(seed)
    report = random_mistakes.report_of(case, seed)
    assert random_mistakes.outcome(case, report) in ("named", "equivalent"), report.text()
    assert all(f.line == case.line for f in report.findings[:1])


def test_the_mistake_is_the_only_difference() -> None:
    case = random_mistakes.drawn(2000)
    assert case.kind
    assert case.source.splitlines()[case.line - 1].strip().startswith("d")
