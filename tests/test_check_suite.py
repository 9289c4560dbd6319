"""The labels of the check suite are proved; all of them by `python -m check_suite.verify`."""

from dataclasses import replace

import pytest
from check_suite import suite, verify
from check_suite.opened import opened

# Changed only with a label that was proved wrong; check_suite/README.md lists those.
FROZEN = "85a4b863058acc6d9dcb4a2d024fdc969e9aed3a50bebdf2b32a879433b780e2"


def test_the_suite_has_its_size() -> None:
    counts = {category: len(suite.programs(category)) for category in suite.CATEGORIES}
    assert counts["single"] >= 105
    assert counts["pair"] >= 22
    assert counts["correct"] >= 52
    assert counts["script"] >= 32


def test_the_frozen_half_is_frozen() -> None:
    assert suite.digest() == FROZEN


def test_every_file_has_one_label() -> None:
    files = sorted(path.stem for path in suite.FROZEN.glob("*/*.py"))
    assert sorted(program.id for program in suite.programs()) == files
    opened_files = sorted(path.stem for path in suite.OPEN_SCRIPTS.glob("*.py"))
    assert sorted(program.id for program in suite.open_scripts()) == opened_files


def test_the_open_half_has_its_size() -> None:
    assert len(opened("single")) >= 90
    assert len(opened("pair")) >= 20
    assert len(opened("correct")) >= 50
    assert len(suite.open_scripts()) >= 26
    assert len(suite.programs("script")) + len(suite.open_scripts()) >= 60


@pytest.mark.parametrize("program", opened()[::9], ids=lambda program: program.id)
def test_a_mark_of_the_open_half_is_what_the_numbers_say(program: suite.Program) -> None:
    verify.well_formed(program)
    wrong, error = verify.judged(program)
    assert bool(wrong) == bool(program.mistakes)
    assert error <= verify.RIGHT


LABELLED = suite.programs()[::12] + suite.open_scripts()[::6]


@pytest.mark.parametrize("program", LABELLED, ids=lambda program: program.id)
def test_a_label_is_what_the_numbers_say(program: suite.Program) -> None:
    verify.well_formed(program)
    wrong, error = verify.judged(program)
    assert bool(wrong) == bool(program.mistakes)
    assert error <= verify.RIGHT


def test_a_wrong_label_is_noticed() -> None:
    wrong, right = suite.programs("single")[0], suite.programs("correct")[0]
    with pytest.raises(verify.Disagreement, match="agrees with its loss"):
        verify.judged(replace(right, mistakes=wrong.mistakes))
    with pytest.raises(verify.Disagreement, match="not correct"):
        verify.judged(replace(wrong, mistakes=()))
