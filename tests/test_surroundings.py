"""A compiled call reads what lies outside the function as it is at that call."""

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.tracing.surroundings import _names, names_in, read_surroundings

X = np.array([1.0, 2.0])
rate: Any = 1.0


def by_rate(x: Any) -> Any:
    return x * rate


@pytest.fixture(params=["native", "numpy"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_global_is_read_again(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number, an array, and another function in turn of the same name."""
    compiled = cr.compile(by_rate, engine=engine)
    for value in (1.0, 3.0, np.array([2.0, 5.0]), np.float32(2), 1.0):
        monkeypatch.setitem(globals(), "rate", value)
        assert np.array_equal(compiled(X), by_rate(X))


def test_addresses_are_taken_again_but_not_for_each_other(engine: str) -> None:
    """New arrays, objects and functions get the addresses of those that are gone."""
    holder = SimpleNamespace(scale=None)
    compiled = cr.compile(lambda x: x * holder.scale, engine=engine)
    for number in range(60):
        holder.scale = np.full(2, float(number))
        assert np.array_equal(compiled(X), X * number)
        holder.scale = None
        gc.collect()
    applied = cr.compile(lambda x: holder.scale(x), engine=engine)
    for number in range(30):
        space: dict[str, Any] = {}
        exec(f"def times(x): return x * {number}.0", space)
        holder.scale = space.pop("times")
        assert np.array_equal(applied(X), X * number)
        holder.scale = None
        gc.collect()


def test_an_array_from_outside_may_change_in_place(engine: str) -> None:
    """Its numbers, and its shape, also to one that would fit every other."""
    weights = np.array([1.0, 2.0])
    compiled = cr.compile(lambda x: x[:, None] * weights, engine=engine)
    for _ in range(3):
        assert np.array_equal(compiled(X), X[:, None] * weights)
        weights += 1
    weights.shape = (2, 1)
    assert np.array_equal(compiled(X), X[:, None] * weights)
    weights.resize((1,), refcheck=False)
    assert np.array_equal(compiled(X), X[:, None] * weights)


def test_names_of_code_are_forgotten_with_it() -> None:
    gc.collect()  # code of other tests
    before = len(_names)
    for number in range(20):
        names_in(compile(f"x + {number}", "here", "eval"))
    assert len(_names) == before


def test_results_are_the_caller_s(engine: str) -> None:
    """Small ones, too, which the native engine copies from memory of its own."""
    compiled = cr.compile(lambda x: (x, x + 0, np.sum(x)), engine=engine)
    first = compiled(X)
    second = compiled(X + 1)
    assert np.array_equal(first[0], X)
    assert np.array_equal(first[1], X)
    assert (first[2], second[2]) == (3.0, 5.0)
    arrays = [X, *first[:2], *second[:2]]
    for place, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:place])


def test_the_key_is_that_of_the_same_surroundings() -> None:
    scale = np.ones(2)

    def function(x: Any) -> Any:
        return by_rate(x) * scale

    first, second = read_surroundings(function), read_surroundings(function)
    assert first.key == second.key
    assert hash(first.key) == hash(second.key)
    assert [array is scale for array in first.arrays] == [True]
