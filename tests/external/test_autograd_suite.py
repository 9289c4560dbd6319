"""The tests of HIPS autograd that apply to chainrule, with `numpy` for `autograd.numpy`.

`autograd_table.py` says which do not apply and why, `tests/results/autograd_suite.md` what the
others check.
"""

import pytest
from autograd_suite import RESULTS, exclusion, module_line, run, suite_tests, version
from autograd_table import EXCLUDED

NAMES = suite_tests()
RUN = [name for name in NAMES if exclusion(name) is None]
MODULES = sorted({name.partition(".")[0] for name in NAMES})


@pytest.mark.parametrize("module", MODULES)
def test_module(module):
    """Every test of a module passes, checks something, and counts as the committed table says."""
    outcomes = {name: run(name) for name in RUN if name.partition(".")[0] == module}
    failures = [f"{name}: {found.error}" for name, found in outcomes.items() if found.error]
    assert not failures, "\n".join(failures)
    empty = [name for name, o in outcomes.items() if o.complex and not o.checked]
    assert not empty, f"only complex samples, so that nothing ran: {empty}"
    count = sum(name.partition(".")[0] == module for name in NAMES)
    line = module_line(module, count, list(outcomes.values()))
    assert line in RESULTS.read_text(encoding="utf-8").splitlines(), "the committed table is stale"


def test_most_of_the_suite_runs():
    assert len(RUN) >= 300


def test_every_exclusion_has_a_reason_and_matches():
    used = {found[0] for found in map(exclusion, NAMES) if found is not None}
    patterns = [pattern for group in EXCLUDED.values() for pattern in group]
    assert all(EXCLUDED)
    assert set(patterns) == used
    assert len(patterns) == len(used)


def test_the_committed_table_is_of_this_version():
    assert f"autograd {version()}," in RESULTS.read_text(encoding="utf-8")
