"""The judge of gradients lets right ones pass, and none that is 0.1 % wrong."""

from dataclasses import replace

import numpy as np
import pytest
from gradcheck import TOLERANCE, check_gradient, gradient_error
from samples import BROADCAST, MAPS, draw, settings

from chainrule.ops.map import Map
from chainrule.ops.registry import numerics
from chainrule.pipeline import grad

WRONG = 1.001


def partials() -> list[tuple[str, int]]:
    """Every partial derivative in the table: the row's name, and by which input.

    The cast is left out: on float64, where differences are exact enough, it changes nothing.
    """
    found = []
    for name, row in MAPS.items():
        if row.derivative is None or name == "cast":
            continue
        xs = draw(row, BROADCAST[row.arity])
        each = row.derivative(numerics, row(*xs), *xs)
        found += [(name, place) for place, partial in enumerate(each) if partial is not None]
    return found


def with_wrong_partial(row: Map, place: int) -> Map:
    """The row with one of its partial derivatives 0.1 % too large."""

    def derivative(m, y, *xs):
        each = list(row.derivative(m, y, *xs))
        each[place] = each[place] * WRONG
        return tuple(each)

    return replace(row, derivative=derivative)


@pytest.mark.parametrize(("name", "place"), partials())
def test_a_row_with_a_slightly_wrong_derivative_is_rejected(name, place):
    row = MAPS[name]
    point = draw(row, BROADCAST[row.arity])
    weights = np.random.default_rng(0).normal(size=np.broadcast_shapes(*BROADCAST[row.arity]))

    def error(tried: Map) -> float:
        def weighed(x):
            return np.sum(weights * tried(*point[:place], x, *point[place + 1 :]))

        return gradient_error(weighed, point[place], grad(weighed)(point[place]))

    assert error(row) < TOLERANCE
    assert error(with_wrong_partial(row, place)) > 10 * TOLERANCE


SHAPES = [(), (1,), (1000,), (3, 4, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_one_wrong_number_among_many_is_found(shape):
    x = np.random.default_rng(0).normal(size=shape)
    right = np.cos(x)
    wrong = np.array(right)
    wrong.flat[0] += 0.01 * np.linalg.norm(right)

    def value(x):
        return np.sum(np.sin(x))

    assert gradient_error(value, x, right) < TOLERANCE
    assert gradient_error(value, x, wrong) > TOLERANCE


def test_what_is_not_a_gradient_is_rejected():
    x = np.arange(3.0)
    assert gradient_error(np.sum, x, np.array([1, np.nan, 1])) == np.inf
    assert gradient_error(np.sum, x, np.zeros(3)) > 0.01
    with pytest.raises(AssertionError, match="another shape"):
        gradient_error(np.sum, x, np.ones((3, 1)))
    with pytest.raises(AssertionError, match="nothing to differentiate"):
        check_gradient(lambda count: 2 * count, np.array(3))


def test_a_wrong_second_derivative_is_rejected():
    """A derivative that is right in value and wrong as a formula shows in the second order."""
    square = MAPS["square"]

    def derivative(m, y, x):
        return (m.stop_gradient(2 * x),)

    once = replace(square, derivative=derivative)
    x = np.array([0.5, 1.5])
    check_gradient(lambda x: np.sum(once(x)), x)
    with pytest.raises(AssertionError, match="second derivative is off"):
        check_gradient(lambda x: np.sum(once(x)), x, second_order=True)


def test_a_gradient_of_containers_is_judged_as_one():
    point = {"w": [np.ones(3), np.ones((2, 2))], "b": 0.5}

    def value(p):
        return np.sum(p["w"][0] ** 3) * p["b"] + np.sum(np.exp(p["w"][1]))

    check_gradient(value, point, second_order=True)


def test_settings_reach_only_the_cast():
    assert {name for name, row in MAPS.items() if settings(row)} == {"cast"}
