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
from chainrule.graph import Graph

SMALL = 4096  # bytes


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
        self._inputs = [(node.shape, node.dtype) for node in graph.inputs]
        self._inputs_at, self._results_at = compiled.inputs, compiled.results
        arrays = captured_by([graph])
        self._captured = [(place, arrays[number]) for place, number in compiled.captured]
        self._lock = Lock()

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
            for a, (_, dtype) in zip(arrays, self._inputs, strict=True)
        ]
        kept += [np.ascontiguousarray(array) for _, array in self._captured]
        slots = [*self._inputs_at, *(slot for slot, _ in self._captured)]
        for slot, array in zip(slots, kept, strict=True):
            table[slot] = array.ctypes.data
        table[0] = status.ctypes.data
        memory = (aligned(self._loaded.arena.nbytes), aligned(2 * ALIGNMENT))
        arena, sync = (part.ctypes.data for part in memory)
        given, result = self._inputs_at[place], self._results_at[0]
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

        (size, kind) = self._inputs[place]
        if prod(size) * kind.itemsize > SMALL or prod(shape) * dtype.itemsize > SMALL:
            return call
        # A copy takes less time than asking NumPy for an address.
        source, target = np.zeros(size, kind), np.zeros(shape, dtype)
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
        for slot, array, (shape, dtype) in zip(self._inputs_at, arrays, self._inputs, strict=True):
            found = np.ascontiguousarray(array, dtype)
            if found.shape != shape:
                found = found.reshape(shape)
            kept.append(found)
            table[slot] = address(found)
        for slot, array in self._captured:
            found = np.ascontiguousarray(array)
            kept.append(found)
            table[slot] = address(found)
        # A result's buffer may hold its numbers under another shape.
        results = [np.empty(node.shape, node.dtype) for node in self.graph.results]
        for slot, result in zip(self._results_at, results, strict=True):
            table[slot] = address(result)
        self._loaded.call(thread_count() if self.parallel else 1)
        return results
