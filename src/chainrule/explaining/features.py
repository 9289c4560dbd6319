"""Columns side by side: some as they are, some with a category as several features of 0 and 1."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining.expression import Expr
from chainrule.explaining.words import count
from chainrule.graph import Node
from chainrule.ops.layout import Concatenate, Slice

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

MOST = 8  # parts that are told one by one


def side_by_side(story: "Story", formula: Expr) -> str:
    """What stands beside what, of a concatenation of columns; empty for anything else."""
    node = formula.data
    if formula.head != "layout" or not isinstance(node, Node) or len(formula.shape) != 2:
        return ""
    if not isinstance(node.op, Concatenate) or node.params["axis"] != 1:
        return ""
    parts = [_part(story, arg) for arg in formula.args]
    if any(part is None for part in parts):
        return ""
    if len(parts) > MOST:
        kept = sum(arg.shape[1] for arg in formula.args if not _is_category(arg))
        coded = [arg.shape[1] for arg in formula.args if _is_category(arg)]
        return (
            f"Side by side: {count(kept, 'column')} as {'it is' if kept == 1 else 'they are'}, and "
            f"{count(len(coded), 'column')} with categories as {sum(coded):,} features of 0 and 1."
        )
    return f"Side by side: {'; '.join(part for part in parts if part)}."


def _is_category(arg: Expr) -> bool:
    return getattr(arg.data, "name", "") == "equal"


def _part(story: "Story", arg: Expr) -> str | None:
    if _is_category(arg):
        found = _columns(story, arg.args[0])
        return found and f"{found} as {arg.shape[1]} features, each 1 for one category and else 0"
    found = _columns(story, arg)
    many = arg.shape[1] > 1
    return found and f"{found} as {'they are' if many else 'it is'}"


def _columns(story: "Story", arg: Expr) -> str | None:
    """`column 2 (animal)` of a slice of the input."""
    node = arg.data
    if arg.head != "layout" or not isinstance(node, Node) or not isinstance(node.op, Slice):
        return None
    start, stop = node.params["start"][1], node.params["stop"][1]
    names = story.record.columns[start:stop]
    own = [name.partition(" (")[0] for name in names]
    called = f", {', '.join(own)}," if 0 < len(own) <= MOST else ""
    if stop - start == 1:
        return f"column {start + 1}{called}"
    return f"columns {start + 1} to {stop}{called}"


def sliced(node: Node) -> str | None:
    """A slice as an index, counted from 1: `\\cdot,2` is the second column; None for a step."""
    length: Sequence[int] = node.inputs[0].shape
    if any(step != 1 for step in node.params["step"]):
        return None
    return ",".join(_axis_range(node, length))


def _axis_range(node: Node, lengths: Sequence[int]) -> Iterator[str]:
    ranges = zip(node.params["start"], node.params["stop"], lengths, strict=True)
    for start, stop, length in ranges:
        if (start, stop) == (0, length):
            yield r"\cdot"
        elif stop - start == 1:
            yield f"{stop}"
        else:
            yield rf"{start + 1} \dots {stop}"


def counting(value: Any) -> str | None:
    """`(0, 1, \\dots, 9)` of the numbers in their order; None of any others."""
    array = np.asarray(value)
    if array.ndim != 1 or not array.size > 1 or not np.array_equal(array, np.arange(array.size)):
        return None
    last = array.size - 1
    return "(0, 1)" if last == 1 else "(0, 1, 2)" if last == 2 else rf"(0, 1, \dots, {last})"
