"""A compiled graph as a callable on arrays."""

from collections.abc import Callable, Sequence
from math import prod
from threading import Lock
from typing import Any

import numpy as np

from chainrule.engines.native.assemble import Assembler
from chainrule.engines.native.compiled import Compiled, Loaded, captured_by, complain
from chainrule.engines.native.effort import WAKING, divided
from chainrule.engines.native.fuse import fuse
from chainrule.engines.native.kernels import Program as Kernels
from chainrule.engines.native.key import key
from chainrule.engines.native.memory import ALIGNMENT, Array, address, aligned
from chainrule.engines.native.plan import Plan
from chainrule.engines.native.rewrites import rewritten
from chainrule.engines.native.threads import ENTRY, thread_count
from chainrule.graph import Graph, Shape

SMALL = 4096  # bytes
Kind = tuple[Shape, np.dtype[Any]]


def _assembled(graph: Graph, compilers: int = 1) -> tuple[Kernels, Assembler, Plan]:
    simple = rewritten(graph)
    make = lambda parallel: fuse(simple, parallel)
    program, parallel = divided(graph, make, lambda program: program.kernels, WAKING)
    assembler = Assembler(parallel, compilers)
    assembler.place(program)
    plan = assembler.plan(program)
    assembler.step("step", plan)
    step = "call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)"
    assembler.entry("run", lambda b: b.emit(f"%ok = {step}"))
    return program, assembler, plan


def listing(graph: Graph) -> str:
    """The code of a graph in LLVM's language, each kernel below a line that says what it does."""
    _, assembler, _ = _assembled(graph)
    return assembler.module.text()


def _compiled(graph: Graph) -> Compiled:
    program, assembler, plan = _assembled(graph, thread_count())
    ends = (program.inputs, program.results)
    return Compiled.of(assembler, [program], [graph], *ends, plan.arena)


class Program:
    """A graph, compiled once and run many times."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        compiled = Compiled.cached(key("run", [graph]), lambda: _compiled(graph))
        self.parallel = compiled.parallel
        self._loaded = Loaded(compiled, "run", ENTRY)
        # What a call reads: the inputs, then the arrays from outside.
        arrays = captured_by([graph])
        self._captured = [arrays[number] for _, number in compiled.captured]
        self._read_at = [*compiled.inputs, *(slot for slot, _ in compiled.captured)]
        self._read = [(part.shape, part.dtype) for part in (*graph.inputs, *self._captured)]
        self._results_at = compiled.results
        results = [(node.shape, node.dtype) for node in graph.results]
        self._small_read = self._small(self._read_at, self._read)
        self._small_results = self._small(self._results_at, results)
        self._lock = Lock()

    def _small(self, slots: Sequence[int], kinds: Sequence[Kind]) -> list[Array | None]:
        """Memory for those arrays that are small: a copy takes less time than asking NumPy for an
        address at each call.
        """
        found: list[Array | None] = []
        for slot, (shape, dtype) in zip(slots, kinds, strict=True):
            own = np.zeros(shape, dtype) if _is_small(shape, dtype) else None
            if own is not None:
                self._loaded.table[slot] = address(own)
            found.append(own)
        return found

    def __call__(self, arrays: Sequence[Any]) -> list[Array]:
        """One run. `arrays` has one entry for each input of the graph."""
        with self._lock:
            return self._called(arrays)

    run = __call__

    def bind(self, arrays: Sequence[Any], place: int) -> Callable[..., Any]:
        """The only result as a function of one input, with the others filled in.

        What is returned takes a contiguous array of that input's shape and dtype, and perhaps
        another for the result. It has memory of its own and runs on the calling thread.
        """
        table, status = self._loaded.table.copy(), np.zeros(1, np.int64)
        kept = [
            np.ascontiguousarray(a, dtype)
            for a, (_, dtype) in zip([*arrays, *self._captured], self._read, strict=True)
        ]
        for slot, array in zip(self._read_at, kept, strict=True):
            table[slot] = array.ctypes.data
        table[0] = status.ctypes.data
        memory = (aligned(self._loaded.arena.nbytes), aligned(2 * ALIGNMENT))
        arena, sync = (part.ctypes.data for part in memory)
        given, result = self._read_at[place], self._results_at[0]
        (node,) = self.graph.results
        lock, shape, dtype = Lock(), node.shape, node.dtype
        run = self._loaded.function(ENTRY[:-1])  # it has no use for the last
        pointers, alive = table.ctypes.data, (kept, memory, self._loaded)

        def call(x: Array, out: Array | None = None, _kept: Any = alive) -> Array:
            found = np.empty(shape, dtype) if out is None else out
            with lock:
                table[given], table[result] = address(x), address(found)
                run(arena, 0, 1, sync, pointers)
                if status[0]:
                    complain(status)
            return found

        size, form = self._read[place]
        if not (_is_small(size, form) and _is_small(shape, dtype)):
            return call
        source, target = np.zeros(size, form), np.zeros(shape, dtype)
        table[given], table[result] = source.ctypes.data, target.ctypes.data

        def small(x: Array, out: Array | None = None, _kept: Any = alive) -> Array:
            with lock:
                source[...] = x
                run(arena, 0, 1, sync, pointers)
                if status[0]:
                    complain(status)
                if out is None:
                    return target.copy()
                out[...] = target
            return out

        return small

    def _called(self, arrays: Sequence[Any]) -> list[Array]:
        table = self._loaded.table
        kept = []
        given = [*arrays, *self._captured]
        places = zip(self._read_at, given, self._read, self._small_read, strict=True)
        for slot, array, (shape, dtype), own in places:
            # What is small is copied and takes its dtype then.
            found = np.asarray(array) if own is not None else np.asarray(array, dtype, order="C")
            if found.shape != shape:
                found = found.reshape(shape)
            if own is not None:
                own[...] = found
                continue
            kept.append(found)
            table[slot] = address(found)
        # A result's buffer may hold its numbers under another shape.
        results = []
        wanted = zip(self._results_at, self.graph.results, self._small_results, strict=True)
        for slot, node, own in wanted:
            if own is None:
                own = np.empty(node.shape, node.dtype)
                table[slot] = address(own)
            results.append(own)
        self._loaded.call(thread_count() if self.parallel else 1)
        small = self._small_results
        return [
            found if own is None else own.copy() for found, own in zip(results, small, strict=True)
        ]


def _is_small(shape: Shape, dtype: np.dtype[Any]) -> bool:
    return prod(shape) * dtype.itemsize <= SMALL
