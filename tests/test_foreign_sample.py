"""The sample of foreign functions is what it claims to be, on plain NumPy."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from foreign import CASES, Case


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    """Every number or array in nested containers, as arrays, in a fixed order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _leaves(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _leaves(value)
    elif tree is not None:
        yield np.asarray(tree)


def _same(left: Any, right: Any) -> bool:
    pairs = zip(_leaves(left), _leaves(right), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_there_are_forty_functions_with_distinct_names() -> None:
    assert len(CASES) == 40
    assert len({case.name for case in CASES}) == 40
    assert len({case.function for case in CASES}) == 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_runs_on_plain_numpy(case: Case) -> None:
    arguments = case.arguments(np.random.default_rng(0))
    before = copy.deepcopy(arguments)
    result = case.function(*arguments)
    if result is None:
        assert not _same(before, arguments), "returns nothing and changes nothing"
        result = arguments
    results = list(_leaves(result))
    assert results
    for array in results:
        assert array.dtype.kind in "fiub"
        assert np.all(np.isfinite(array))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_arguments_give_the_same_result(case: Case) -> None:
    def outcome() -> tuple[Any, ...]:
        arguments = case.arguments(np.random.default_rng(1))
        return case.function(*arguments), arguments

    assert _same(outcome(), outcome())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_differentiable_arguments_move_a_float_output(case: Case) -> None:
    arguments = case.arguments(np.random.default_rng(2))
    for position in case.differentiable:
        assert any(leaf.dtype.kind == "f" for leaf in _leaves(arguments[position]))
        changed = case.function(*_with_moved_argument(copy.deepcopy(arguments), position))
        plain = case.function(*copy.deepcopy(arguments))
        pairs = zip(_leaves(plain), _leaves(changed), strict=True)
        assert any(a.dtype.kind == "f" and not np.array_equal(a, b) for a, b in pairs)


def _with_moved_argument(arguments: tuple[Any, ...], position: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(3)

    def move(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: move(value) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return type(tree)(move(value) for value in tree)
        return tree + 1e-3 * rng.normal(size=np.shape(tree))

    return (*arguments[:position], move(arguments[position]), *arguments[position + 1 :])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_names_its_style_in_one_line(case: Case) -> None:
    line = case.function.__doc__
    assert line is not None
    assert "\n" not in line
    assert "style: " in line
