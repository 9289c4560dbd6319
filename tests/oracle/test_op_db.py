"""Every float64 sample of the entries of PyTorch's `op_db` that chainrule shares.

Values and gradients against PyTorch. `tests/results/op_db.md` says how many samples of each entry
ran, and why the others did not; this command runs them all and writes it anew:

    python tests/oracle/test_op_db.py

and with `native` behind it, the same on that engine, into `tests/results/op_db_native.md`.
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from op_db_check import ENTRIES, SINGLE, Outcome, compare, examine, has_float64, samples
from op_db_table import EXCLUDED, NOT_SHARED, ROWS

from chainrule.ops import rows

pytestmark = pytest.mark.oracle

RESULTS = Path(__file__).parents[1] / "results" / "op_db.md"
RESULTS_NATIVE = RESULTS.with_name("op_db_native.md")
NAMES = {"numpy": "NumPy", "native": "native"}
COMMANDS = {
    "numpy": "Written by `python tests/oracle/test_op_db.py`; the tests demand that it is current.",
    "native": "Written by `python tests/oracle/test_op_db.py native`.",
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def committed():
    """The line of each entry in the committed table."""
    return set(RESULTS.read_text().splitlines())


@pytest.mark.parametrize("name", sorted(ROWS))
def test_entry(name, committed):
    outcome = examine(name)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.ran > 0
    reasons = {each.reason for each in EXCLUDED if name in each.entries}
    assert set(outcome.excluded) == reasons, "an exclusion matches nothing"
    assert line(name, outcome) in committed, "the committed table is not of this run"


def test_many_entries_are_shared():
    assert len(ROWS) >= 120


def test_no_entry_is_left_out_without_a_reason():
    tested = {name for name in ENTRIES if has_float64(name)}
    assert set(ROWS).isdisjoint(NOT_SHARED)
    assert tested == set(ROWS) | set(NOT_SHARED)
    assert all(NOT_SHARED.values())


def test_exclusions_are_of_shared_entries():
    named = [name for exclusion in EXCLUDED for name in exclusion.entries]
    assert set(named) <= set(ROWS)


@pytest.mark.parametrize(
    ("adapter", "complaint"),
    [
        (np.cos, "NumPy's value"),
        (lambda x: np.sin(x)[..., None], "shape"),
        (lambda x: rows.stop_gradient(np.sin(x)), "the gradient"),
        (lambda x: np.sin(x) + 1e-7 * (np.cos(x) - rows.stop_gradient(np.cos(x))), "the gradient"),
    ],
    ids=["value", "shape", "no gradient", "gradient off by 1e-7"],
)
def test_the_comparison_sees_what_is_wrong(adapter, complaint):
    (sample,) = samples("sin")
    with pytest.raises(AssertionError, match=complaint):
        compare(adapter, ENTRIES["sin"], sample, {})


# --- the table -----------------------------------------------------------------------------------


def line(name: str, outcome: Outcome) -> str:
    return f"| `{name}` | {outcome} |"


def table(outcomes: dict[str, Outcome], engine: str) -> str:
    ran = sum(outcome.ran for outcome in outcomes.values())
    excluded = sum(outcome.excluded.total() for outcome in outcomes.values())
    without = len(ENTRIES) - len(ROWS) - len(NOT_SHARED)
    reasons: dict[str, list[str]] = {}
    for name, reason in NOT_SHARED.items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    return "\n".join(
        [
            "# Samples of PyTorch's `op_db` against chainrule",
            "",
            f"PyTorch {torch.__version__.split('+')[0]}, float64, {NAMES[engine]} engine. Of the "
            f"{len(ENTRIES)} entries {len(ROWS)} are shared, {len(NOT_SHARED)} are not, and "
            f"{without} have no float64 samples. {ran} samples ran, {excluded} were excluded: "
            "values within 1e-9 and gradients within 1e-8 of the largest number of the array (or "
            f"of 1), 1e-{round(-np.log10(SINGLE[engine]))} where a sample holds float32 numbers.",
            "",
            COMMANDS[engine],
            "",
            "| entry | ran | excluded | why |",
            "|---|---|---|---|",
            *[line(name, outcome) for name, outcome in outcomes.items()],
            "",
            "## Entries that are not shared",
            "",
            "| why | entries |",
            "|---|---|",
            *[f"| {reason} | {', '.join(names)} |" for reason, names in reasons.items()],
            "",
        ]
    )


def main(engine: str = "numpy") -> None:
    """Run every sample, and write the table if all of them agree."""
    torch.set_num_threads(1)
    outcomes, seconds = {}, {}
    for name in sorted(ROWS):
        start = perf_counter()
        outcomes[name] = examine(name, engine)
        seconds[name] = perf_counter() - start
    failures = [
        f"{name}: {failure}" for name, outcome in outcomes.items() for failure in outcome.failures
    ]
    if failures:
        raise SystemExit("\n".join(failures))
    results = RESULTS if engine == "numpy" else RESULTS_NATIVE
    results.parent.mkdir(exist_ok=True)
    results.write_text(table(outcomes, engine))
    print(f"{sum(seconds.values()):.0f} s; the slowest entries:")
    for name in sorted(seconds, key=lambda name: -seconds[name])[:10]:
        print(f"{seconds[name]:6.1f} s  {name}, {outcomes[name].ran} samples")


if __name__ == "__main__":
    main(*sys.argv[1:])
