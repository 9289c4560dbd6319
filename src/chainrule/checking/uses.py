"""Edits of a value in its uses: in one statement, in one call of a helper, in one function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.edit import FACTORS, Edit, Site, transposed
from chainrule.checking.pool import Pool
from chainrule.checking.quantities import Quantity
from chainrule.checking.steps import Array, Override, Program


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
        if index in program.inner_rounds:
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
                head = [frame.place for frame in frames[: depth - 1]]
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
    overrides = {user: in_slots(program, user, use.index, value) for user in use.users}
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
        turned = transposed(value)
        yield turned
        yield np.flip(turned, (-1, -2))
    if value.ndim > 2:
        yield np.flip(value, (0,))
        yield np.flip(value, (0, 1))


def in_slots(program: Program, user: int, index: int, value: Array) -> Override:
    step = program.steps[user]
    slots = {slot for slot, child in enumerate(step.inputs) if child == index}

    def override(values: Sequence[Array]) -> Array:
        return step.call(*(value if slot in slots else v for slot, v in enumerate(values)))

    return override
