"""The table of edits: what one change of recorded arithmetic may look like.

Every row proposes changes of one *site*: a step, or the same step in every round of a loop. The
search runs the program with the change. Applied to a hand-written backward pass, an edit that makes
its numbers true is the correction of the mistake; the edit the other way round is the mistake.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from chainrule.checking.edit import (
    FACTORS,
    GUESS,
    Edit,
    Row,
    Scaled,
    Site,
    exchange,
    on_operand,
    times,
    transposed,
)
from chainrule.checking.pool import Pool
from chainrule.checking.quantities import DERIVATIVES, Quantity
from chainrule.checking.steps import Array, Override, Program, always


def _scaled(program: Program, site: Site, pool: Pool) -> Iterator[Scaled]:
    if all(program.steps[i].value.dtype.kind == "f" for i in site):
        yield Scaled(program, site, pool.numbers)
    first = program.steps[site[0]]
    for slot, child in enumerate(first.inputs if first.op in ("add", "subtract") else ()):
        if program.steps[child].op == "constant" and program.steps[child].value.size == 1:
            yield Scaled(program, site, pool.numbers, slot)


def _slopes(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A missing or superfluous derivative of an activation."""
    yield from _factors(program, site, pool, ("local",))


def _other_factors(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Another missing factor: part of a derivative, a mask, a scale."""
    yield from _factors(program, site, pool, ("part", "parameter", "data", "forward"))


def _factors(program: Program, site: Site, pool: Pool, roles: Sequence[str]) -> Iterator[Edit]:
    values = [program.steps[i].value for i in site]
    if values[0].ndim == 0 and values[0].dtype.kind != "f":
        return
    tried: set[tuple[int, ...]] = set()
    for role, cost in ((role, FACTORS[role]) for role in roles):
        for series in pool.factors(role, values):
            numbers = pool.numbers_in(series)
            if numbers in tried:
                continue
            tried.add(numbers)
            factors = [quantity.value for quantity in series]
            new = series[0]
            overrides = {
                i: times(program.steps[i].call, f) for i, f in zip(site, factors, strict=True)
            }
            yield Edit("times-derivative", site, overrides, cost, new=new)
            if role == "local" and all(np.all(f != 0) for f in factors):
                overrides = {
                    i: times(program.steps[i].call, 1 / f)
                    for i, f in zip(site, factors, strict=True)
                }
                yield Edit("without-derivative", site, overrides, cost + 0.1, new=new)


def _dropped(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The step left out: one of its operands passes as it is."""
    first = program.steps[site[0]]
    passing = {"add", "subtract", "multiply", "divide", "negative", "square", "power", "transpose"}
    if first.op not in passing | {"sign", "absolute", "clip", "sqrt", "put", "set"}:
        return
    for slot in range(len(first.inputs)):
        if program.steps[first.inputs[slot]].value.shape != first.value.shape:
            continue
        overrides = {i: _pick(slot) for i in site}
        other = first.inputs[1 - slot] if len(first.inputs) == 2 else first.inputs[0]
        old = program.steps[other].value
        # A factor that is no slope and no number stands there for a reason.
        odd = first.op in ("multiply", "divide") and old.size > 1 and not pool.is_slope(old)
        cost = 1.45 if odd else 1.0
        yield Edit(f"drop-{first.op}", site, overrides, cost, old=old, slot=slot)


def _pick(slot: int) -> Override:
    return lambda values: values[slot]


Choice = tuple[str, Callable[..., Any], str]  # action, what is computed, how it is written


def _matmuls(action: str, product: Callable[[Any, Any], Any]) -> Iterator[Choice]:
    yield action, lambda a, b: product(a, b), "{a} @ {b}"
    yield action, lambda a, b: product(transposed(a), b), "{a}.T @ {b}"
    yield action, lambda a, b: product(a, transposed(b)), "{a} @ {b}.T"
    yield action, lambda a, b: product(transposed(a), transposed(b)), "{a}.T @ {b}.T"
    yield action, lambda a, b: product(b, a), "{b} @ {a}"
    yield action, lambda a, b: product(transposed(b), a), "{b}.T @ {a}"
    yield action, lambda a, b: product(b, transposed(a)), "{b} @ {a}.T"
    yield action, lambda a, b: product(transposed(b), transposed(a)), "{b}.T @ {a}.T"


def _other_op(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Another operation on the same operands."""
    first = program.steps[site[0]]
    if len(first.inputs) != 2 and first.op not in ("transpose",):
        return
    choices: list[Choice] = []
    if first.op == "add":
        choices = [
            ("flip-term", lambda a, b: a - b, "{a} - {b}"),
            ("flip-term", lambda a, b: b - a, "{b} - {a}"),
        ]
    elif first.op == "subtract":
        choices = [
            ("flip-term", lambda a, b: a + b, "{a} + {b}"),
            ("flip-term", lambda a, b: -a - b, "-{a} - {b}"),
        ]
    elif first.op == "multiply":
        choices = [
            *_matmuls("as-matmul", np.matmul),
            ("as-matmul", _outer, "np.outer({a}, {b})"),
        ]
    elif first.op == "divide":
        choices = [("as-product", lambda a, b: a * b, "{a} * {b}")]
    elif first.op == "contract":
        choices = [
            ("as-elementwise", lambda a, b: a * b, "{a} * {b}"),
            ("as-elementwise", lambda a, b: transposed(a) * b, "{a}.T * {b}"),
            ("as-elementwise", lambda a, b: a * transposed(b), "{a} * {b}.T"),
            *_matmuls("transpose", first.call),
            ("transpose", lambda a, b: first.call(a, b).T, "({a} @ {b}).T"),
        ]
        if first.params.get("function") != "matmul":
            choices += _matmuls("transpose", np.matmul)
        choices += [("transpose", _outer, "np.outer({a}, {b})")]
    elif first.op == "transpose":
        choices = [("transpose", lambda a: np.array(a), "{a}")]
    for action, call, how in choices:
        overrides = {i: _on_values(call) for i in site}
        yield Edit(action, site, overrides, 1.0, detail={"how": how})


def _outer(a: Array, b: Array) -> Array:
    """np.outer, of vectors alone: it would flatten matrices, which nobody means."""
    if any(np.size(x) != max(np.shape(x), default=1) for x in (a, b)):
        raise ValueError("an outer product is one of two vectors")
    return np.outer(a, b)


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
                kept = bool(first.params.get("keep", False))
                for keep in (kept, not kept):
                    if axes == now and keep == kept:
                        continue
                    call = _summed(axes, keep)
                    detail = {"axes": axes, "now": now, "keep": keep}
                    yield Edit("other-axis", site, dict.fromkeys(site, call), 1.0, detail=detail)
                    share = _numbers(inner, now) / max(_numbers(inner, axes), 1)
                    if share not in (0.0, 1.0):  # of a mean, which divides by their number
                        call = _summed(axes, keep, share)
                        yield Edit(
                            "other-axis", site, dict.fromkeys(site, call), 1.1, detail=detail
                        )
        detail = {"axes": (), "now": now}
        yield Edit("other-axis", site, dict.fromkeys(site, _pick(0)), 1.05, detail=detail)
    elif first.value.ndim and first.op in ("return", "add", "set", "put"):
        for axis in range(first.value.ndim):
            for keep in (False, True):
                overrides = {i: _then_sum(program.steps[i].call, axis, keep) for i in site}
                detail = {"axes": (axis,), "keep": keep}
                yield Edit("sum-it", site, overrides, 1.0, detail=detail)


def _numbers(array: Array, axes: Sequence[int]) -> int:
    return int(np.prod([array.shape[axis] for axis in axes]))


def _summed(axes: tuple[int, ...], keep: bool, share: float = 1.0) -> Override:
    return lambda values: np.asarray(values[0].sum(axis=axes, keepdims=keep) * share)


def _then_sum(inner: Callable[..., Array], axis: int, keep: bool) -> Override:
    return lambda values: np.sum(inner(*values), axis=axis, keepdims=keep)


COMPARISONS = ("greater", "less", "greater_equal", "less_equal", "equal", "not_equal")
OF_TRUTH = ("adjoint", "contribution")  # put in the place of an operand they tell only a place


def _operands(program: Program, site: Site, pool: Pool, of_truth: bool = False) -> Iterator[Edit]:
    """Another quantity in the place of an operand."""
    first = program.steps[site[0]]
    for slot in range(len(first.inputs)):
        if any(slot >= len(program.steps[i].inputs) for i in site):
            continue
        olds = [program.steps[program.steps[i].inputs[slot]].value for i in site]
        if any(old.dtype.kind == "i" and old.ndim for old in olds):
            continue
        tried: set[tuple[int, ...]] = set()
        for series in pool.series("any", olds):
            role, numbers = series[0].role, pool.numbers_in(series)
            if (role in OF_TRUTH) != of_truth or numbers in tried:
                continue
            if first.op in COMPARISONS and role in (*DERIVATIVES, "step"):
                continue
            tried.add(numbers)
            told = _most_wrong(olds, series)
            new = series[told]
            overrides = {
                i: exchange(program.steps[i].call, slot, quantity.value)
                for i, quantity in zip(site, series, strict=True)
            }
            cost = pool.cost(new)
            yield Edit("operand", site, overrides, cost, old=olds[told], new=new, slot=slot)


def _most_wrong(olds: Sequence[Array], series: Sequence[Quantity]) -> int:
    """The round in which a value is furthest off: a mistake may not show in the first one."""
    if len(olds) == 1:
        return 0
    gaps = [
        float(np.max(np.abs(np.asarray(o, float) - q.value), initial=0.0))
        for o, q in zip(olds, series, strict=True)
    ]
    return int(np.argmax(gaps))


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
            cost = 1.2 if quantity.role in ("parameter", "overwritten") else 1.4
            action = "accumulate" if quantity.role == "overwritten" else "add-term"
            yield Edit(action, site, {site[0]: override}, cost, constant, new=quantity)


def _plus(call: Callable[..., Array], term: Array) -> Override:
    return lambda values: call(*values) + term


def _accumulated(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Contributions added where they are overwritten: into places of an array."""
    if any(program.steps[i].op != "set" for i in site):
        return
    for action in (_added, _gained):
        overrides = {i: action(program.steps[i].call, program.steps[i].params) for i in site}
        yield Edit("accumulate", site, overrides, 1.0)


def _added(call: Callable[..., Array], params: Any) -> Override:
    """`a[key] = v` as `np.add.at(a, key, v)`."""

    def override(values: Sequence[Array]) -> Array:
        changed = np.array(values[0])
        np.add.at(changed, params["key"], values[-1])
        return changed

    return override


def _gained(call: Callable[..., Array], params: Any) -> Override:
    """`a[key] += v` as `np.add.at(a, key, v)`."""

    def override(values: Sequence[Array]) -> Array:
        changed = np.array(values[0])
        gain = values[-1] - changed[params["key"]]
        np.add.at(changed, params["key"], gain)
        return changed

    return override


def _results(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The true adjoint in the place of a result: where, without a word about why."""
    olds = [program.steps[i].value for i in site]
    tried: set[tuple[int, ...]] = set()
    for series in pool.series("adjoint", olds):
        numbers = pool.numbers_in(series)
        if numbers in tried:
            continue
        tried.add(numbers)
        overrides = {i: always(q.value) for i, q in zip(site, series, strict=True)}
        told = _most_wrong(olds, series)
        yield Edit("result", site, overrides, GUESS, old=olds[told], new=series[told])


def _true_operands(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The true adjoint in the place of an operand."""
    yield from _operands(program, site, pool, of_truth=True)


def _partly(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A term of a sum that does not belong to the first or last row or column, as for biases."""
    first = program.steps[site[0]]
    if first.op not in ("add", "subtract") or len(first.inputs) != 2 or not first.value.ndim:
        return
    for slot in range(2):
        for axis in range(first.value.ndim):
            for end in (0, -1):
                overrides = {i: _without_part(program.steps[i].call, slot, axis, end) for i in site}
                yield Edit("drop-part", site, overrides, 1.3, slot=slot)


def _without_part(call: Callable[..., Array], slot: int, axis: int, end: int) -> Override:
    def kept(operand: Array) -> Array:
        found = np.array(operand, float)
        if found.ndim <= axis:
            raise ValueError("no such axis")
        np.moveaxis(found, axis, 0)[end] = 0.0
        return found

    return on_operand(call, slot, kept)


def _before_update(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Parameters as they were before the update, where the updated ones are read."""
    if not pool.truth.of_update:
        return
    for slot in range(len(program.steps[site[0]].inputs)):
        overrides: dict[int, Override] = {}
        for i in site:
            step = program.steps[i]
            if slot >= len(step.inputs) or step.inputs[slot] not in pool.carrying:
                break
            old = program.steps[step.inputs[slot]].value
            before = [q for (q,) in pool.series("parameter", [old])]
            if not before or not old.ndim:
                break
            told = before[int(np.argmin([np.max(np.abs(q.value - old)) for q in before]))]
            overrides[i] = exchange(step.call, slot, told.value)
        if len(overrides) == len(site):
            old = program.steps[program.steps[site[0]].inputs[slot]].value
            yield Edit("before-update", site, overrides, 1.0, old=old, new=told, slot=slot)


def _reshaped(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """An operand in the shape of the other one, where both were stretched against each other."""
    first = program.steps[site[0]]
    if first.op == "return" and len(site) == 1:
        shape = pool.truth.gradients[pool.result_steps[site[0]]].shape
        if first.value.shape != shape and first.value.size == int(np.prod(shape)):
            override = _into_shape(first.call, shape)
            yield Edit("reshape", site, {site[0]: override}, 0.9, old=first.value)
        return
    if len(first.inputs) != 2 or first.op == "contract":
        return
    a, b = (program.steps[i].value for i in first.inputs)
    if a.size != b.size or a.shape == b.shape or first.value.size <= a.size:
        return
    for slot, shape in ((0, b.shape), (1, a.shape)):
        reshaped = _reshaper(shape)
        overrides = {i: on_operand(program.steps[i].call, slot, reshaped) for i in site}
        yield Edit("reshape", site, overrides, 0.9, slot=slot)


def _into_shape(call: Callable[..., Array], shape: tuple[int, ...]) -> Override:
    return lambda values: np.reshape(call(*values), shape)


def _reshaper(shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda operand: operand.reshape(shape)


# Tried in waves: what is cheap to try and needs no word about where a value comes from goes first.
WAVES: tuple[tuple[Row, ...], ...] = (
    (
        _before_update,
        _reshaped,
        _scaled,
        _dropped,
        _other_op,
        _other_axes,
        _accumulated,
        _terms,
        _slopes,
    ),
    (_other_factors, _partly),
    (_operands,),
    (_results, _true_operands),
)
