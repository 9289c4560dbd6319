"""Update rules: which one a step is, from its first step on, and what it should have been.

A step is held against a rule by what it adds to the parameters. Plain descent is -lr·g; momentum
from rest is the same, or (1 - μ) of it; Adam and RMSprop are -lr·g / (a·|g| + ε) with a number `a`
that follows from their decays; clipping makes the whole step shorter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.checking.nearness import CLOSE, nearest_factor
from chainrule.checking.point import Function, Point, named
from chainrule.checking.quantities import Quantity
from chainrule.checking.recorder import Recorder
from chainrule.checking.recording import given
from chainrule.checking.search import distance
from chainrule.checking.steps import Array, Program, Step
from chainrule.checking.surroundings import preserved, recordable
from chainrule.checking.truth import Truth
from chainrule.trees import map_tree

EXACT = 1e-7  # of the largest change of a parameter
ROOTS = ("sqrt", "power", "norm")


@dataclass(frozen=True)
class Rule:
    """A rule in words, and what its first step adds."""

    name: str
    change: dict[str, Array]


def record_step(function: Function, point: Point, lr: float) -> Program:
    """The steps of an update; its results are what it adds to the parameters."""
    recorder = Recorder()
    params, data = given(point, recorder)
    with preserved(function), recordable(function, recorder), np.errstate(all="ignore"):
        result = function(params, *data, lr)
        after = _updated(result, params, point)
        program = recorder.program(after)
    return _changes(program, point)


def change(function: Function, point: Point, lr: float) -> dict[str, Array]:
    """What a step adds to the parameters, without recording; shapes are those it gives."""
    params, data = map_tree(_copied, (point.params, list(point.data)))
    with preserved(function), np.errstate(all="ignore"):
        result = function(params, *data, lr)
    found = _updated(result, params, point)
    before = point.leaves
    return {name: _difference(np.asarray(found[name]), before[name]) for name in before}


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _updated(result: Any, params: Any, point: Point) -> dict[str, Any]:
    """The parameters afterwards: returned, or changed in place."""
    for tree in (result, params):
        found = named(tree)
        if set(found) == set(point.names):
            return found
    return found


def _difference(after: Array, before: Array) -> Array:
    return after - before if after.shape == before.shape else after


def _changes(program: Program, point: Point) -> Program:
    """The same steps, with the changes of the parameters as results."""
    before, steps = point.leaves, list(program.steps)
    for name, index in program.outputs.items():
        start = before[name]

        def gain(after: Array, start: Array = start) -> Array:
            return _difference(np.asarray(after), start)

        steps[index] = replace(steps[index], call=gain, value=gain(steps[index].value))
    return Program(tuple(steps), program.outputs)


# --- rules ---------------------------------------------------------------------------------------


def rule_of(
    found: Mapping[str, Array], gradients: Mapping[str, Array], lr: float, numbers: Sequence[float]
) -> str | None:
    """The name of the rule whose first step this is, or None."""
    for rule in rules(gradients, lr, numbers, roots=True):
        if all(distance(found[n], value) <= EXACT for n, value in rule.change.items()):
            return rule.name
    return _clipped(found, gradients, lr, numbers)


def rules(
    gradients: Mapping[str, Array], lr: float, numbers: Sequence[float], roots: bool
) -> Iterator[Rule]:
    """The rules that a step with these numbers in its code may be."""
    others = [n for n in numbers if not np.isclose(n, lr)]
    decays = [n for n in (*others, *(1 - n for n in others)) if 0.5 <= n < 1]
    yield Rule("gradient descent", {n: -lr * g for n, g in gradients.items()})
    for decay in decays:
        for factor in (1 - decay, 1 + decay):
            yield Rule("momentum", {n: -lr * factor * g for n, g in gradients.items()})
    if not roots:
        return
    small = [n for n in numbers if n <= 1e-4] or [1e-8]
    slopes = [("Adam", 1.0)]
    slopes += [("RMSprop", float(np.sqrt(1 - decay))) for decay in decays]
    slopes += [("Adagrad", 1.0)]
    for name, slope in slopes:
        for tiny in small:
            yield Rule(name, {n: _adaptive(g, lr, slope, tiny) for n, g in gradients.items()})
            yield Rule(name, {n: _inside(g, lr, slope, tiny) for n, g in gradients.items()})
    for first in decays:  # Adam, with its corrections in the rate: ε is not corrected then
        for second in decays:
            rate = lr * np.sqrt(1 - second) / (1 - first)
            for tiny in small:
                change = {
                    n: -rate * (1 - first) * g / (np.sqrt((1 - second) * g * g) + tiny)
                    for n, g in gradients.items()
                }
                yield Rule("Adam", change)


def _adaptive(g: Array, lr: float, slope: float, tiny: float) -> Array:
    return np.asarray(-lr * g / (slope * np.abs(g) + tiny))


def _inside(g: Array, lr: float, slope: float, tiny: float) -> Array:
    """With ε under the root."""
    return np.asarray(-lr * g / np.sqrt(slope**2 * g * g + tiny))


def _clipped(
    found: Mapping[str, Array], gradients: Mapping[str, Array], lr: float, numbers: Sequence[float]
) -> str | None:
    """Descent whose step has a length that stands in the code."""
    norm = float(np.sqrt(sum(np.sum(g * g) for g in gradients.values())))
    for limit in numbers:
        if norm and limit < norm:
            factor = lr * limit / norm
            if all(distance(found[n], -factor * g) <= EXACT for n, g in gradients.items()):
                return "gradient descent with a clipped norm"
    return None


def wanted(
    true: Truth,
    program: Program,
    found: Mapping[str, Array],
    lr: float,
    numbers: Sequence[float],
) -> list[Truth]:
    """The truths that an update may be held against, the likeliest first."""
    ops = {step.op for i, step in enumerate(program.steps) if program.reach[i]}
    roots = not ops.isdisjoint(ROOTS)
    gradients = []
    for g in map(np.asarray, true.gradients.values()):
        gradients += [Quantity("adjoint", "parameter", g), Quantity("adjoint", "parameter", lr * g)]
        if roots:
            gradients.append(Quantity("forward", "square", g * g))
    truths: list[Truth] = []
    kept: dict[bytes, None] = {}
    candidates = list(rules(true.gradients, lr, numbers, roots))
    for rule in candidates:
        key = np.round(next(iter(rule.change.values())), 12).tobytes()
        if key not in kept:
            kept[key] = None
            steps = (Quantity("adjoint", "parameter", -change) for change in rule.change.values())
            quantities = (*true.quantities, *gradients, *steps)
            truths.append(
                replace(
                    true,
                    gradients=rule.change,
                    quantities=quantities,
                    backward=None,
                    of_update=True,
                )
            )
    # A mistake of the sign leaves the sizes.
    truths.sort(key=lambda one: sum(_apart(found[n], c) for n, c in one.gradients.items()))
    return truths[:3]


def _apart(found: Array, change: Array) -> float:
    return min(1.0, round(distance(np.abs(found), np.abs(change)), 6))


def numbers_of(program: Program) -> list[float]:
    """The numbers that stand in the code of a step."""
    found = {
        abs(float(step.value))
        for step in program.steps
        if step.op == "constant" and step.value.size == 1 and step.value.dtype.kind in "fiu"
        if step.value.ndim == 0
    }
    return sorted(found)


def is_of_the_update(step: Step, program: Program, true: Mapping[str, Array]) -> bool:
    """Whether a step comes after the gradients: one of them, or a multiple, is what it reads."""
    for index in step.inputs:
        value = program.steps[index].value
        for gradient in true.values():
            if value.shape == gradient.shape:
                constant = nearest_factor(value, gradient)
                if constant > 0 and distance(value, constant * gradient) <= CLOSE:
                    return True
    return False
