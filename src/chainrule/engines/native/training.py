"""Many steps of a graph that carries state, as one native call: the training run.

A step reads data and its carry, and gives the new carry and two numbers, loss and gradient norm.
The carry is overwritten in place, and only after both numbers are known to be finite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import Any

import numpy as np

from chainrule.engines.native.access import Buffer, whole
from chainrule.engines.native.assemble import Assembler, Guard
from chainrule.engines.native.compiled import Compiled, Loaded, captured_by
from chainrule.engines.native.effort import divided
from chainrule.engines.native.fuse import fuse
from chainrule.engines.native.ir import Builder
from chainrule.engines.native.kernels import (
    Elementwise,
    Kernel,
    Load,
    Product,
    Store,
    forget_unread,
    written_view,
)
from chainrule.engines.native.key import key
from chainrule.engines.native.memory import Array, address
from chainrule.engines.native.plan import Plan, phases_of
from chainrule.engines.native.rewrites import rewritten
from chainrule.engines.native.support import is_supported
from chainrule.engines.native.threads import ENTRY, thread_count
from chainrule.engines.native.trials import Trials
from chainrule.engines.native.values import INT64, Value
from chainrule.graph import Graph

BEGIN, COUNT, DONE, FAILED = range(4)  # the words of the control block

CLAIMED_BYTES = 2 * 1024 * 1024  # of a parameter, above which caches would not keep it until then
CLAIMED_TERMS = 64  # of a product's sums, below which it has no time for it


@dataclass(frozen=True)
class Layout:
    """How the inputs of a step's graph are divided: data, then carry, then perhaps an index."""

    data: int
    carry: int
    index: bool


class _Step:
    """The program of one batch size, its results bound to the carry."""

    def __init__(self, graph: Graph, layout: Layout, parallel: bool) -> None:
        graph = rewritten(graph)
        carried = range(layout.data, layout.data + layout.carry)
        pairs = list(zip(graph.results, carried, strict=False))
        unchanged = [node is graph.inputs[place] for node, place in pairs]
        changed = [node for (node, _), same in zip(pairs, unchanged, strict=True) if not same]
        self.program = fuse(graph, parallel, late=changed)
        self.carry = [self.program.inputs[place] for place in carried]
        self.data = self.program.inputs[: layout.data]
        self.index = self.program.inputs[-1] if layout.index else None
        self.new = self.program.results[: layout.carry]
        self.numbers = self.program.results[layout.carry :]
        self.late: list[Kernel] = []
        self.program.results = [
            buffer for buffer, same in zip(self.new, unchanged, strict=True) if not same
        ] + list(self.numbers)
        forget_unread(self.program)
        self.in_place: list[tuple[Buffer, Buffer]] = []
        self._put_late_last()
        self._note()
        for old, new, same in zip(self.carry, self.new, unchanged, strict=True):
            if not same:
                self._bind(old, new)

    def _put_late_last(self) -> None:
        """Kernels that overwrite the carry behind all that still read it."""
        kernels = self.program.kernels
        late = [kernel for kernel in kernels if kernel.late]
        early = [kernel for kernel in kernels if not kernel.late]
        made = {view.buffer for kernel in late for view in kernel.writes}
        read = {buffer for kernel in early for buffer in kernel.everywhere}
        read.update(view.buffer for kernel in early for view in kernel.reads)
        if not made & read:
            kernels[:] = early + late

    def _note(self) -> None:
        """Which kernels write a buffer, and which read it."""
        self._writers: dict[Buffer, list[Kernel]] = {}
        self._readers: dict[Buffer, list[Kernel]] = {}
        for kernel in self.program.kernels:
            for buffer in dict.fromkeys(view.buffer for view in kernel.writes):
                self._writers.setdefault(buffer, []).append(kernel)
            read = [*(view.buffer for view in kernel.reads), *kernel.everywhere]
            for buffer in dict.fromkeys(read):
                self._readers.setdefault(buffer, []).append(kernel)

    def _bind(self, old: Buffer, new: Buffer) -> None:
        """Let the new carry take the old one's place."""
        kernels = self.program.kernels
        writers, readers = self._writers.get(new, []), self._readers.get(old, [])
        if self._may_overwrite(old, new, writers, readers):
            (writer,) = writers
            writer.after += [kernel for kernel in readers if kernel is not writer]
            self.late.append(writer)
            self.in_place.append((old, new))
            return
        value = Load(new.dtype, view=whole(new))
        copy = Elementwise(old.shape, [Store(value, whole(old))], late=True)
        copy.after += readers
        kernels.append(copy)
        self._readers.setdefault(new, []).append(copy)
        self._writers.setdefault(old, []).append(copy)
        self.late.append(copy)
        self.program.results.remove(new)

    def _may_overwrite(
        self, old: Buffer, new: Buffer, writers: list[Kernel], readers: list[Kernel]
    ) -> bool:
        kernels = self.program.kernels
        if len(writers) != 1 or not hasattr(writers[0], "stores"):
            return False
        (writer,) = writers
        own = written_view(writer, new)
        rank = len(own.strides)
        for reader in readers:
            if reader is writer:
                views = [view for view in reader.reads if view.buffer is old]
                if any((v.offset, v.strides[:rank]) != (own.offset, own.strides) for v in views):
                    return False
                if any(any(v.strides[rank:]) for v in views):
                    return False
            elif kernels.index(reader) > kernels.index(writer):
                return False
        return self._readers.get(new, []) in ([], [writer]) and new not in writer.everywhere

    def _claim_early(self, old: Buffer, new: Buffer, phases: dict[Kernel, tuple[int, int]]) -> None:
        """Let a product whose result `new` is made of claim what that will overwrite.

        All cores have read the parameters in this step. Before one can write a line of them, it
        has to claim it from the others. Updates compute little and would wait for each line; a
        product goes on with its sums. It must come when the others have read them. Gradients that
        are added up from slices have no such product; they are small.
        """
        (writer,) = self._writers[new]
        others = [reader for reader in self._readers.get(old, []) if reader is not writer]
        if not others or new.bytes > CLAIMED_BYTES:
            return
        last = max(phases[reader][0] for reader in others)
        own = written_view(writer, new)
        for read in writer.reads:
            for maker in self._writers.get(read.buffer, []):
                if not isinstance(maker, Product) or maker.is_dots or maker.shape != writer.shape:
                    continue
                made = written_view(maker, read.buffer)
                alike = (made.offset, made.strides) == (read.offset, read.strides)
                long = prod(maker.summed) >= CLAIMED_TERMS and phases[maker][0] > last
                if alike and long and own not in maker.claims:
                    maker.claims.append(own)

    def plan(self, assembler: Assembler) -> tuple[Plan, Guard]:
        kernels = self.program.kernels
        phases = dict(zip(kernels, phases_of(kernels), strict=True))
        makers = [
            phases[kernel][0]
            for kernel in kernels
            if any(view.buffer in self.numbers for view in kernel.writes)
        ]
        if assembler.parallel:
            for old, new in self.in_place:
                self._claim_early(old, new, phases)
        guard = max(makers) + 1
        first = dict.fromkeys(self.late, guard)
        plan = assembler.plan(self.program, first)
        changing = [any(k in first for stage in phase for k in stage) for phase in plan.phases]
        place = changing.index(True) if True in changing else len(changing)
        return plan, Guard(list(self.numbers), place)


def prepared(
    recorded: Sequence[Graph], simple: Callable[[], Sequence[Graph]], layout: Layout
) -> "Training | None":
    """The steps of these graphs, from the cache where it has them; None where they cannot be."""
    name = key("train", recorded, layout)
    compiled = Compiled.cached(name, lambda: _compiled(recorded, simple(), layout))
    return None if compiled is None else Training(compiled, recorded, layout)


def _compiled(
    recorded: Sequence[Graph], graphs: Sequence[Graph], layout: Layout
) -> Compiled | None:
    """The steps of full batches, and of a smaller last one where there is a second graph."""
    if not all(is_supported(graph) for graph in graphs):
        return None
    make = lambda parallel: _Step(graphs[0], layout, parallel)
    first, parallel = divided(graphs[0], make, lambda step: step.program.kernels)
    steps = [first, *(_Step(graph, layout, parallel) for graph in graphs[1:])]
    assembler = Assembler(parallel, thread_count())
    _place(assembler, steps)
    plans = [step.plan(assembler) for step in steps]
    for number, (plan, guard) in enumerate(plans):
        assembler.step(f"step{number}", plan, guard)
    assembler.entry("train", lambda b: _loop(b, steps), [("ptr", "control")])
    programs = [step.program for step in steps]
    ends = ([*first.data, *first.carry], first.numbers)
    arena = max(plan.arena for plan, _ in plans)
    # Whoever finds this has the recorded graphs only, and takes the arrays they captured.
    return Compiled.of(assembler, programs, recorded, *ends, arena)


def _place(assembler: Assembler, steps: Sequence[_Step]) -> None:
    """Data, carry and numbers of all steps have the same entries of the table."""
    first = steps[0]
    give = assembler.slots.give
    for buffer in (*first.data, *first.carry, *first.numbers):
        give(buffer)
    index = assembler.slots
    for step in steps:
        pairs = zip(
            (*first.data, *first.carry, *first.numbers),
            (*step.data, *step.carry, *step.numbers),
            strict=True,
        )
        for mine, other in pairs:
            other.slot = mine.slot
        if step.index is not None:
            index.give(step.index)
        for old, new in step.in_place:
            new.slot = old.slot
        assembler.place_known(step.program)


def _loop(b: Builder, steps: Sequence[_Step]) -> None:
    """for k in range(begin, begin + count): the step at place k % per_epoch of its epoch."""
    words = [b.load("%control", k, INT64) for k in range(6)]
    begin, count, _, _, full_steps, per_epoch = words
    samples = b.load("%control", 6, INT64)
    batch = b.load("%control", 7, INT64)
    order = b.load_pointer("%control", 8)
    outputs = [b.load_pointer("%control", 9 + k) for k in range(2)]
    end = begin + count
    head, run, more, done = (b.fresh(x) for x in ("head", "run", "more", "done"))
    before = b.block
    b.jump(head)
    b.begin(head)
    phi = len(b.lines)
    k = Value(b, f"%{b.fresh('k')}", INT64)
    b.emit(f"br i1 {(k < end).name}, label %{run}, label %{done}")
    b.begin(run)
    epoch = b.binary("div", k, per_epoch)
    place = k - epoch * per_epoch
    if order is not None and steps[0].index is not None:
        row = (epoch - b.binary("div", begin, per_epoch)) * samples + place * batch
        pointer = b.address(order, row, INT64)
        for step in steps:
            assert step.index is not None
            _set(b, step.index.slot, pointer)
    for buffer, output in zip(steps[0].numbers, outputs, strict=True):
        pointer = b.address(output, k - begin, buffer.dtype)
        _set(b, buffer.slot, pointer)
    arguments = "(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)"
    if len(steps) == 1:
        ok = b.make(f"call i64 @step0{arguments}", INT64)
    else:
        first, second, joined = b.fresh("full"), b.fresh("last"), b.fresh("joined")
        b.emit(f"br i1 {(place < full_steps).name}, label %{first}, label %{second}")
        b.begin(first)
        a = b.make(f"call i64 @step0{arguments}", INT64)
        b.jump(joined)
        b.begin(second)
        c = b.make(f"call i64 @step1{arguments}", INT64)
        b.jump(joined)
        b.begin(joined)
        ok = b.make(f"phi i64 [{a.name}, %{first}], [{c.name}, %{second}]", INT64)
    b.emit(f"br i1 {(ok != 0).name}, label %{more}, label %{done}")
    b.begin(more)
    after = k + 1
    b.jump(head)
    source = f"[{begin.name}, %{before}], [{after.name}, %{more}]"
    b.lines[phi:phi] = [f"  {k.name} = phi i64 {source}"]
    b.begin(done)
    b.when(Value(b, "%tid", INT64) == 0, lambda: b.store(k, "%control", DONE))


def _set(b: Builder, slot: int, pointer: str) -> None:
    place = b.pointer(f"getelementptr inbounds ptr, ptr %table, i64 {slot}")
    b.emit(f"store ptr {pointer}, ptr {place}, align 8")


class Training:
    """Compiled steps, to be taken many in one call."""

    def __init__(self, compiled: Compiled, graphs: Sequence[Graph], layout: Layout) -> None:
        """`graphs`: what the steps were recorded as, of which the first is for full batches."""
        self.parallel = compiled.parallel
        self._loaded = Loaded(compiled, "train", ENTRY)
        self._inputs = compiled.inputs  # data, then carry
        self._numbers = [node.dtype for node in graphs[0].results[layout.carry :]]
        arrays = captured_by(graphs)
        self._captured = []  # kept alive
        for place, number in compiled.captured:
            array = np.ascontiguousarray(arrays[number])
            self._loaded.table[place] = array.ctypes.data
            self._captured.append(array)
        self._trials = Trials()
        self._lock = Lock()

    def run(
        self,
        data: Sequence[Any],
        carry: Sequence[Array],
        order: Array | None,
        begin: int,
        count: int,
        steps: tuple[int, int, int, int],
    ) -> tuple[int, Array, Array]:
        """Take `count` steps from step `begin` of the run on, changing `carry` in place.

        order  (epochs, samples): the rows of each epoch, from that of `begin` on
        steps  full steps and all steps of an epoch, samples, batch

        Returns how many steps were applied, and the loss and the norm of each, with those of the
        one that was not finite, where there is one.
        """
        losses, norms = (np.zeros(count + 1, dtype) for dtype in self._numbers)
        control = np.zeros(16, np.int64)
        control[4:8] = steps
        full, per_epoch, samples, _ = steps
        period = 1 if full == per_epoch else per_epoch

        def take(threads: int, first: int, end: int) -> int:
            control[BEGIN], control[COUNT] = first, end - first
            if order is not None:
                epochs = first // per_epoch - begin // per_epoch
                control[8] = order.ctypes.data + epochs * samples * order.itemsize
            for place, numbers in ((9, losses), (10, norms)):
                control[place] = numbers.ctypes.data + (first - begin) * numbers.itemsize
            self._loaded.call(threads, address(control))
            return int(control[DONE])

        with self._lock:
            for place, array in zip(self._inputs, [*data, *carry], strict=True):
                self._loaded.table[place] = address(array)
            threads = thread_count() if self.parallel else 1
            done = self._trials.run(threads, begin, begin + count, take, period) - begin
        return done, losses[: min(done + 1, count)], norms[: min(done + 1, count)]
