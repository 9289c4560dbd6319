"""When kernels run and where their results lie: phases between barriers, and one arena.

Threads go through the kernels together. A kernel that reads rows which the same thread has
written needs no waiting; every other dependence puts a barrier between the two. Kernels between
the same barriers are a phase. A buffer's memory is used again from the phase on after its last
reader's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from chainrule.engines.native.access import ARENA, Buffer, View
from chainrule.engines.native.kernels import Elementwise, Kernel, Repeat
from chainrule.engines.native.memory import ALIGNMENT, up

GRAIN = 16  # rows that one thread computes together
APART, SLICED, TOGETHER = 2, 1, 0  # how much a thread needs of the others' results
FEW_ROWS = 16  # fewer rows are not divided


def grain(rows: int) -> int:
    """How many rows make the smallest part of a divided kernel."""
    return GRAIN if rows >= 4 * GRAIN else GRAIN // 2


def is_divided(kernel: Kernel) -> bool:
    return kernel.divisible and (kernel.cut is not None or kernel.shape[0] >= FEW_ROWS)


def slices_of(kernel: Kernel) -> int:
    """Into how many parts a divided kernel is cut at most: slices, or grains of rows."""
    rows = kernel.shape[0]
    return rows if kernel.cut is not None else -(-rows // grain(rows))


Phase = list[list[Kernel]]
"""The kernels between two barriers, in stages: from one to the next, threads wait for each other
only where the slices of sums do not fall to them evenly."""


@dataclass
class Plan:
    """phases  what runs between one barrier and the next
    slices  stages of a phase need no waiting where the number of threads divides this
    arena   bytes
    """

    phases: list[Phase]
    slices: int
    arena: int


def barriers_of(kernels: Sequence[Kernel]) -> int:
    """How often threads wait for each other, loops over time counted step by step."""
    found = len({number for number, _ in phases_of(kernels)})
    for kernel in kernels:
        if isinstance(kernel, Repeat):
            inside = barriers_of(kernel.program.kernels)
            found += kernel.length * inside if inside > 1 else 0
    return found


def phases_of(
    kernels: Sequence[Kernel], first: dict[Kernel, int] | None = None
) -> list[tuple[int, int]]:
    """The phase of each kernel, as early as its dependences allow; `first` gives lower bounds.

    A phase is a pair: how many barriers for everyone are before it, and how many that are needed
    only where the threads do not divide the slices of sums evenly.
    """
    found: dict[Kernel, tuple[int, int]] = {}
    writers: dict[Buffer, list[tuple[Kernel, View]]] = {}
    for kernel in kernels:
        phase = ((first or {}).get(kernel, 0), 0)
        for before in kernel.after:
            phase = max(phase, (found[before][0] + 1, 0))
        needed = [(view.buffer, view) for view in kernel.reads]
        for buffer, view in [*needed, *((buffer, None) for buffer in kernel.everywhere)]:
            for writer, written in writers.get(buffer, []):
                if writer is kernel:
                    continue
                hard, soft = found[writer]
                how = dependence(writer, written, kernel, view)
                following = {TOGETHER: (hard, soft), SLICED: (hard, soft + 1), APART: (hard + 1, 0)}
                phase = max(phase, following[how])
        found[kernel] = phase
        for view in kernel.writes:
            writers.setdefault(view.buffer, []).append((kernel, view))
    return [found[kernel] for kernel in kernels]


def is_aligned(writer: Kernel, written: View, reader: Kernel, read: View | None) -> bool:
    """Whether every thread reads only what it has written itself."""
    return dependence(writer, written, reader, read) == TOGETHER


def dependence(writer: Kernel, written: View, reader: Kernel, read: View | None) -> int:
    """What a thread reads of a kernel's result: its own part (TOGETHER; SLICED where that takes
    as many slices as threads, or a multiple), or others' as well (APART).
    """
    if isinstance(writer, Repeat) or isinstance(reader, Repeat):
        return APART
    if not is_divided(writer) and not is_divided(reader):
        return TOGETHER
    if read is None or not (is_divided(writer) and is_divided(reader)):
        return APART
    if writer.cut is not None:
        return APART
    axis = 0 if reader.cut is None else reader.cut
    rows = writer.shape[0]
    step = written.strides[0]
    if reader.lengths[axis] != rows or step <= 0 or read.strides[axis] != step:
        return APART
    if not _stays(written, writer.shape, 0, rows) or not _stays(read, reader.lengths, axis, rows):
        return APART
    return TOGETHER if reader.cut is None else SLICED


def _stays(view: View, lengths: Sequence[int], axis: int, rows: int) -> bool:
    """Whether an entry of an axis of `rows` entries stays with its own elements: `step` of them
    every `rows` · `step`, whatever the places on the other axes.
    """
    step = view.strides[axis]
    turn = step * (view.buffer.block or rows)
    low = high = view.offset % turn
    for other, (stride, length) in enumerate(zip(view.strides, lengths, strict=True)):
        if other == axis or stride % turn == 0:
            continue
        reach = stride * (length - 1)
        low, high = low + min(reach, 0), high + max(reach, 0)
    return low >= 0 and high < step


def make_plan(
    kernels: Sequence[Kernel],
    kept: set[Buffer],
    parallel: bool,
    first: dict[Kernel, int] | None = None,
) -> Plan:
    """Phases, and a place in the arena for every buffer that is nobody else's (`kept`).

    Within a phase threads may be at different kernels; one thread is at one kernel at a time.
    """
    numbers = phases_of(kernels, first)
    stages: dict[tuple[int, int], list[Kernel]] = {number: [] for number in sorted(set(numbers))}
    for kernel, number in zip(kernels, numbers, strict=True):
        stages[number].append(kernel)
    phases: dict[int, Phase] = {}
    for (phase, _), stage in stages.items():
        phases.setdefault(phase, []).append(stage)
    found = list(phases.values())
    whole = [[kernel for stage in phase for kernel in stage] for phase in found]
    together = whole if parallel else [[kernel] for phase in whole for kernel in phase]
    slices = gcd(*(slices_of(kernel) for kernel in kernels if kernel.cut is not None))
    return Plan(found, slices, _place(together, kept))


def _place(phases: Sequence[Sequence[Kernel]], kept: set[Buffer]) -> int:
    """Give every buffer its offset, first fit in the order of first use; returns the bytes.

    Two buffers share memory where the one is done with in an earlier phase than the other begins,
    or where each number of the one is computed from the same place of the other.
    """
    spans: dict[Buffer, list[int]] = {}
    users: dict[Buffer, list[tuple[int, Kernel]]] = {}
    inner: dict[Repeat, int] = {}
    for number, phase in enumerate(phases):
        for kernel in phase:
            views = [view.buffer for view in (*kernel.reads, *kernel.writes)]
            for buffer in (*views, *kernel.everywhere):
                if buffer.slot == ARENA and buffer not in kept:
                    spans.setdefault(buffer, [number, number])[1] = number
                    users.setdefault(buffer, []).append((number, kernel))
            if isinstance(kernel, Repeat):
                inner[kernel] = number
    instead = _in_place(phases, spans, users)
    for new, old in instead.items():
        spans[old][1] = spans.pop(new)[1]
    taken: list[tuple[int, int, int, int]] = []  # first phase, last phase, begin, end

    def reserve(first: int, last: int, size: int) -> int:
        begin = 0
        for low, high in sorted((b, e) for f, t, b, e in taken if f <= last and first <= t):
            if begin + size <= low:
                break
            begin = max(begin, high)
        taken.append((first, last, begin, begin + size))
        return begin

    for buffer, (first, last) in spans.items():
        buffer.offset = reserve(first, last, up(buffer.bytes, ALIGNMENT))
    for new, old in instead.items():
        new.offset = old.offset
    for repeat, number in inner.items():
        repeat.arena = reserve(number, number, up(repeat.plan.arena, ALIGNMENT))
    return max((end for *_, end in taken), default=0)


def _in_place(
    phases: Sequence[Sequence[Kernel]],
    spans: dict[Buffer, list[int]],
    users: dict[Buffer, list[tuple[int, Kernel]]],
) -> dict[Buffer, Buffer]:
    """Buffers that take the place of others, to the first of which each is led: their kernel is
    the last that reads the other, always at the place that it writes. Caches then hold one for two.
    """
    found: dict[Buffer, Buffer] = {}
    for number, phase in enumerate(phases):
        for kernel in phase:
            if not isinstance(kernel, Elementwise):
                continue
            free = dict.fromkeys(view.buffer for view in kernel.reads if view.buffer in spans)
            for written in kernel.writes:
                new = written.buffer
                if new not in spans or users[new][0] != (number, kernel):
                    continue
                if any(new in (v.buffer for v in other.writes) for _, other in users[new][1:]):
                    continue
                for old in free:
                    late = [user for when, user in users[old] if when >= number]
                    # In the phase that made it, threads read nothing but their own rows of it.
                    apart = spans[old][0] == number or {*late} == {kernel}
                    if late[-1:] == [kernel] and apart and _is_read_there(kernel, old, written):
                        found[new] = found.get(old, old)
                        del free[old]
                        break
    return found


def _is_read_there(kernel: Kernel, old: Buffer, written: View) -> bool:
    """Whether a kernel reads nothing of a buffer but what lies at the place that it writes."""
    new = written.buffer
    if (old.bytes, old.dtype.itemsize) != (new.bytes, new.dtype.itemsize):
        return False
    if (old.block, old.jump) != (new.block, new.jump):
        return False

    def place(view: View) -> tuple[int, list[int]]:
        pairs = zip(view.strides, kernel.lengths, strict=True)
        return view.offset, [step for step, length in pairs if length > 1]

    return all(place(view) == place(written) for view in kernel.reads if view.buffer is old)
