"""What the columns of the input and the classes are called, where somebody has said so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.explaining.entries import Array
from chainrule.tex import figure

if TYPE_CHECKING:
    from chainrule.explaining.story import Step, Story

MOST = 24  # columns that are listed


def given(story: "Story", step: "Step") -> str:
    """The telling sample of an input with the names of its columns, or of its class."""
    record, data = story.record, story.record.roots.data
    if step.node is data.get("x") and record.columns:
        row = step.value[story.sample]
        shown = [f"{name} = {figure(v)}" for name, v in zip(record.columns, row, strict=True)]
        more = f", … ({len(shown) - MOST} more)" if len(shown) > MOST else ""
        which = f"sample {story.sample + 1}: " if len(step.value) > 1 else ""
        return which + ", ".join(shown[:MOST]) + more
    if step.node is data.get("y") and record.classes:
        found = [class_of(record.classes, row) for row in step.value[:MOST]]
        return ", ".join(found) + (", …" if len(step.value) > MOST else "")
    return ""


def which_sample(story: "Story") -> str:
    """Whose numbers are worked out, where there are several samples."""
    count = story.names.samples
    if count < 2:
        return ""
    return f"Numbers are worked out for sample {story.sample + 1} of {count:,}, which errs most."


def answer(story: "Story", value: Array) -> str:
    """The outputs of one sample with the names of the classes; empty where there are none."""
    classes = story.record.classes
    if not classes or value.ndim < 2:
        return ""
    row = value[story.sample]
    names: Sequence[str] = classes if len(row) == len(classes) else classes[1:]
    if len(row) != len(names) or len(names) > MOST:
        return ""
    return ", ".join(f"{name} {figure(v)}" for name, v in zip(names, row, strict=True))


def class_of(classes: Sequence[str], target: Array) -> str:
    """The class that a target names: by its number, or as a row of 0 and 1."""
    if target.size == len(classes) > 1 and target.ndim:
        return classes[int(target.argmax())]
    place = int(target.reshape(-1)[0])
    return classes[place] if 0 <= place < len(classes) else str(place)


def column(story: "Story", key: str, place: int) -> str:
    """` (from age)`: which column the weights of this row belong to."""
    columns = story.record.columns
    return f" (from {columns[place]})" if key == "x" and place < len(columns) else ""
