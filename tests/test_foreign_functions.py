"""The forty foreign functions, traced as they stand: values, in-place changes, gradients.

The sample was written before the tracer and is not fitted to it. Whatever cannot be traced stands
in the table REFUSED with its reason.
"""

import copy
import inspect
import linecache
import re
from typing import Any

import numpy as np
import pytest
from foreign import CASES, Case

from chainrule.errors import TraceError
from chainrule.pipeline import compile, grad
from chainrule.trees import flatten, map_tree, unflatten

# name: (the line that is refused, the reason, the remedy)
REFUSED = {
    "deep_model": (
        "dZ = np.array(dA, copy=True)",
        "a plain NumPy array is asked for",
        "t.copy()",
    ),
    "regressor_object": (
        "self.training_errors.append(float(mse))",
        "a plain number is asked for",
        "return it",
    ),
    "pendulum_rk4": (
        "return np.array([omega, -g / length * np.sin(theta) - damping * omega])",
        "a plain NumPy array is asked for",
        "np.stack",
    ),
    "clipped_adagrad": (
        "if total_norm > max_norm:",
        "which way Python goes depends on a traced value",
        "np.where",
    ),
}
TRACED = [case for case in CASES if case.name not in REFUSED]
STEPS = (1e-4, 1e-5, 1e-6)


def by_name(case: Case) -> str:
    return case.name


def example(case: Case, seed: int) -> tuple[Any, ...]:
    return case.arguments(np.random.default_rng(seed))


def numbers(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in flatten(tree)[0]]


def is_float(leaf: Any) -> bool:
    return np.asarray(leaf).dtype.kind == "f"


def test_at_least_36_of_the_40_trace() -> None:
    assert {case.name for case in CASES} >= set(REFUSED)
    assert len(TRACED) >= 36


@pytest.mark.parametrize("case", TRACED, ids=by_name)
def test_compiled_is_what_numpy_computes(case: Case) -> None:
    """Also for numbers that were not there when it was recorded, and also in the arguments."""
    compiled = compile(case.function)
    for seed in (0, 1, 2):
        plain, given = example(case, seed), example(case, seed)
        expected = case.function(*plain)
        found = compiled(*given)
        assert flatten(found)[1] == flatten(expected)[1]
        for ours, theirs in zip(numbers((found, given)), numbers((expected, plain)), strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", TRACED, ids=by_name)
def test_single_precision_is_never_widened(case: Case) -> None:
    """Where NumPy keeps float32, so does the graph; NumPy's own float64 constants are weak."""

    def narrow(leaf: Any) -> Any:
        wide = isinstance(leaf, np.ndarray) and leaf.dtype == np.float64
        return leaf.astype(np.float32) if wide else leaf

    plain, given = (map_tree(narrow, example(case, 0)) for _ in range(2))
    with np.errstate(over="ignore"):
        expected = numbers(case.function(*plain))
    found = numbers(compile(case.function)(*given))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype in (theirs.dtype, np.dtype(np.float32))
        scale = np.max(np.abs(theirs), initial=1.0)
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=2e-3)


@pytest.mark.parametrize(
    ("case", "place"),
    [pytest.param(c, p, id=f"{c.name}-{p}") for c in TRACED for p in c.differentiable],
)
def test_gradient_against_central_differences(case: Case, place: int) -> None:
    arguments = example(case, 0)
    rng = np.random.default_rng(7)
    weights = [rng.normal(size=leaf.shape) for leaf in outputs_of(case, arguments)]

    def total(*given: Any) -> Any:
        """A weighted sum of all floating-point outputs: a plain sum of probabilities is 1."""
        found = [leaf for leaf in flatten(case.function(*given))[0] if is_traced_float(leaf)]
        return sum(np.sum(leaf * weight) for leaf, weight in zip(found, weights, strict=True))

    gradient = numbers(grad(total, wrt=place)(*copy.deepcopy(arguments)))
    direction = [rng.normal(size=leaf.shape) for leaf in gradient]
    slope = sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True))

    def moved(step: float) -> float:
        leaves, structure = flatten(copy.deepcopy(arguments[place]))
        new = [leaf + step * d for leaf, d in zip(leaves, direction, strict=True)]
        rest = copy.deepcopy(arguments)
        return float(total(*rest[:place], unflatten(structure, new), *rest[place + 1 :]))

    norm = np.sqrt(sum(np.sum(g**2) for g in gradient) * sum(np.sum(d**2) for d in direction))
    errors = [abs((moved(h) - moved(-h)) / (2 * h) - slope) for h in STEPS]
    assert min(errors) <= 1e-6 * max(norm, 1e-3), (errors, norm)


def outputs_of(case: Case, arguments: tuple[Any, ...]) -> list[np.ndarray]:
    return [leaf for leaf in numbers(case.function(*copy.deepcopy(arguments))) if is_float(leaf)]


def is_traced_float(leaf: Any) -> bool:
    """Whether an output, of a plain or of a recorded call, holds floating-point numbers."""
    return getattr(leaf, "dtype", np.dtype(type(leaf))).kind == "f"


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_shows_the_line_the_reason_and_the_way_out(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    line, reason, remedy = REFUSED[name]
    with pytest.raises(TraceError) as caught:
        compile(case.function)(*example(case, 0))
    message = str(caught.value)
    place = re.match(r"(\w+\.py):(\d+): ", message)
    assert place is not None, message
    file = inspect.getsourcefile(case.function)
    assert file is not None
    assert file.endswith(place[1])
    assert linecache.getline(file, int(place[2])).strip() == line
    assert f"\n    {line}\n" in message
    assert reason in message
    assert remedy in message.split("Write instead: ")[1]
