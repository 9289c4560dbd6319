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
from chainrule.checking.quantities import Quantity
from chainrule.checking.steps import Array, Override, Program

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


@dataclass(frozen=True, eq=False)
class Scaled:
    """A site multiplied by a number that the search finds."""

    program: Program
    site: Site
    numbers: frozenset[float]

    slot: int = -1  # of the operand that is multiplied; -1 for the result

    def __call__(self, constant: float) -> Edit:
        cost = 1.0 if is_fraction(constant) else 1.1 if self._is_likely(constant) else 1.6
        steps = [self.program.steps[i] for i in self.site]
        if self.slot < 0:
            overrides = {i: _times(s.call, constant) for i, s in zip(self.site, steps, strict=True)}
        else:
            overrides = {
                i: _scaled_operand(step.call, self.slot, constant)
                for i, step in zip(self.site, steps, strict=True)
            }
        return Edit("scale", self.site, overrides, cost, constant)

    def _is_likely(self, constant: float) -> bool:
        """Whether a root of a fraction, or a fraction of a number that the code contains."""
        if is_fraction(constant**2):
            return True
        return any(is_fraction(constant * n) or is_fraction(constant / n) for n in self.numbers)


def is_fraction(constant: float) -> bool:
    """Whether a number is a short fraction, as people write them."""
    value = abs(constant)
    for n in range(1, 13):
        for ratio in (value * n, n / value):
            if round(ratio) >= 1 and abs(ratio - round(ratio)) < 1e-9 * ratio:
                return True
    return False


Row = Callable[[Program, Site, Pool], Iterator[Edit | Scaled]]


def _scaled(program: Program, site: Site, pool: Pool) -> Iterator[Scaled]:
    if all(program.steps[i].value.dtype.kind == "f" for i in site):
        yield Scaled(program, site, pool.numbers)
    first = program.steps[site[0]]
    for slot, child in enumerate(first.inputs if first.op in ("add", "subtract") else ()):
        if program.steps[child].op == "constant" and program.steps[child].value.size == 1:
            yield Scaled(program, site, pool.numbers, slot)


def _scaled_operand(call: Callable[..., Array], slot: int, factor: float) -> Override:
    return lambda values: call(*values[:slot], values[slot] * factor, *values[slot + 1 :])


def _times(call: Callable[..., Array], factor: Any) -> Override:
    return lambda values: call(*values) * factor


FACTORS = {"local": 1.0, "part": 1.4, "parameter": 1.45, "data": 1.5, "forward": 1.5}


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
    for role, cost in ((role, FACTORS[role]) for role in roles):
        for series in pool.factors(role, values):
            factors = [quantity.value for quantity in series]
            new = series[0]
            overrides = {
                i: _times(program.steps[i].call, f) for i, f in zip(site, factors, strict=True)
            }
            yield Edit("times-derivative", site, overrides, cost, new=new)
            if role == "local" and all(np.all(f != 0) for f in factors):
                overrides = {
                    i: _times(program.steps[i].call, 1 / f)
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


def _matmuls(product: Callable[[Any, Any], Any]) -> Iterator[Callable[[Any, Any], Any]]:
    yield lambda a, b: product(a, b)
    yield lambda a, b: product(_t(a), b)
    yield lambda a, b: product(a, _t(b))
    yield lambda a, b: product(_t(a), _t(b))
    yield lambda a, b: product(b, a)
    yield lambda a, b: product(_t(b), a)
    yield lambda a, b: product(b, _t(a))
    yield lambda a, b: product(_t(b), _t(a))


def _t(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def _other_op(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Another operation on the same operands."""
    first = program.steps[site[0]]
    if len(first.inputs) != 2 and first.op not in ("transpose",):
        return
    choices: list[tuple[str, Callable[..., Any]]] = []
    if first.op == "add":
        choices = [("flip-term", lambda a, b: a - b), ("flip-term", lambda a, b: b - a)]
    elif first.op == "subtract":
        choices = [("flip-term", lambda a, b: a + b), ("flip-term", lambda a, b: -a - b)]
    elif first.op == "multiply":
        choices = [("as-matmul", call) for call in _matmuls(np.matmul)]
        choices += [("as-matmul", lambda a, b: np.outer(a, b))]
    elif first.op == "divide":
        choices = [("as-product", lambda a, b: a * b)]
    elif first.op == "contract":
        choices = [("as-elementwise", lambda a, b: a * b)]
        choices += [("as-elementwise", lambda a, b: _t(a) * b)]
        choices += [("as-elementwise", lambda a, b: a * _t(b))]
        choices += [("transpose", call) for call in _matmuls(first.call)]
        choices += [("transpose", lambda a, b: first.call(a, b).T)]
        if first.params.get("function") != "matmul":
            choices += [("transpose", call) for call in _matmuls(np.matmul)]
        choices += [("transpose", lambda a, b: np.outer(a, b))]
    elif first.op == "transpose":
        choices = [("transpose", lambda a: np.array(a))]
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
                kept = bool(first.params.get("keep", False))
                for keep in (kept, not kept):
                    if axes == now and keep == kept:
                        continue
                    call = _summed(axes, keep)
                    detail = {"axes": axes, "now": now}
                    yield Edit("other-axis", site, dict.fromkeys(site, call), 1.0, detail=detail)
        detail = {"axes": (), "now": now}
        yield Edit("other-axis", site, dict.fromkeys(site, _unsummed), 1.05, detail=detail)
    elif first.value.ndim and first.op in ("return", "add", "set", "put"):
        for axis in range(first.value.ndim):
            for keep in (False, True):
                overrides = {i: _then_sum(program.steps[i].call, axis, keep) for i in site}
                yield Edit("sum-it", site, overrides, 1.0)


def _summed(axes: tuple[int, ...], keep: bool) -> Override:
    return lambda values: np.asarray(values[0].sum(axis=axes, keepdims=keep))


def _unsummed(values: Sequence[Array]) -> Array:
    return values[0]


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
        for series in pool.series("any", olds):
            told = _most_wrong(olds, series)
            new = series[told]
            if (new.role in OF_TRUTH) != of_truth:
                continue
            if first.op in COMPARISONS and new.role in ("local", "part", "step"):
                continue
            overrides = {
                i: _exchange(program.steps[i].call, slot, quantity.value)
                for i, quantity in zip(site, series, strict=True)
            }
            cost = pool.cost(new)
            yield Edit("operand", site, overrides, cost, old=olds[told], new=new, slot=slot)


def _most_wrong(olds: Sequence[Array], series: Sequence[Quantity]) -> int:
    """The round in which a value is furthest off: a mistake may not show in the first one."""
    gaps = [
        float(np.max(np.abs(np.asarray(o, float) - q.value), initial=0.0))
        for o, q in zip(olds, series, strict=True)
    ]
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
    for series in pool.series("adjoint", olds):
        overrides = {i: _always(q.value) for i, q in zip(site, series, strict=True)}
        told = _most_wrong(olds, series)
        yield Edit("result", site, overrides, 2.9, old=olds[told], new=series[told])


def _true_operands(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """The true adjoint in the place of an operand."""
    yield from _operands(program, site, pool, of_truth=True)


def _always(value: Array) -> Override:
    return lambda values: value


@dataclass(frozen=True)
class Use:
    """A value in all its uses in one statement, or in one call of a helper."""

    index: int
    users: Site


def uses(program: Program, wrong: frozenset[str]) -> list[Use]:
    """The uses of every value that reach wrong results only: by statement, by call, by function."""
    found: dict[Use, None] = {}
    for index, step in enumerate(program.steps):
        if not step.value.ndim or step.value.dtype.kind not in "fb":
            continue
        groups: dict[tuple[object, ...], list[int]] = {}
        for user in program.consumers[index]:
            frames = program.steps[user].frames
            if not program.reach[user] or not program.reach[user] <= wrong:
                continue
            if program.steps[user].op == "return":
                continue
            for depth in range(1, len(frames) + 1):
                if frames[:depth] == step.frames[:depth]:
                    continue
                head = [(frame.file, frame.instruction) for frame in frames[: depth - 1]]
                last = frames[depth - 1]
                groups.setdefault((depth, *head, last.file, last.line), []).append(user)
                groups.setdefault((depth, *head, last.function), []).append(user)
        found |= dict.fromkeys(Use(index, tuple(users)) for users in groups.values())
    return list(found)


def exchanged(program: Program, use: Use, pool: Pool) -> Iterator[Edit]:
    """Another value in all places of a use."""
    old = program.steps[use.index].value
    if old.dtype.kind == "b":
        return
    for (new,) in pool.series("any", [old]):
        if new.role in ("parameter", "data", "forward", "step") and len(use.users) > 1:
            yield _in_place(program, use, "operand", new, pool.cost(new) + 0.05)


def _in_place(
    program: Program, use: Use, action: str, new: Quantity, cost: float, value: Any = None
) -> Edit:
    value = new.value if value is None else value
    old = program.steps[use.index].value
    overrides = {user: _in_slots(program, user, use.index, value) for user in use.users}
    return Edit(action, use.users, overrides, cost, old=old, new=new, detail={"use": use.index})


def turned(program: Program, use: Use, pool: Pool) -> Iterator[Edit]:
    """A value transposed or flipped in a use, or multiplied by a factor that is missing there."""
    old = program.steps[use.index].value
    if old.dtype.kind == "b":
        return
    for value in _turned(old):
        yield _in_place(program, use, "flip", Quantity("step", "turned", value), 1.1)
    whole = len(use.users) == len(program.consumers[use.index])
    if whole or use.index not in pool.carrying:
        return  # the step itself is multiplied
    for role, cost in FACTORS.items():
        for (new,) in pool.factors(role, [old]):
            yield _in_place(program, use, "times-derivative", new, cost, old * new.value)


def _turned(value: Array) -> Iterator[Array]:
    """The value transposed or flipped, with its shape."""
    if value.ndim < 2:
        if value.ndim and value.size > 1:
            yield value[::-1]
        return
    for axes in ((-1,), (-2,), (-1, -2)):
        yield np.flip(value, axes)
    if value.shape[-1] == value.shape[-2]:
        turned = _t(value)
        yield turned
        yield np.flip(turned, (-1, -2))
    if value.ndim > 2:
        yield np.flip(value, (0,))
        yield np.flip(value, (0, 1))


def _in_slots(program: Program, user: int, index: int, value: Array) -> Override:
    step = program.steps[user]
    slots = {slot for slot, child in enumerate(step.inputs) if child == index}

    def override(values: Sequence[Array]) -> Array:
        return step.call(*(value if slot in slots else v for slot, v in enumerate(values)))

    return override


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
    def override(values: Sequence[Array]) -> Array:
        kept = np.array(values[slot], float)
        if kept.ndim <= axis:
            raise ValueError("no such axis")
        np.moveaxis(kept, axis, 0)[end] = 0.0
        return call(*values[:slot], kept, *values[slot + 1 :])

    return override


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
            overrides[i] = _exchange(step.call, slot, told.value)
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
        overrides = {i: _operand_reshaped(program.steps[i].call, slot, shape) for i in site}
        yield Edit("reshape", site, overrides, 0.9, slot=slot)


def _into_shape(call: Callable[..., Array], shape: tuple[int, ...]) -> Override:
    return lambda values: np.reshape(call(*values), shape)


def _operand_reshaped(call: Callable[..., Array], slot: int, shape: tuple[int, ...]) -> Override:
    def override(values: Sequence[Array]) -> Array:
        return call(*values[:slot], values[slot].reshape(shape), *values[slot + 1 :])

    return override


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
