"""Programs to a module: the order of kernels, barriers, loops over time, the training run.

Every thread runs the same functions. Addresses that change (time steps, batches) stand in a table
of pointers that each thread has for itself; everything else is at a fixed place in the arena.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.native.access import ARENA, Buffer
from chainrule.engines.native.ir import Builder, Module
from chainrule.engines.native.jit import Compilation
from chainrule.engines.native.kernels import Kernel, Program, Repeat
from chainrule.engines.native.loops import SIGNATURE
from chainrule.engines.native.plan import (
    Phase,
    Plan,
    is_aligned,
    is_divided,
    make_plan,
)
from chainrule.engines.native.threads import resting
from chainrule.engines.native.values import INT64, Value
from chainrule.engines.native.writers import write_kernel

STEP_SIGNATURE = (*SIGNATURE, ("ptr", "sync"))
INT8 = np.dtype(np.int8)


@dataclass(eq=False)
class Slots:
    """The table of pointers: how many entries it has. Entry 0 is where trouble is noted."""

    count: int = 1

    def give(self, buffer: Buffer) -> None:
        buffer.slot = self.count
        self.count += 1


class Assembler:
    """Writes the functions of programs into a module.

    parallel   whether threads divide the work of the kernels
    compilers  threads that may compile what is written, the one that writes among them
    """

    def __init__(self, parallel: bool, compilers: int = 1) -> None:
        self.module = Module()
        self.compilation = Compilation(self.module, compilers)
        self.slots = Slots()
        self.parallel = parallel
        self._kernels = 0
        if parallel:
            _write_barrier(self.module)

    # --- places ---

    def place(self, program: Program) -> None:
        """Give the buffers that a program's caller provides their entries of the table."""
        for buffer in program.inputs:
            self.slots.give(buffer)
        self.place_known(program)
        for buffer in program.results:
            if buffer.slot == ARENA:
                self.slots.give(buffer)

    def place_known(self, program: Program) -> None:
        for buffer in (*program.constants, *(found for found, _ in program.captured)):
            if buffer.slot == ARENA:
                self.slots.give(buffer)

    def plan(self, program: Program, first: dict[Kernel, int] | None = None) -> Plan:
        """The plan of a program, its loops planned before."""
        for kernel in program.kernels:
            if isinstance(kernel, Repeat):
                inner = kernel.program
                for buffer in (*inner.inputs, *inner.results):
                    self.slots.give(buffer)
                kernel.plan = self.plan(inner)
        return make_plan(program.kernels, set(program.results), self.parallel, first)

    # --- code ---

    def step(self, name: str, plan: Plan, guard: "Guard | None" = None) -> None:
        """The function that runs a plan once; it returns 0 where the guard has stopped it."""
        b = Builder(self.module, name, STEP_SIGNATURE, "i64")
        stop = b.fresh("stop")
        for number, phase in enumerate(plan.phases):
            if number:
                self._barrier(b)
            if guard is not None and number == guard.phase:
                go = b.fresh("go")
                finite = guard.test(b)
                b.emit(f"br i1 {finite.name}, label %{go}, label %{stop}")
                b.begin(go)
            self._phase(b, phase, plan.slices)
        if plan.phases:
            self._barrier(b)
        b.emit("ret i64 1")
        if guard is not None:
            b.begin(stop)
            b.emit("ret i64 0")
        self.module.add(b.text())

    def _phase(self, b: Builder, phase: Phase, slices: int, arena: str = "%arena") -> None:
        for number, stage in enumerate(phase):
            if number and self.parallel:
                uneven = b.binary("rem", b.integer(slices), Value(b, "%threads", INT64)) != 0
                b.when(uneven, lambda: self._barrier(b))
            for kernel in stage:
                self._run(b, kernel, arena)

    def _barrier(self, b: Builder) -> None:
        if self.parallel:
            b.emit("call void @barrier(ptr %sync, i64 %threads)")

    def _run(self, b: Builder, kernel: Kernel, arena: str = "%arena") -> None:
        if isinstance(kernel, Repeat):
            self._repeat(b, kernel, arena)
            return
        name = f"k{self._kernels}"
        self._kernels += 1
        write_kernel(self.module, name, kernel, self.parallel)
        self.compilation.begin_part()
        call = f"call void @{name}(ptr %table, ptr {arena}, i64 %tid, i64 %threads)"
        if self.parallel and not is_divided(kernel):
            b.when(Value(b, "%tid", INT64) == 0, lambda: b.emit(call))
        else:
            b.emit(call)

    def _address(self, b: Builder, buffer: Buffer, arena: str) -> str:
        if buffer.slot != ARENA:
            return b.load_pointer("%table", buffer.slot)
        return b.pointer(f"getelementptr inbounds i8, ptr {arena}, i64 {buffer.offset}")

    def _set(self, b: Builder, slot: int, pointer: str) -> None:
        place = b.pointer(f"getelementptr inbounds ptr, ptr %table, i64 {slot}")
        b.emit(f"store ptr {pointer}, ptr {place}, align 8")

    def _repeat(self, b: Builder, repeat: Repeat, arena: str) -> None:
        if repeat.length == 0:
            self._copy_carries(b, repeat, arena, even=True)
            return
        for outer, inner in repeat.constants:
            self._set(b, inner.slot, self._address(b, outer, arena))
        self._copy_carries(b, repeat, arena, even=repeat.length % 2 == 0)
        self._barrier(b)
        results = repeat.program.results
        for (_, final, spare, inner), result in zip(repeat.carries, results, strict=False):
            pair = (final, spare) if repeat.length % 2 == 0 else (spare, final)
            self._set(b, inner.slot, self._address(b, pair[0], arena))
            self._set(b, result.slot, self._address(b, pair[1], arena))
        moving = [*repeat.series, *repeat.stacks]
        bases = [self._address(b, outer, arena) for outer, _ in moving]
        own = b.pointer(f"getelementptr inbounds i8, ptr {arena}, i64 {repeat.arena}")

        def body(i: int | Value) -> None:
            t = (repeat.length - 1) - b.integer(i) if repeat.reverse else b.integer(i)
            for base, (_, inner) in zip(bases, moving, strict=True):
                self._set(b, inner.slot, b.address(base, t * inner.bytes, INT8))
            for number, phase in enumerate(repeat.plan.phases):
                if number:
                    self._barrier(b)
                self._phase(b, phase, repeat.plan.slices, own)
            if not is_closed(repeat):
                self._barrier(b)
            for (_, _, _, inner), result in zip(repeat.carries, results, strict=False):
                old = b.load_pointer("%table", inner.slot)
                new = b.load_pointer("%table", result.slot)
                self._set(b, inner.slot, new)
                self._set(b, result.slot, old)

        if repeat.length == 1:
            body(0)
        else:
            b.loop(0, repeat.length, 1, body)

    def _copy_carries(self, b: Builder, repeat: Repeat, arena: str, even: bool) -> None:
        """The initial carries to where the first step reads them."""

        def copies() -> None:
            for source, final, spare, _ in repeat.carries:
                target = final if even else spare
                full = "llvm.memcpy.p0.p0.i64"
                self.module.declare(full, f"void @{full}(ptr, ptr, i64, i1)")
                pair = (
                    f"ptr {self._address(b, target, arena)}, ptr {self._address(b, source, arena)}"
                )
                b.emit(f"call void @{full}({pair}, i64 {source.bytes}, i1 false)")

        if self.parallel:
            b.when(Value(b, "%tid", INT64) == 0, copies)
        else:
            copies()

    def entry(self, name: str, calls: Callable[[Builder], None], extra: Sequence[Any] = ()) -> None:
        """A function for callers from outside: its own table, and denormals flushed."""
        b = Builder(self.module, name, (*STEP_SIGNATURE[1:], ("ptr", "args"), *extra), "void", "")
        count = self.slots.count
        b.pointer_named("%table", f"alloca [{count} x ptr], align 64")
        full = "llvm.memcpy.p0.p0.i64"
        self.module.declare(full, f"void @{full}(ptr, ptr, i64, i1)")
        b.emit(f"call void @{full}(ptr %table, ptr %args, i64 {8 * count}, i1 false)")
        restore = _flush_denormals(b)
        calls(b)
        restore()
        self.module.add(b.text())


def is_closed(repeat: Repeat) -> bool:
    """Whether a thread needs nothing of the others from one step to the next."""
    if [len(phase) for phase in repeat.plan.phases] != [1]:
        return False
    kernels = repeat.program.kernels
    if any(isinstance(kernel, Repeat) for kernel in kernels):
        return False
    for (*_, inner), result in zip(repeat.carries, repeat.program.results, strict=False):
        for writer in kernels:
            for written in writer.writes:
                if written.buffer is not result:
                    continue
                for reader in kernels:
                    views = [view for view in reader.reads if view.buffer is inner]
                    if any(not is_aligned(writer, written, reader, view) for view in views):
                        return False
                    if inner in reader.everywhere:
                        return False
    return True


@dataclass
class Guard:
    """What must be finite before anything is changed, and before which phase that is asked."""

    values: list[Buffer]
    phase: int

    def test(self, b: Builder) -> Value:
        fine = b.constant(True, bool)
        for buffer in self.values:
            base = b.load_pointer("%table", buffer.slot)
            value = b.load(base, 0, buffer.dtype)
            fine = fine & ((value - value) == 0)
        return fine


# --- threads -------------------------------------------------------------------------------------


def _write_barrier(module: Module) -> None:
    """All threads meet. The words of `sync`: how many have come, and the number of the meeting."""
    module.add(resting())
    module.add("""define internal void @barrier(ptr %sync, i64 %threads) nounwind noinline {
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %meet
meet:
  %number = getelementptr inbounds i8, ptr %sync, i64 64
  %old = load atomic i64, ptr %number acquire, align 8
  %before = atomicrmw add ptr %sync, i64 1 acq_rel
  %arrived = add i64 %before, 1
  %last = icmp eq i64 %arrived, %threads
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %sync monotonic, align 8
  %next = add i64 %old, 1
  store atomic i64 %next, ptr %number release, align 8
  br label %done
wait:
  %round = phi i64 [0, %meet], [%more, %spin]
  %now = load atomic i64, ptr %number acquire, align 8
  %still = icmp eq i64 %now, %old
  %more = add i64 %round, 1
  br i1 %still, label %spin, label %done
spin:
  call void @rest(i64 %round)
  br label %wait
done:
  ret void
}
""")


def _flush_denormals(b: Builder) -> Callable[[], None]:
    """Results below the smallest normal count as 0 from here on; returns what undoes it."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        b.module.declare("llvm.x86.sse.stmxcsr", "void @llvm.x86.sse.stmxcsr(ptr)")
        b.module.declare("llvm.x86.sse.ldmxcsr", "void @llvm.x86.sse.ldmxcsr(ptr)")
        old, new = b.pointer("alloca i32, align 4"), b.pointer("alloca i32, align 4")
        b.emit(f"call void @llvm.x86.sse.stmxcsr(ptr {old})")
        value = b.pointer(f"load i32, ptr {old}, align 4")
        flushed = b.pointer(f"or i32 {value}, {0x8040}")
        b.emit(f"store i32 {flushed}, ptr {new}, align 4")
        b.emit(f"call void @llvm.x86.sse.ldmxcsr(ptr {new})")
        return lambda: b.emit(f"call void @llvm.x86.sse.ldmxcsr(ptr {old})")
    if machine in ("aarch64", "arm64"):
        value = b.pointer('call i64 asm sideeffect "mrs $0, fpcr", "=r"()')
        flushed = b.pointer(f"or i64 {value}, {1 << 24}")
        b.emit(f'call void asm sideeffect "msr fpcr, $0", "r"(i64 {flushed})')
        return lambda: b.emit(f'call void asm sideeffect "msr fpcr, $0", "r"(i64 {value})')
    return lambda: None
