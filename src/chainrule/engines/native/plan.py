"""When kernels run and where their results lie: phases between barriers, and one arena.

Threads go through the kernels together. A kernel that reads rows which the same thread has
written needs no waiting; every other dependence puts a barrier between the two. Kernels between
the same barriers are a phase. A buffer's memory is used again from the phase on after its last
reader's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.engines.native.access import ARENA, Buffer, View
from chainrule.engines.native.kernels import Kernel, Repeat

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
GRAIN = 16  # rows that one thread computes together
FEW_ROWS = 16  # fewer rows are not divided


def grain(rows: int) -> int:
    """How many rows make the smallest part of a divided kernel."""
    return GRAIN if rows >= 4 * GRAIN else GRAIN // 2


def is_divided(kernel: Kernel) -> bool:
    return kernel.divisible and kernel.shape[0] >= FEW_ROWS


@dataclass
class Plan:
    """phases  the kernels between one barrier and the next
    arena   bytes
    """

    phases: list[list[Kernel]]
    arena: int


def phases_of(kernels: Sequence[Kernel], first: dict[Kernel, int] | None = None) -> list[int]:
    """The phase of each kernel, as early as its dependences allow; `first` gives lower bounds."""
    found: dict[Kernel, int] = {}
    writers: dict[Buffer, list[tuple[Kernel, View]]] = {}
    for kernel in kernels:
        phase = (first or {}).get(kernel, 0)
        for before in kernel.after:
            phase = max(phase, found[before] + 1)
        needed = [(view.buffer, view) for view in kernel.reads]
        for buffer, view in [*needed, *((buffer, None) for buffer in kernel.everywhere)]:
            for writer, written in writers.get(buffer, []):
                if writer is not kernel:
                    together = is_aligned(writer, written, kernel, view)
                    phase = max(phase, found[writer] + (0 if together else 1))
        found[kernel] = phase
        for view in kernel.writes:
            writers.setdefault(view.buffer, []).append((kernel, view))
    return [found[kernel] for kernel in kernels]


def is_aligned(writer: Kernel, written: View, reader: Kernel, read: View | None) -> bool:
    """Whether every thread reads only what it has written itself."""
    if isinstance(writer, Repeat) or isinstance(reader, Repeat):
        return False
    if not is_divided(writer) and not is_divided(reader):
        return True
    if read is None or not (is_divided(writer) and is_divided(reader)):
        return False
    if writer.shape[0] != reader.shape[0]:
        return False
    step = written.strides[0]
    return (
        step > 0
        and read.strides[0] == step
        and _stays(written, writer.shape, step)
        and _stays(read, reader.lengths, step)
    )


def _stays(view: View, lengths: Sequence[int], step: int) -> bool:
    """Whether one entry of the first axis stays inside its own `step` elements."""
    low = high = view.offset
    for stride, length in zip(view.strides[1:], lengths[1:], strict=True):
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
    phases: list[list[Kernel]] = [[] for _ in range(max(numbers, default=-1) + 1)]
    for kernel, number in zip(kernels, numbers, strict=True):
        phases[number].append(kernel)
    phases = [phase for phase in phases if phase]
    together = phases if parallel else [[kernel] for phase in phases for kernel in phase]
    return Plan(phases, _place(together, kept))


def _place(phases: Sequence[Sequence[Kernel]], kept: set[Buffer]) -> int:
    """Give every buffer its offset, first fit in the order of first use; returns the bytes.

    Two buffers share memory where the one is done with in an earlier phase than the other begins.
    """
    spans: dict[Buffer, list[int]] = {}
    inner: dict[Repeat, int] = {}
    for number, phase in enumerate(phases):
        for kernel in phase:
            views = [view.buffer for view in (*kernel.reads, *kernel.writes)]
            for buffer in (*views, *kernel.everywhere):
                if buffer.slot == ARENA and buffer not in kept:
                    spans.setdefault(buffer, [number, number])[1] = number
            if isinstance(kernel, Repeat):
                inner[kernel] = number
    taken: list[tuple[int, int, int, int]] = []  # first phase, last phase, begin, end

    def claim(first: int, last: int, size: int) -> int:
        begin = 0
        for low, high in sorted((b, e) for f, t, b, e in taken if f <= last and first <= t):
            if begin + size <= low:
                break
            begin = max(begin, high)
        taken.append((first, last, begin, begin + size))
        return begin

    for buffer, (first, last) in spans.items():
        buffer.offset = claim(first, last, rounded(buffer.bytes))
    for repeat, number in inner.items():
        repeat.arena = claim(number, number, rounded(repeat.plan.arena))
    return max((end for *_, end in taken), default=0)


def rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def total_work(kernels: Sequence[Kernel]) -> float:
    return sum(kernel.work for kernel in kernels)
