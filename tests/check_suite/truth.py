"""Gradients by differences, and how far a program's own are from them.

Nothing of chainrule takes part: the suite judges its checker.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = (1e-4, 1e-5, 1e-6)  # of the differences; the best one counts

Arrays = dict[str, np.ndarray]


def leaves(tree: Any, name: str = "") -> Arrays:
    """The arrays of a tree, by name: `W1`, `W[0]`, `layer1.weight`."""
    if isinstance(tree, dict):
        pairs = [(f"{name}.{key}" if name else str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple):
        pairs = [(f"{name}[{index}]", value) for index, value in enumerate(tree)]
    else:
        return {name: np.asarray(tree)}
    return {leaf: array for key, value in pairs for leaf, array in leaves(value, key).items()}


def rebuilt(tree: Any, values: Arrays, name: str = "") -> Any:
    """`tree` with its arrays replaced; floats stay floats."""
    if isinstance(tree, dict):
        return {
            key: rebuilt(value, values, f"{name}.{key}" if name else str(key))
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return type(tree)(rebuilt(v, values, f"{name}[{i}]") for i, v in enumerate(tree))
    return values[name].copy() if isinstance(tree, np.ndarray) else float(values[name])


def doubled(tree: Any) -> Any:
    """Floating arrays as float64, so that differences are not float32 noise."""
    if isinstance(tree, dict):
        return {key: doubled(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(doubled(value) for value in tree)
    floating = isinstance(tree, np.ndarray) and tree.dtype.kind == "f"
    return tree.astype(np.float64) if floating else copy.copy(tree)


def differences(loss: Callable[[Arrays], float], point: Arrays, step: float) -> Arrays:
    """The gradient of `loss` at `point` by central differences, coordinate by coordinate."""
    gradient = {}
    for name, array in point.items():
        gradient[name] = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in point.items()}
                moved[name][index] += sign * step
                ends.append(float(loss(moved)))
            gradient[name][index] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def deviations(found: Arrays | None, truths: list[Arrays]) -> tuple[float, dict[str, float]]:
    """The error against the whole norm, and each parameter's against its own; best of `truths`."""
    if found is None:
        return np.inf, dict.fromkeys(truths[0], np.inf)
    total, each = np.inf, dict.fromkeys(truths[0], np.inf)
    for truth in truths:
        whole = np.sqrt(sum(np.sum(array**2) for array in truth.values()))
        worst = 0.0
        for name, array in truth.items():
            same = name in found and found[name].shape == array.shape
            gap = np.linalg.norm(found[name] - array) if same else np.inf
            gap = np.inf if np.isnan(gap) else gap
            own = np.linalg.norm(array)
            each[name] = min(each[name], float(gap / (own if own > 1e-9 * whole else whole)))
            worst = max(worst, gap / whole)
        total = min(total, float(worst))
    return total, each


def updated(rule: str, rate: float, gradient: Arrays) -> Arrays:
    """What one step of an update rule, from its beginning, adds to the parameters."""
    if rule == "adam":
        return {k: -rate * g / (np.abs(g) + 1e-8) for k, g in gradient.items()}
    if rule.startswith("rmsprop"):
        kept = 1 - float(rule.split()[1])
        return {k: -rate * g / (np.sqrt(kept * g * g) + 1e-8) for k, g in gradient.items()}
    if rule.startswith("clip"):
        norm = np.sqrt(sum(np.sum(g * g) for g in gradient.values()))
        rate *= min(1.0, float(rule.split()[1]) / norm)
    return {k: -rate * g for k, g in gradient.items()}  # sgd, and momentum's first step
