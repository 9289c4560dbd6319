"""What never reaches the tracer is refused, at the user's line, with a way out that works.

Each entry is a function as somebody would write it, words of the reason, words of the remedy, and
the same function written the recommended way.
"""

import inspect
import linecache
import math
import pickle
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr

TABLE = np.array([10.0, 20.0, 30.0, 40.0])
X = np.array([0.5, 1.5, 2.5])
INDEX = np.array([2, 0, 1])
BUFFER = np.zeros(3)
FROZEN = "would freeze into a constant"


@dataclass(frozen=True)
class Refused:
    """bad and good compute the same on plain arrays; `line` stands in the refused line."""

    bad: Callable[[Any], Any]
    line: str
    reason: str
    remedy: str
    good: Callable[[Any], Any] | None = None
    argument: Any = None


def writes_item(t):
    buffer = BUFFER.copy()
    buffer[0] = t[0]
    return buffer


def writes_slice(t):
    buffer = BUFFER.copy()
    buffer[:2] = t[:2]
    return buffer


def writes_whole(t):
    total = BUFFER.copy()
    total += t
    return total


def writes_out(t):
    result = BUFFER.copy()
    np.exp(t, out=result)
    return result


def adds_at(t):
    counts = BUFFER.copy()
    np.add.at(counts, [0, 0], t[:2])
    return counts


def branches(t):
    if t[0] > 0:
        return t
    return -t


def conjunction(t):
    return t * (t[0] > 0 and t[1] > 0)


def halves(t):
    while t[0] > 1:
        t = t * 0.5
    return t


def checks(t):
    assert np.all(t > 0)
    return t * 2


def loops(t):
    total = 0.0
    for _ in range(t[0]):
        total = total + 1.0
    return total


def returns_selection(t):
    return t[t > 1]


def assigns_selection(t):
    t = t * 1.0
    t[t > 1] = t[t < 2]
    return t


def sets_shape(t):
    t = t * 1.0
    t.shape = (3, 1)
    return t


def writes_diagonal(t):
    t = t * 1.0
    np.diagonal(t)[0] = 5.0
    return t


def object_array(t):
    return np.array([t[0], None], dtype=object)[0]


REFUSALS = {
    "np.array of a list": Refused(
        lambda t: np.array([t[0], t[1]]),
        "np.array([",
        FROZEN,
        "np.stack",
        lambda t: np.stack([t[0], t[1]]),
    ),
    "np.asarray": Refused(
        lambda t: np.asarray(t) * 2, "np.asarray(t)", FROZEN, "t itself", lambda t: t * 2
    ),
    "np.array of a value": Refused(
        lambda t: np.array(t) * 2, "np.array(t)", FROZEN, "t.copy()", lambda t: t.copy() * 2
    ),
    "np.sum of a list": Refused(
        lambda t: np.sum([t[0], t[1]]),
        "np.sum([",
        FROZEN,
        "np.stack",
        lambda t: np.sum(np.stack([t[0], t[1]])),
    ),
    "np.c_": Refused(
        lambda t: np.c_[t, t],
        "np.c_[",
        FROZEN,
        "np.column_stack",
        lambda t: np.column_stack([t, t]),
    ),
    "np.r_": Refused(
        lambda t: np.r_[t, t],
        "np.r_[",
        FROZEN,
        "np.concatenate",
        lambda t: np.concatenate([t, t]),
    ),
    "plain.dot": Refused(lambda t: X.dot(t), "X.dot(t)", FROZEN, "plain @ t", lambda t: X @ t),
    "plain[t]": Refused(
        lambda t: TABLE[t],
        "TABLE[t]",
        FROZEN,
        "np.take_along_axis",
        lambda t: np.take_along_axis(TABLE, t, 0),
        argument=INDEX,
    ),
    "math.exp": Refused(
        lambda t: math.exp(t[0]), "math.exp(t[0])", FROZEN, "np.exp", lambda t: np.exp(t[0])
    ),
    "float": Refused(lambda t: float(t[0]), "float(t[0])", FROZEN, "return it", lambda t: t[0]),
    "int": Refused(
        lambda t: int(t[0]), "int(t[0])", FROZEN, "t.astype(int)", lambda t: t[0].astype(int)
    ),
    "item": Refused(lambda t: t[0].item(), "t[0].item()", FROZEN, "return it", lambda t: t[0]),
    "tolist": Refused(lambda t: t.tolist(), "t.tolist()", FROZEN, "t.copy()"),
    "if": Refused(
        branches,
        "if t[0] > 0:",
        "only one way would be recorded",
        "np.where",
        lambda t: np.where(t[0] > 0, t, -t),
    ),
    "and": Refused(
        conjunction,
        "t[0] > 0 and t[1] > 0",
        "only one way",
        "np.logical_and",
        lambda t: t * np.logical_and(t[0] > 0, t[1] > 0),
    ),
    "max": Refused(
        lambda t: max(t[0], t[1]),
        "max(t[0], t[1])",
        "only one way",
        "np.maximum",
        lambda t: np.maximum(t[0], t[1]),
    ),
    "while": Refused(
        halves,
        "while t[0] > 1:",
        "only one way would be recorded",
        "cr.scan",
        lambda t: t * 0.5,
        argument=np.array([1.5, 2.5]),
    ),
    "assert": Refused(
        checks, "assert np.all(t > 0)", "only one way", "check outside", lambda t: t * 2
    ),
    "a list of some": Refused(
        lambda t: sum(x for x in t if x > 1),
        "if x > 1",
        "only one way",
        "np.where",
        lambda t: np.sum(np.where(t > 1, t, 0.0)),
    ),
    "f-string": Refused(
        lambda t: len(f"{t[0]:.3f}") * t, 'f"{t[0]:.3f}"', "no number yet", "return value"
    ),
    "range": Refused(loops, "range(t[0])", FROZEN, "cr.scan", argument=np.array([3, 4])),
    "an item of a plain array": Refused(
        writes_item,
        "buffer[0] = t[0]",
        FROZEN,
        "np.zeros_like",
        lambda t: np.where(np.arange(3) == 0, t[0], np.zeros_like(t)),
    ),
    "a slice of a plain array": Refused(
        writes_slice,
        "buffer[:2] = t[:2]",
        FROZEN,
        "np.zeros_like",
        lambda t: np.concatenate([t[:2], np.zeros_like(t[2:])]),
    ),
    "a plain array in place": Refused(
        writes_whole, "total += t", "freeze there", "a = a + t", lambda t: BUFFER + t
    ),
    "out= a plain array": Refused(
        writes_out, "out=result", "freeze there", "np.zeros_like", lambda t: np.exp(t)
    ),
    "np.add.at a plain array": Refused(
        adds_at, "np.add.at(counts", "freeze there", "np.zeros_like"
    ),
    "an array of objects": Refused(object_array, "dtype=object", "", "np.stack"),
    "np.nonzero": Refused(
        lambda t: np.nonzero(t > 1)[0], "np.nonzero(", "depends on values", "np.where"
    ),
    "np.unique": Refused(lambda t: np.unique(t), "np.unique(", "depends on values", "np.where"),
    "np.where of one argument": Refused(
        lambda t: np.where(t > 1), "np.where(t > 1)", "not known", "np.where(condition, a, b)"
    ),
    "a selection as an array": Refused(
        lambda t: t[t > 1] @ t[t > 1], "t[t > 1] @", "not known beforehand", "np.where"
    ),
    "the length of a selection": Refused(
        lambda t: len(t[t > 1]), "len(t[t > 1])", "not known beforehand", "np.where"
    ),
    "a selection as a result": Refused(
        lambda t: returns_selection(t), "cr.trace(entry.bad, argument)", "not known", "np.where"
    ),
    "two selections": Refused(
        lambda t: t[t > 1] + t[t < 2],
        "t[t > 1] + t[t < 2]",
        "not known beforehand",
        "np.where",
        argument=np.array([0.5, 2.5]),
    ),
    "a selection under another mask": Refused(
        assigns_selection,
        "t[t > 1] = t[t < 2]",
        "not known beforehand",
        "np.where",
        argument=np.array([0.5, 2.5]),
    ),
    "memory": Refused(
        lambda t: t.view(np.int64), "t.view(", "needs the array's memory", "t.astype(dtype)"
    ),
    "complex numbers": Refused(lambda t: t * 1j, "t * 1j", "only real numbers", "astype(float)"),
    "a shape that is set": Refused(
        sets_shape,
        "t.shape = ",
        "cannot be set",
        "t.reshape(shape)",
        lambda t: t.reshape((3, 1)),
    ),
    "a diagonal that is written to": Refused(
        writes_diagonal, "np.diagonal(t)", "a diagonal", "t.copy()", argument=np.eye(3)
    ),
    "a function that NumPy has and chainrule has not": Refused(
        lambda t: np.linalg.svd(t[:, None]), "np.linalg.svd", "not among the functions", "np.einsum"
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_is_refused_with_line_reason_and_remedy(name: str) -> None:
    entry = REFUSALS[name]
    argument = X if entry.argument is None else entry.argument
    with pytest.raises(cr.TraceError) as caught:
        cr.trace(entry.bad, argument)
    message = str(caught.value)
    place = re.search(r"test_refusals\.py:(\d+)", message)
    assert place is not None, message
    assert entry.line in linecache.getline(__file__, int(place[1])), message
    assert entry.reason in message
    assert entry.remedy in message.split("Write instead:")[-1], message


@pytest.mark.parametrize("name", [name for name, entry in REFUSALS.items() if entry.good])
def test_the_remedy_is_recorded_and_computes_the_same(name: str) -> None:
    entry = REFUSALS[name]
    argument = X if entry.argument is None else entry.argument
    assert entry.good is not None
    expected = entry.bad(argument)
    np.testing.assert_allclose(cr.compile(entry.good)(argument), expected, rtol=1e-15)


def draws_from_numpy(t):
    return t * np.random.rand(3)


def draws_from_python(t):
    return t * random.random()


@pytest.mark.parametrize("function", [draws_from_numpy, draws_from_python])
def test_global_dice_are_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(cr.TraceError, match=r"(?s)random generator.*cr\.random") as caught:
        cr.trace(function, X)
    assert function.__name__ in str(caught.value)


def test_noise_from_a_key_is_the_remedy() -> None:
    noisy = cr.compile(lambda t, key: t * cr.random.uniform(key, (3,)))
    first, second = (noisy(X, cr.random.key(seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_a_captured_array_may_not_change_while_it_is_recorded() -> None:
    buffer = np.ones(3)

    def function(t):
        y = t * buffer
        buffer[0] = 5.0
        return y

    with pytest.raises(cr.TraceError, match=r"array\.copy\(\)") as caught:
        cr.trace(function, X)
    assert "test_refusals.py" in str(caught.value)
    buffer[0] = 2.0  # it can be written to again
    assert buffer[0] == 2.0


def test_a_value_cannot_leave_its_recording() -> None:
    kept = []
    cr.trace(lambda t: kept.append(t * 2) or t, X)
    for use in (lambda: kept[0] + 1, lambda: float(np.sum(kept[0])), lambda: np.exp(kept[0])):
        with pytest.raises(cr.LeakedValueError, match="has ended"):
            use()


def test_a_value_of_another_recording_is_named() -> None:
    kept = []
    cr.trace(lambda t: kept.append(t) or t, X)
    with pytest.raises(cr.LeakedValueError, match="pass it as an argument"):
        cr.trace(lambda t: t + kept[0], X)


def test_a_value_cannot_be_pickled() -> None:
    with pytest.raises(cr.TraceError, match="pickled"):
        cr.trace(lambda t: pickle.dumps(t), X)


@pytest.mark.parametrize("returned", ["text", {1, 2}, object()])
def test_results_are_numbers(returned: Any) -> None:
    with pytest.raises(cr.TraceError, match="returns arrays"):
        cr.trace(lambda t: returned, X)


def test_integers_have_no_gradient() -> None:
    with pytest.raises(cr.TraceError, match="only floating-point values have gradients"):
        cr.grad(lambda n: n * 2.0)(3)


def test_a_gradient_is_that_of_one_number() -> None:
    with pytest.raises(cr.SettingError, match=r"shape \(3,\).*sum or mean"):
        cr.grad(lambda t: t * 2)(X)


def test_a_carry_keeps_its_shape() -> None:
    def grow(carry, x):
        return np.concatenate([carry, carry]), x

    with pytest.raises(cr.TraceError, match="a carry keeps its shape"):
        cr.scan(grow, np.ones(2), X)


# --- NumPy's own errors stay NumPy's -------------------------------------------------------------

NUMPYS_OWN = {
    "shapes": lambda t: t + np.ones(2),
    "matrix product": lambda t: t @ np.ones((2, 2)),
    "index": lambda t: t[5],
    "too many indices": lambda t: t[0, 0],
    "axis": lambda t: np.sum(t, axis=3),
    "reshape": lambda t: t.reshape(2, 2),
    "squeeze": lambda t: np.squeeze(t, axis=0),
    "concatenate": lambda t: np.concatenate([t, np.ones((2, 2))]),
    "split": lambda t: np.split(t, 2),
    "length of a number": lambda t: len(t[0]),
    "iteration over a number": lambda t: list(t[0]),
    "float index": lambda t: t[1.5],
}


def in_place_broadcast(t):
    t -= np.ones((2, 3))
    return t


def in_place_cast(t):
    counts = (t * 0).astype(int)
    counts += t
    return counts


NUMPYS_OWN |= {"in-place broadcast": in_place_broadcast, "in-place cast": in_place_cast}


@pytest.mark.parametrize("name", NUMPYS_OWN)
def test_the_error_is_the_one_that_numpy_raises(name: str) -> None:
    function = NUMPYS_OWN[name]
    with pytest.raises(Exception) as plain:  # noqa: PT011 - whichever NumPy raises
        function(X.copy())
    with pytest.raises(Exception) as traced:  # noqa: PT011 - the same
        cr.trace(function, X.copy())
    built_in = next(
        kind for kind in type(plain.value).__mro__ if kind in (IndexError, ValueError, TypeError)
    )
    assert isinstance(traced.value, built_in)
    assert not isinstance(traced.value, cr.GraphError)


def test_every_refusal_of_the_library_is_reached_by_a_line_above() -> None:
    """No entry of the library's table stands there unused."""
    from chainrule.tracing.refusals import REFUSALS as LIBRARY

    source = inspect.getsource(inspect.getmodule(test_is_refused_with_line_reason_and_remedy))
    for entry in LIBRARY:
        assert re.search(entry.pattern, source), entry
