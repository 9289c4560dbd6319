"""From an update back to the gradient that it takes: learning rates, momentum, Adam.

What an update subtracts is a product with the learning rate: the number that stands nearest to the
update and in all of them. Rules with a memory (momentum, Adam) meet values of the step before on
their way; the gradient is what comes in below the last of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from chainrule.checking.scripts.tape import Ref, Tape
from chainrule.checking.scripts.updates import Change, Window

PRODUCTS = {"multiply", "np.multiply", "matmul", "np.matmul", "np.dot", "method dot", "np.outer",
            "np.tensordot", "divide", "np.divide", "np.sum", "method sum", "negative",
            "np.negative", "attribute T", "item", "method reshape", "np.reshape",
            "np.clip"}  # fmt: skip
ELEMENTWISE = {"add", "subtract", "multiply", "divide", "power", "negative", "np.add", "np.sqrt",
               "np.subtract", "np.multiply", "np.divide", "np.square", "np.power", "math.sqrt",
               "np.abs", "np.maximum", "np.clip", "abs"}  # fmt: skip
DEEP = 12


@dataclass(frozen=True)
class Factor:
    """A number that a product contains: an entry, or a number written in the formula.

    same  all entries that hold it
    """

    index: int | None
    value: float
    place: int
    same: frozenset[int] = frozenset()


def factors(tape: Tape, top: int, live: set[int]) -> Iterator[Factor]:
    """The numbers in a product, nearest first."""
    level = [top]
    for _ in range(DEEP):
        below: list[int] = []
        for index in level:
            entry = tape.entries[index]
            if entry.shape == () and index not in live:
                yield from _of_number(tape, index)
                continue
            if entry.op not in PRODUCTS:
                continue
            for part in entry.arguments[:2]:
                if isinstance(part, Ref):
                    below.append(part.index)
                elif entry.op == "multiply" and isinstance(part, float):
                    yield Factor(None, part, entry.place)
        level = below


def _of_number(tape: Tape, index: int) -> Iterator[Factor]:
    """The leaf that a number is a multiple of: `rate` in `-rate / m`."""
    entry = tape.entries[index]
    while entry.op in ("multiply", "divide", "negative"):
        first = next((part for part in entry.arguments if isinstance(part, Ref)), None)
        if first is None:
            return
        index = first.index
        entry = tape.entries[index]
    if isinstance(entry.value, float | np.floating):
        yield Factor(index, float(entry.value), entry.place)


def learning_rate(tape: Tape, window: Window, live: set[int]) -> Factor | None:
    """The number that is a factor of every change; None where there is none."""
    changes = [change for group in window.changes.values() for change in group]
    found = [list(factors(tape, change.by, live)) for change in changes]
    if not found or not found[0]:
        return None
    read = _times_read(tape, live, {factor.index for factor in found[0]})
    for candidate in found[0]:  # a rate is read by updates alone, data by the forward pass too
        index = candidate.index
        if index is None or read[index] > len(changes):
            continue
        if all(any(f.index == index for f in other) for other in found):
            return replace(candidate, same=frozenset({index}))
    for candidate in found[0]:
        if candidate.index is None and all(
            any(_is_written(tape, f, candidate.value, change) for f in other)
            for other, change in zip(found, changes, strict=True)
        ):
            return candidate
    # The same number, held in several objects: an attribute of each layer.
    for candidate in found[0]:
        if (
            candidate.index is not None
            and read[candidate.index] == 1
            and all(
                any(f.index is not None and f.value == candidate.value for f in other)
                for other in found
            )
        ):
            indices = {f.index for other in found for f in other if f.value == candidate.value}
            return replace(candidate, same=frozenset(i for i in indices if i is not None))
    return None


def _times_read(tape: Tape, live: set[int], numbers: Set[int | None]) -> Counter[int]:
    """How many values are computed from each number; one that is computed twice counts once."""
    readers = {
        (ref, entry.op, repr(entry.arguments))
        for entry in (tape.entries[index] for index in live)
        for ref in set(entry.refs()) & numbers
    }
    return Counter(ref for ref, _, _ in readers)


def _is_written(tape: Tape, factor: Factor, value: float, change: Change) -> bool:
    """Whether a number stands in the statement of the update itself."""
    line = tape.line_of(change.new)
    return factor.index is None and factor.value == value and tape.places[factor.place].line == line


def below_memory(
    tape: Tape, top: int, live: set[int], earlier: Sequence[int], params: Set[int], limit: int
) -> int | None:
    """Under a rule with a memory, the gradient's entry; None where the rule has none.

    earlier  entries that were computed in the step before; a rule with a memory reads one of them
    params   entries of the parameters before the step: what they came from is no memory
    limit    the number of entries that may be visited
    """
    before = set(earlier)
    frontier, last_memory = {top}, None
    dominators: list[int] = []
    for _ in range(limit):
        if len(frontier) == 1 and (not dominators or frontier != {dominators[-1]}):
            dominators.append(next(iter(frontier)))
            if last_memory is not None and not _same_statement(tape, dominators[-1], last_memory):
                return dominators[-1]
        index = max(frontier)
        entry = tape.entries[index]
        if entry.op not in ELEMENTWISE:
            break
        refs = list(entry.refs())
        if any(ref in before and ref not in live for ref in _deep(tape, refs, live)):
            last_memory = index
        frontier = (frontier - {index}) | {ref for ref in refs if ref in live and ref not in params}
        if not frontier:
            break
    if last_memory is not None and len(frontier) == 1:
        return next(iter(frontier))
    return None


def _deep(tape: Tape, refs: Sequence[int], live: set[int]) -> Iterator[int]:
    """The operands, and those of products with numbers: `beta * v`."""
    for ref in refs:
        yield ref
        if ref not in live and tape.entries[ref].op in ELEMENTWISE:
            yield from tape.entries[ref].refs()


def _same_statement(tape: Tape, index: int, other: int) -> bool:
    """Whether a multiple of a number stands where the memory is met: `(1 - beta) * g`."""
    entry = tape.entries[index]
    return entry.op == "multiply" and tape.line_of(index) == tape.line_of(other)
