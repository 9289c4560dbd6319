"""A recorded call is NumPy: aliasing, views and in-place changes, in programs drawn at random."""

from typing import Any

import numpy as np
import pytest
from array_programs import Program, programs
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.tracing.strides import reshaped, strides_of
from chainrule.trees import flatten

X = np.array([0.5, 1.5, 2.5])
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def assert_same(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Equal trees of arrays, dtypes included."""
    ours, our_structure = flatten(found)
    theirs, structure = flatten(expected)
    assert our_structure == structure
    for a, b in zip(ours, theirs, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# --- random programs -----------------------------------------------------------------------------


@settings(QUIET, max_examples=300)
@given(programs())
def test_a_program_computes_what_it_computes_in_numpy(program: Program) -> None:
    """Or it is refused with a remedy, or it fails as in NumPy; it never differs in silence."""
    function = program.function()
    plain, given_ = program.fresh_arguments(), program.fresh_arguments()
    with np.errstate(all="ignore"):
        try:
            expected = function(*plain)
        except (IndexError, TypeError, ValueError):
            event("error")
            with pytest.raises((IndexError, TypeError, ValueError)):
                cr.compile(function)(*given_)
            return
    try:
        found = cr.compile(function)(*given_)
    except cr.TraceError as refusal:
        event("refusal")
        if "Write instead: " not in str(refusal):
            raise
        return
    event("value")
    assert_same(found, expected, 1e-5)
    assert_same(given_, plain, 1e-5)


@settings(QUIET, max_examples=100)
@given(programs(smooth=True), st.integers(0, 2**32 - 1))
def test_the_gradient_of_a_program_is_its_slope(program: Program, seed: int) -> None:
    """Through views, in-place changes and indices; the points are away from kinks and ties."""
    function = program.function()
    rng = np.random.default_rng(seed)
    arguments = program.fresh_arguments()
    direction = rng.normal(size=arguments[0].shape)
    weights: list[Any] = []

    def total(a: Any, *rest: Any) -> Any:
        results = [x for x in function(a, *rest) if x.dtype.kind == "f"]
        if not weights:
            weights.extend(rng.normal(size=x.shape) for x in results)
        return sum(np.sum(x * w) for x, w in zip(results, weights, strict=True))

    def moved(step: float) -> Any:
        a, *rest = program.fresh_arguments()
        return total(a + step * direction, *rest)

    with np.errstate(all="ignore"):
        moved(0.0)
        slopes = [(moved(h) - moved(-h)) / (2 * h) for h in (1e-5, 1e-6, 1e-7)]
    try:
        gradient = cr.grad(total)(*arguments)
    except cr.TraceError:
        event("refusal")
        return
    event("value")
    found = np.sum(gradient * direction)
    scale = max(np.linalg.norm(gradient) * np.linalg.norm(direction), 1.0)
    assert min(abs(found - slope) for slope in slopes) < 1e-6 * scale


@settings(QUIET, max_examples=300)
@given(st.data())
def test_strides_say_which_reshapes_are_views(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=4)))
    whole = np.zeros(tuple(2 * length for length in shape))
    steps = [data.draw(st.sampled_from([slice(n), slice(None, None, 2), slice(n)])) for n in shape]
    part = whole[(..., *steps)].transpose(data.draw(st.permutations(range(len(shape)))))
    if part.ndim and data.draw(st.booleans()):
        part = np.flip(part, tuple(range(data.draw(st.integers(0, part.ndim)))))
    target = data.draw(st.sampled_from(factorizations(part.size)))
    found = reshaped(part.shape, strides_of(part) or (), target)
    view = part.reshape(target)
    assert (found is not None) == np.shares_memory(view, whole)
    if found is not None:
        steps_of = zip(target, found, strides_of(view) or (), strict=True)
        assert all(length == 1 or a == b for length, a, b in steps_of)


def factorizations(size: int) -> list[tuple[int, ...]]:
    pairs = [(n, size // n) for n in range(1, size + 1) if size % n == 0]
    triples = [(n, m, k) for n, rest in pairs for m, k in factor_pairs(rest)]
    return [(size,), *pairs, *triples]


def factor_pairs(size: int) -> list[tuple[int, int]]:
    return [(n, size // n) for n in range(1, size + 1) if size % n == 0]


# --- in-place changes, by name -------------------------------------------------------------------

IN_PLACE = []


def in_place(function):
    """A row of the table of functions that change their arguments or views of them."""
    IN_PLACE.append(function)
    return function


@in_place
def swaps(a, b):
    kept = a.copy()
    a[:] = b
    b[:] = kept


@in_place
def keeps_the_old(a, b):
    old = a.copy()
    a += b
    return old


@in_place
def scales_what_it_zips(a, b):
    for w, dw in zip([a, b], [b, a], strict=True):
        w -= 0.1 * dw


@in_place
def copies_into_its_own_flip(a, b):
    np.copyto(np.flip(a), a)


@in_place
def changes_a_copy_of_a_transposed(a, b):
    flat = a.reshape(2, 3).T.reshape(-1)
    flat += 10.0
    return flat, b


@in_place
def changes_a_view_of_a_reshaped(a, b):
    rows = a.reshape(2, 3)
    rows[1:, ::-1] *= 2.0
    rows.T[0] = b[:2]
    return rows


@in_place
def reads_numbers_before_a_change(a, b):
    first, part = a[0], a[:1]
    a += b
    return first, part


@in_place
def counts_repeated_places_once(a, b):
    a[[0, 0, 1]] += b[:3]


@in_place
def counts_repeated_places_twice(a, b):
    np.add.at(a, [0, 0, 1], b[:3])


@in_place
def fills_a_buffer(a, b):
    table = np.zeros((3, 6))
    for row in range(3):
        table[row] = a * row
        table[row, 1:4] += b[row]
    return table


@in_place
def changes_a_selection(a, b):
    chosen = a[a > 0]
    also = chosen
    chosen -= 1.0
    a[a > 0] = chosen
    return also.sum()


@in_place
def writes_under_a_mask_of_its_own(a, b):
    a[a > 0] = a[a > 0] ** -1.5
    b[b < 0] = 0.0
    return a


@pytest.mark.parametrize("function", IN_PLACE, ids=lambda function: function.__name__)
@pytest.mark.parametrize("layout", ["together", "apart"])
def test_in_place_changes_are_those_of_numpy(function, layout):
    def arguments():
        a = np.array([-1.0, 2.0, 0.0, 4.0, -5.0, 6.0])
        b = np.array([0.5, -0.5, 3.0, 1.0, -2.0, 0.25])
        if layout == "together":
            return [a, b]
        return [np.repeat(a, 2)[::2], np.stack([b, b], axis=1)[:, 0]]

    plain, given_ = arguments(), arguments()
    expected = function(*plain)
    assert_same(cr.compile(function)(*given_), expected)
    assert_same(given_, plain)
