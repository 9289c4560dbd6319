"""The one judge of gradients: central differences of plain NumPy runs, in random directions.

Along a random unit vector d, (f(x + hd) - f(x - hd)) / 2h must be the gradient's component ⟨g, d⟩.
The error is the difference of the two against the norm of the gradient, the best of three steps h
(a large step is wrong by the curvature, a small one by rounding), the worst of some directions.
In float64 a right gradient stays below 1e-6; `test_the_checker.py` shows that one which is 0.1 %
wrong does not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.pipeline import compile, grad
from chainrule.trees import Tree, flatten, unflatten

STEPS = (1e-4, 1e-5, 1e-6)
TOLERANCE = 1e-6
DIRECTIONS = 3

Function = Callable[..., Any]


def gradient_error(
    function: Function,
    point: Tree,
    gradient: Tree,
    *,
    directions: int = DIRECTIONS,
    seed: int = 0,
    steps: tuple[float, ...] = STEPS,
) -> float:
    """How far `gradient` is from the gradient of `function(point)`, against its norm.

    `point` is an array or a container of float64 arrays, `gradient` the same. A gradient that is
    not finite has an infinite error; one that is 0 is judged by its absolute error.
    """
    leaves, structure = flatten(point)
    found = [np.asarray(leaf, float) for leaf in flatten(gradient)[0]]
    leaves = [np.asarray(leaf, float) for leaf in leaves]
    assert [g.shape for g in found] == [x.shape for x in leaves], "a gradient of another shape"
    norm = np.sqrt(sum(np.sum(g * g) for g in found))
    if not np.isfinite(norm):
        return float("inf")
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(directions):
        direction = random_direction(rng, leaves)
        component = sum(np.sum(g * d) for g, d in zip(found, direction, strict=True))
        errors = []
        for step in steps:
            ends = [
                float(function(unflatten(structure, _moved(leaves, direction, way * step))))
                for way in (1, -1)
            ]
            errors.append(abs((ends[0] - ends[1]) / (2 * step) - component))
        worst = max(worst, min(errors))
    return worst / norm if norm else worst


def random_direction(rng: np.random.Generator, leaves: list[Any]) -> list[Any]:
    """A unit vector over all the arrays together, every direction equally likely."""
    direction = [np.asarray(rng.normal(size=np.shape(x))) for x in leaves]
    length = np.sqrt(sum(np.sum(d * d) for d in direction))
    return [d / length for d in direction] if length else direction


def _moved(leaves: list[Any], direction: list[Any], step: float) -> list[Any]:
    return [x + step * d for x, d in zip(leaves, direction, strict=True)]


def check_gradient(
    function: Function,
    *arguments: Any,
    wrt: tuple[int, ...] | None = None,
    plain: Function | None = None,
    second_order: bool = False,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> None:
    """Assert that `cr.grad` of `function` is its gradient at these arguments.

    wrt           the arguments to differentiate; by default all that hold float64 arrays
    plain         what the differences are taken of, where it is not `function` on plain arrays
    second_order  whether the derivative of the gradient is checked too, along a random vector,
                  against differences of the gradient
    """
    places = wrt if wrt is not None else tuple(i for i, a in enumerate(arguments) if _floats(a))
    assert places, "nothing to differentiate"
    point = tuple(arguments[i] for i in places)

    def with_values(call: Function) -> Function:
        def placed(values: Tree) -> Any:
            given = list(arguments)
            for i, value in zip(places, values, strict=True):
                given[i] = value
            return call(*given)

        return placed

    first = compile(grad(function, wrt=places))
    error = gradient_error(with_values(plain or function), point, first(*arguments), seed=seed)
    assert error < tolerance, f"the gradient is off by {error:.2g} of its norm"
    if not second_order:
        return
    leaves, structure = flatten(point)
    weights = unflatten(structure, random_direction(np.random.default_rng(seed + 1), leaves))

    def along(*given: Any) -> Any:
        """The gradient's component along a fixed vector: its gradient is a second derivative."""
        return inner(grad(function, wrt=places)(*given), weights)

    second = compile(grad(along, wrt=places))(*arguments)
    error = gradient_error(
        with_values(lambda *given: inner(first(*given), weights)), point, second, seed=seed
    )
    assert error < tolerance, f"the second derivative is off by {error:.2g} of its norm"


def inner(a: Tree, b: Tree) -> Any:
    """The sum of the products of two containers of arrays."""
    total: Any = 0.0
    for x, y in zip(flatten(a)[0], flatten(b)[0], strict=True):
        total = total + np.sum(x * y)
    return total


def _floats(argument: Any) -> bool:
    leaves, _ = flatten(argument)
    return bool(leaves) and all(
        isinstance(leaf, float) or getattr(leaf, "dtype", None) == np.float64 for leaf in leaves
    )
