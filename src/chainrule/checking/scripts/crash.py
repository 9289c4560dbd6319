"""Shapes that do not fit: a script that stops, or a parameter that becomes another array."""

import linecache
from pathlib import Path

from chainrule.checking.report import Finding, Report
from chainrule.checking.scripts.reading import Step
from chainrule.checking.scripts.tape import Tape
from chainrule.checking.sentences import hints

SHAPE_ERRORS = ("ValueError", "IndexError", "TypeError")  # what NumPy says of shapes
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "matmul": "@", "power": "**"}


def is_about_shapes(tape: Tape) -> bool:
    return tape.crash.get("error") in SHAPE_ERRORS


def crash_report(tape: Tape, path: Path) -> Report:
    """One finding at the line that stopped the script."""
    line = tape.line
    source = linecache.getline(str(path.resolve()), line).strip()
    place = f"`{source}` (line {line})" if source else f"line {line}"
    shapes = [tuple(shape) for shape in tape.crash.get("shapes", ())]
    said = f"{place} stops with {tape.message}."
    formula = ""
    operation = str(tape.crash.get("operation", ""))
    if operation.startswith("in place") and len(shapes) == 2:
        target, other = shapes
        name = tape.crash.get("target") or "the parameter"
        formula = f"{name} has shape {target}; what changes it in place must have that shape too."
        said = (
            f"{place}: {name} has shape {target}, and what is to be combined with it has shape "
            f"{other}. In place, NumPy cannot give {name} the shape of both. {_way_out(shapes)}"
        )
    elif len(shapes) == 2:
        sign = SIGNS.get(operation, operation)
        formula = f"Shapes {shapes[0]} and {shapes[1]} do not fit for `{sign}`."
        said = f"{place} stops: {formula} {_way_out(shapes)}"
    told = hints("shape-error", line, said)
    told["formula"] = formula or f"Python says: {tape.message}"
    kind = "shape-error" if is_about_shapes(tape) else "unexplained"
    return Report((Finding(kind, "wrong", "", line, said, told),), file=str(path.resolve()))


def _way_out(shapes: list[tuple[int, ...]]) -> str:
    target, other = shapes
    if other[1:] == target and other[:1] == (1,):
        return f"Leave out keepdims=True, or make the parameter one of shape {other}."
    if other[::-1] == target:
        return "Transpose it: one of the two lies across."
    if other[1:] == target:
        return "Sum it over the samples first: .sum(axis=0)."
    return "Give both the same shape."


def changed_shape(step: Step, file: str) -> Report | None:
    """A broadcast that gives a parameter another shape."""
    for first, changes in step.window.changes.items():
        change = changes[0]
        old, new = step.tape.entries[change.old], step.tape.entries[change.new]
        if old.shape == new.shape:
            continue
        line = step.tape.line_of(change.new)
        name, by = step.names[first], step.tape.entries[change.by].shape
        said = (
            f"Line {line}: {name} has shape {old.shape}; what is subtracted has shape {by}, "
            f"and NumPy broadcasts both to {new.shape}: from now on {name} is another array. "
            f"Give the gradient the shape {old.shape}."
        )
        told = hints("shape-error", line, said)
        told["formula"] = f"The gradient of {name} has the shape of {name}."
        finding = Finding("shape-error", "wrong", name, line, said, told, 0.0, (), (name,))
        return Report((finding,), file=file)
    return None
