"""The definition: a plain interpreter of graphs in NumPy.

Every other engine is held against this one. A graph becomes a list of steps, in order; a value is
let go after its last use, and an elementwise op writes into the memory of an input that is not
needed any more. BLAS runs on one thread, so that sums are made in one order on every machine.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import prod
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from chainrule.graph import CAPTURED, CONSTANT, INPUT, Graph, Leaf, Node, constant_value
from chainrule.ops.elementwise import where
from chainrule.ops.indexing import Scatter
from chainrule.ops.layout import Concatenate, Layout, OverlapAdd, Pad
from chainrule.ops.loop import Loop, Result
from chainrule.ops.map import Map
from chainrule.ops.products import Contract, contraction_plan, parts

Array = np.ndarray[Any, Any]
SERIAL_WORK = 4096  # multiplications of a product that any BLAS does on one thread
_FILE = "<graph>"  # the file name that tracebacks show for assembled functions

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def compile_graph(graph: Graph) -> "Program":
    """The graph as a callable: a list of input arrays to a list of result arrays."""
    return Program(graph)


def compile_training(
    recorded: Sequence[Graph], simple: Callable[[], Sequence[Graph]], layout: tuple[int, int, bool]
) -> None:
    """Nothing: this engine takes one step at a time."""


def workers() -> int:
    """How many threads may call it at a time to advantage: NumPy's functions take turns."""
    return 1


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
    """A graph, planned once and run many times.

    The plan is written down as one Python function, a line for each node, whose names hold the
    values: Python then spends on a node no more than the call of its NumPy function.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._nodes = [n for n in _schedule(graph.results) if not isinstance(n.op, Leaf)]
        self._names = _names(graph, self._nodes)
        self._threadable = any(_may_thread(node) for node in self._nodes)
        self._run = self._assemble()

    def __call__(self, arrays: Sequence[Any]) -> list[Array]:
        """One run. `arrays` has one entry for each input of the graph."""
        if _quiet.get():
            return self.run(arrays)
        with exclusive() if self._threadable else np.errstate(all="ignore"):
            return self.run(arrays)

    def bind(self, arrays: Sequence[Any], place: int) -> Callable[..., Any]:
        """The only result as a function of one input, with the others filled in."""
        kept = list(arrays)

        def call(x: Any, out: Any = None) -> Any:
            (result,) = self([*kept[:place], x, *kept[place + 1 :]])
            if out is not None:
                out[...] = result
            return result

        return call

    def run(self, arrays: Sequence[Any]) -> list[Array]:
        """One run by whoever is `exclusive` already."""
        try:
            return [np.asarray(value) for value in self._run(*arrays)]
        except Exception as error:
            node = self._failed(error)
            if node is not None:
                error.add_note(f"in {node.op.describe(node.params)}, {node.source}")
            raise

    def _assemble(self) -> Callable[..., tuple[Any, ...]]:
        """The Python function: `v3 = f3(v1, v2)` for each node, then what is not needed goes."""
        graph, names = self.graph, self._names
        space: dict[str, Any] = {}
        for node in graph.nodes:
            if node.op is CONSTANT:
                space[names[node]] = node.params["value"]
            elif node.op is CAPTURED:
                space[names[node]] = node.params["array"]
        lines = [f"def run({', '.join(names[node] for node in graph.inputs)}):"]
        owner = _owners(self._nodes)
        dying = _last_uses(self._nodes, owner, kept={owner.get(n, n) for n in graph.results})
        used = _results_used(self._nodes)
        for place, node in enumerate(self._nodes):
            gone = dying[place]
            free = [
                index
                for index, child in enumerate(node.inputs)
                if child in gone
                and owner[child] is child
                and (child.shape, child.dtype) == (node.shape, node.dtype)
            ]
            space[f"f{place}"] = _step(node, free, used)
            inputs = ", ".join(names[child] for child in node.inputs)
            released = [names[child] for child in gone]
            cleanup = f"; {' = '.join(released)} = None" if released else ""
            lines.append(f"    {names[node]} = f{place}({inputs}){cleanup}")
        lines.append(f"    return ({''.join(names[node] + ', ' for node in graph.results)})")
        exec(compile("\n".join(lines), _FILE, "exec"), space)
        run: Callable[..., Any] = space["run"]
        return run

    def _failed(self, error: BaseException) -> Node | None:
        """The node whose line of the assembled function was running."""
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_code is self._run.__code__:
                place = step.tb_lineno - 2  # lines count from 1, and the first is the signature
                return self._nodes[place] if place < len(self._nodes) else None
            step = step.tb_next
        return None

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


def _may_thread(node: Node) -> bool:
    """Whether a BLAS could spread the node over threads; no BLAS does so for small products."""
    if isinstance(node.op, Loop):
        return any(_may_thread(inner) for inner in node.params["body"].nodes)
    if not isinstance(node.op, Contract):
        return False
    lengths = {
        letter: length
        for letters, child in zip(parts(node.params["spec"]), node.inputs, strict=False)
        for letter, length in zip(letters, child.shape, strict=True)
    }
    return prod(lengths.values()) > SERIAL_WORK


def _schedule(results: Sequence[Node]) -> list[Node]:
    """Every node just before whoever needs it first, so that values are met while still cached."""
    done: dict[Node, None] = {}
    stack = [(node, False) for node in reversed(results)]
    while stack:
        node, ready = stack.pop()
        if ready:
            done[node] = None
        elif node not in done:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.inputs) if child not in done)
    return list(done)


def _names(graph: Graph, nodes: Sequence[Node]) -> dict[Node, str]:
    """What each value is called in the assembled function: inputs, leaves, results of nodes."""
    names = {node: f"x{place}" for place, node in enumerate(graph.inputs)}
    for place, node in enumerate(n for n in graph.nodes if n not in names):
        names[node] = f"c{place}" if isinstance(node.op, Leaf) else f"v{place}"
    return names


def _owners(nodes: Sequence[Node]) -> dict[Node, Node]:
    """For each node's value, the node whose memory it lies in. Leaves own themselves."""
    owner: dict[Node, Node] = {}
    for node in nodes:
        for child in node.inputs:
            owner.setdefault(child, child)
        owner[node] = owner[node.inputs[0]] if _is_view(node) else node
    return owner


def _last_uses(
    nodes: Sequence[Node], owner: dict[Node, Node], kept: set[Node]
) -> dict[int, list[Node]]:
    """After which step which values are not needed any more; never leaves, never results."""
    last: dict[Node, int] = {}
    sharing: dict[Node, list[Node]] = {}
    for place, node in enumerate(nodes):
        sharing.setdefault(owner[node], []).append(node)
        last[owner[node]] = place  # a value that nobody reads goes at once
        for child in node.inputs:
            last[owner[child]] = place
    dying: dict[int, list[Node]] = {place: [] for place in range(len(nodes))}
    for own, place in last.items():
        if own not in kept and not isinstance(own.op, Leaf):
            dying[place] += sharing[own]
    return dying


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
    if op is where and constant_value(node.inputs[2]) == 0 and node.dtype in _WORDS:
        return _gate(node)
    if isinstance(op, Contract):
        return contraction_plan(params["spec"])
    if not params:
        return op.evaluate
    return lambda *arrays: op.evaluate(*arrays, **params)


def _elementwise(ufunc: Any, free: Sequence[int]) -> Callable[..., Any]:
    if not free:
        plain: Callable[..., Any] = ufunc
        return plain
    place = free[0]

    def run(*arrays: Any) -> Any:
        target = arrays[place]
        return ufunc(*arrays, out=target) if type(target) is np.ndarray else ufunc(*arrays)

    return run


# Whole numbers of the same size; a long double has none.
_WORDS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}


def _gate(node: Node) -> Callable[..., Any]:
    """`where(mask, x, 0)` by its bits: np.where mispredicts a random mask, ten times slower."""
    word = _WORDS[node.dtype]

    def run(mask: Any, x: Any, zero: Any) -> Any:
        if x.ndim == 0:
            return np.where(mask, x, zero)
        ones = np.negative(mask.view(np.int8), dtype=np.int8).astype(word)  # all bits, or none
        return np.bitwise_and(ones, x.view(word)).view(node.dtype)

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
            results = body.run([*constants, *carry, *[array[step] for array in series]])
            carry = results[:n_carry]
            for k in wanted:
                stacks[k][step] = results[k]
        return [*carry, *stacks[n_carry:]]

    return run
