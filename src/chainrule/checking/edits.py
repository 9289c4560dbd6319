"""The table of edits: what one change of recorded arithmetic may look like.

Every row proposes changes of one *site*: a step, or the same step in every round of a loop. The
search runs the program with the change. Applied to a hand-written backward pass, an edit that makes
its numbers true is the correction of the mistake; the edit the other way round is the mistake.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from chainrule.checking.pool import Pool
from chainrule.checking.steps import Array, Override, Program
from chainrule.checking.truth import Quantity

Site = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of the steps of a site.

    action    the row of the table
    cost      how far-fetched it is: of several that fit, the cheapest is told first
    old, new  the value before and the quantity after, where one is exchanged
    constant  the number multiplied with, where it is one
    """

    action: str
    site: Site
    overrides: dict[int, Override]
    cost: float
    constant: float = 1.0
    old: Array | None = None
    new: Quantity | None = None
    slot: int = -1
    detail: dict[str, Any] = field(default_factory=dict)


Row = Callable[[Program, Site, Pool], Iterator[Edit]]


def _scaled(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    for constant in pool.constants:
        overrides = {i: _times(program.steps[i].call, constant) for i in site}
        yield Edit("scale", site, overrides, 1.0, constant)


def _times(call: Callable[..., Array], factor: Any) -> Override:
    return lambda values: call(*values) * factor


def _slopes(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A missing or superfluous derivative of an activation."""
    for series in pool.series("local", [program.steps[i].value for i in site]):
        slopes = [quantity.value for quantity in series]
        new = series[0]
        overrides = {
            i: _times(program.steps[i].call, slope) for i, slope in zip(site, slopes, strict=True)
        }
        yield Edit("times-derivative", site, overrides, 1.0, new=new)
        if all(np.all(slope != 0) for slope in slopes):
            overrides = {
                i: _times(program.steps[i].call, 1 / slope)
                for i, slope in zip(site, slopes, strict=True)
            }
            yield Edit("without-derivative", site, overrides, 1.1, new=new)


def _dropped(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The step left out: one of its operands passes as it is."""
    first = program.steps[site[0]]
    if first.op not in {"add", "subtract", "multiply", "divide", "negative", "square", "power"}:
        return
    for slot in range(len(first.inputs)):
        if program.steps[first.inputs[slot]].value.shape != first.value.shape:
            continue
        overrides = {i: _pick(slot) for i in site}
        other = first.inputs[1 - slot] if len(first.inputs) == 2 else first.inputs[0]
        yield Edit(
            f"drop-{first.op}", site, overrides, 1.0, old=program.steps[other].value, slot=slot
        )


def _pick(slot: int) -> Override:
    return lambda values: values[slot]


def _other_op(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Another operation on the same operands."""
    first = program.steps[site[0]]
    choices: list[tuple[str, Callable[..., Any]]] = []
    if first.op == "add":
        choices = [("flip-term", lambda a, b: a - b), ("flip-term", lambda a, b: b - a)]
    elif first.op == "subtract":
        choices = [("flip-term", lambda a, b: a + b)]
    elif first.op == "multiply":
        choices = [
            ("as-matmul", lambda a, b: a @ b),
            ("as-matmul", lambda a, b: a.T @ b),
            ("as-matmul", lambda a, b: a @ b.T),
            ("as-matmul", lambda a, b: b @ a),
            ("as-matmul", lambda a, b: b.T @ a),
            ("as-matmul", lambda a, b: b @ a.T),
        ]
    elif first.op == "divide":
        choices = [("as-product", lambda a, b: a * b)]
    elif first.op == "contract":
        choices = [
            ("as-elementwise", lambda a, b: a * b),
            ("as-elementwise", lambda a, b: a.T * b),
            ("as-elementwise", lambda a, b: a * b.T),
            ("transpose", lambda a, b: first.call(a.T, b)),
            ("transpose", lambda a, b: first.call(a, b.T)),
            ("transpose", lambda a, b: first.call(a, b).T),
            ("transpose", lambda a, b: first.call(b, a)),
        ]
    for action, call in choices:
        yield Edit(action, site, {i: _on_values(call) for i in site}, 1.0)


def _on_values(call: Callable[..., Any]) -> Override:
    return lambda values: np.asarray(call(*values))


def _other_axes(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A sum over other axes, or a sum where there is none."""
    first = program.steps[site[0]]
    if first.op == "sum":
        inner = program.steps[first.inputs[0]].value
        now = tuple(first.params["axes"])
        for count in range(inner.ndim + 1):
            for axes in combinations(range(inner.ndim), count):
                if axes != now:
                    call = _summed(axes, first.value.shape)
                    yield Edit("other-axis", site, dict.fromkeys(site, call), 1.0)
    elif first.value.ndim and all(i in pool.result_steps for i in site):
        for axis in range(first.value.ndim):
            for keep in (False, True):
                overrides = {i: _then_sum(program.steps[i].call, axis, keep) for i in site}
                yield Edit("sum-it", site, overrides, 1.0)


def _summed(axes: tuple[int, ...], shape: tuple[int, ...]) -> Override:
    def call(values: Sequence[Array]) -> Array:
        result = np.asarray(values[0].sum(axis=axes))
        return result

    return call


def _then_sum(inner: Callable[..., Array], axis: int, keep: bool) -> Override:
    return lambda values: np.sum(inner(*values), axis=axis, keepdims=keep)


def _operands(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Another quantity in the place of an operand."""
    first = program.steps[site[0]]
    for slot in range(len(first.inputs)):
        olds = [program.steps[program.steps[i].inputs[slot]].value for i in site]
        if any(not isinstance(old, np.ndarray) or old.dtype.kind == "i" for old in olds):
            continue
        for series in pool.series("any", olds):
            told = _most_wrong(olds, series)
            new = series[told]
            overrides = {
                i: _exchange(program.steps[i].call, slot, quantity.value)
                for i, quantity in zip(site, series, strict=True)
            }
            cost = pool.cost(new)
            yield Edit("operand", site, overrides, cost, old=olds[told], new=new, slot=slot)


def _most_wrong(olds: Sequence[Array], series: Sequence[Quantity]) -> int:
    """The round in which a value is furthest off: a mistake may not show in the first one."""
    gaps = [float(np.max(np.abs(o - q.value))) for o, q in zip(olds, series, strict=True)]
    return int(np.argmax(gaps))


def _exchange(call: Callable[..., Array], slot: int, value: Array) -> Override:
    return lambda values: call(*values[:slot], value, *values[slot + 1 :])


def _terms(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A term that is missing from a result: a penalty, one more use of a value."""
    if len(site) > 1 or site[0] not in pool.result_steps:
        return
    step = program.steps[site[0]]
    for missing in pool.missing_at(site[0]):
        if missing.shape != step.value.shape:
            continue
        for quantity, constant in pool.multiples(missing):
            override = _plus(step.call, constant * quantity.value)
            cost = 1.2 if quantity.role == "parameter" else 1.4
            yield Edit("add-term", site, {site[0]: override}, cost, constant, new=quantity)


def _plus(call: Callable[..., Array], term: Array) -> Override:
    return lambda values: call(*values) + term


def _results(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The true adjoint in the place of a result: where, without a word about why."""
    olds = [program.steps[i].value for i in site]
    if any(not isinstance(old, np.ndarray) for old in olds):
        return
    for series in pool.series("adjoint", olds):
        overrides = {i: _always(q.value) for i, q in zip(site, series, strict=True)}
        told = _most_wrong(olds, series)
        yield Edit("result", site, overrides, 2.9, old=olds[told], new=series[told])


def _always(value: Array) -> Override:
    return lambda values: value


ROWS: dict[str, Row] = {
    "scale": _scaled,
    "derivative": _slopes,
    "drop": _dropped,
    "operation": _other_op,
    "axes": _other_axes,
    "term": _terms,
    "operand": _operands,
    "result": _results,
}
