"""The definition: a plain interpreter of graphs in NumPy.

Every other engine is held against this one. A graph becomes a list of steps, in order; a value is
let go after its last use, and an elementwise op writes into the memory of an input that is not
needed any more. BLAS runs on one thread, so that sums are made in one order on every machine.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from chainrule.graph import CAPTURED, CONSTANT, INPUT, Graph, Leaf, Node
from chainrule.ops.indexing import Scatter
from chainrule.ops.layout import Concatenate, Layout, OverlapAdd, Pad
from chainrule.ops.loop import Loop, Result
from chainrule.ops.map import Map

Array = np.ndarray[Any, Any]
name = "numpy"

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def compile_graph(graph: Graph) -> "Program":
    """The graph as a callable: a list of input arrays to a list of result arrays."""
    return Program(graph)


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def exclusive() -> Iterator[None]:
    """One BLAS thread and no floating-point warnings inside; entering twice costs nothing."""
    if _quiet.get():
        yield
        return
    token = _quiet.set(True)
    try:
        with _controller().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
            yield
    finally:
        _quiet.reset(token)


class Program:
    """A graph, planned once and run many times."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._results = graph.results
        nodes = [*dict.fromkeys([*graph.inputs, *graph.nodes])]
        self._slot = {node: place for place, node in enumerate(nodes)}
        self._inputs = [self._slot[node] for node in graph.inputs]
        self._fixed = [
            (self._slot[node], node.params["value"]) for node in nodes if node.op is CONSTANT
        ]
        self._captured = [
            (self._slot[node], node.params["array"]) for node in nodes if node.op is CAPTURED
        ]
        self._outputs = [self._slot[node] for node in self._results]
        self._steps = list(self._plan([n for n in nodes if not isinstance(n.op, Leaf)]))

    # --- planning ---

    def _plan(self, nodes: Sequence[Node]) -> "Iterator[tuple[Any, ...]]":
        owner = self._owners(nodes)
        last = self._last_uses(nodes, owner)
        results_used = _results_used(nodes)
        kept = {owner[node] for node in self._results}
        for place, node in enumerate(nodes):
            inputs = [self._slot[child] for child in node.inputs]
            dying = [
                child
                for child in dict.fromkeys(node.inputs)
                if last[owner[child]] == place and owner[child] not in kept
            ]
            free = [
                index
                for index, child in enumerate(node.inputs)
                if child in dying
                and owner[child] is child
                and not isinstance(child.op, Leaf)
                and (child.shape, child.dtype) == (node.shape, node.dtype)
            ]
            run = _step(node, free, results_used)
            released = [self._slot[child] for child in dying if not isinstance(child.op, Leaf)]
            yield run, self._slot[node], inputs, released, node

    def _owners(self, nodes: Sequence[Node]) -> dict[Node, Node]:
        """The node whose memory each node's result lies in."""
        owner = {node: node for node in self._slot}
        for node in nodes:
            if _is_view(node):
                owner[node] = owner[node.inputs[0]]
        return owner

    def _last_uses(self, nodes: Sequence[Node], owner: dict[Node, Node]) -> dict[Node, int]:
        last: dict[Node, int] = dict.fromkeys(self._slot, -1)
        for place, node in enumerate(nodes):
            for child in node.inputs:
                last[owner[child]] = place
        return last

    # --- running ---

    def __call__(self, arrays: Sequence[Any]) -> list[Array]:
        """One run. `arrays` has one entry for each input of the graph."""
        with nullcontext() if _quiet.get() else exclusive():
            return self._run(arrays)

    def _run(self, arrays: Sequence[Any]) -> list[Array]:
        values: list[Any] = [None] * len(self._slot)
        for slot, array in zip(self._inputs, arrays, strict=True):
            values[slot] = array
        for slot, array in self._fixed:
            values[slot] = array
        for slot, array in self._captured:
            values[slot] = array
        for run, out, inputs, released, node in self._steps:
            try:
                values[out] = run(*[values[slot] for slot in inputs])
            except Exception as error:
                error.add_note(f"in {node.op.describe(node.params)}, {node.source}")
                raise
            for slot in released:
                values[slot] = None
        return [np.asarray(values[slot]) for slot in self._outputs]

    def trace_values(self, arrays: Sequence[Any]) -> dict[Node, Array]:
        """Every node's value, for whoever wants to see them all."""
        values: dict[Node, Any] = dict(zip(self.graph.inputs, arrays, strict=True))
        with exclusive():
            for node in self.graph.nodes:
                if node.op is CONSTANT:
                    values[node] = node.params["value"]
                elif node.op is CAPTURED:
                    values[node] = node.params["array"]
                elif node.op is not INPUT:
                    inputs = [values[child] for child in node.inputs]
                    values[node] = _step(node, [], {})(*inputs)
        return values


def _is_view(node: Node) -> bool:
    """Whether the result may share memory with the first input."""
    if isinstance(node.op, Result):
        return True
    copies = Pad | Concatenate | OverlapAdd
    return isinstance(node.op, Layout) and not isinstance(node.op, copies)


def _results_used(nodes: Sequence[Node]) -> dict[Node, set[int]]:
    """Which results of each loop anybody reads."""
    used: dict[Node, set[int]] = {}
    for node in nodes:
        if isinstance(node.op, Result):
            used.setdefault(node.inputs[0], set()).add(node.params["index"])
    return used


def _step(node: Node, free: Sequence[int], used: dict[Node, set[int]]) -> Callable[..., Any]:
    """How one node is run; `free` are the inputs whose memory it may overwrite."""
    op, params = node.op, dict(node.params)
    if isinstance(op, Loop):
        return _loop(node, used.get(node))
    if isinstance(op, Scatter) and 0 in free:
        return op.overwrite
    if isinstance(op, Map) and op.ufunc is not None and not params:
        return _elementwise(op.ufunc, free)
    if not params:
        return op.evaluate
    return lambda *arrays: op.evaluate(*arrays, **params)


def _elementwise(ufunc: Any, free: Sequence[int]) -> Callable[..., Any]:
    if not free:
        return ufunc  # type: ignore[no-any-return]  # ufuncs are Any to the type checker
    place = free[0]

    def run(*arrays: Any) -> Any:
        target = arrays[place]
        return ufunc(*arrays, out=target) if type(target) is np.ndarray else ufunc(*arrays)

    return run


def _loop(node: Node, used: set[int] | None) -> Callable[..., Any]:
    """A loop in Python: the body run once a step, the results that somebody reads stacked."""
    params = node.params
    body = Program(params["body"])
    n_const, n_carry, length = params["constants"], params["carries"], params["length"]
    split = n_const + n_carry
    outputs = params["body"].outputs
    wanted = [k for k in range(n_carry, len(outputs)) if used is None or k in used]
    order = range(length)[::-1] if params["reverse"] else range(length)

    def run(*arrays: Any) -> list[Any]:
        constants, carry, series = arrays[:n_const], list(arrays[n_const:split]), arrays[split:]
        stacks: list[Any] = [None] * len(outputs)
        for k in wanted:
            stacks[k] = np.empty((length, *outputs[k].shape), outputs[k].dtype)
        for step in order:
            results = body._run([*constants, *carry, *[array[step] for array in series]])
            carry = results[:n_carry]
            for k in wanted:
                stacks[k][step] = results[k]
        return [*carry, *stacks[n_carry:]]

    return run
