"""Recorded arithmetic, whoever recorded it: steps with their values, which can be run again.

The checker reads nothing else of a backward pass. A traced graph becomes a `Program` here; a
recorder that sees operations one by one makes the same steps.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

import numpy as np

from chainrule.graph import CAPTURED, CONSTANT, INPUT, Graph, Leaf, Node

Array = np.ndarray[Any, Any]
ROUNDS = 2  # at each end of a loop, that are looked at one by one
# What NumPy and an edit raise where shapes or kinds do not fit.
FAILURES = (ValueError, TypeError, IndexError, AssertionError, AttributeError, KeyError)
Override = Callable[[Sequence[Array]], Array]  # new values of the inputs -> the edited result


@dataclass(frozen=True)
class Frame:
    """Where one of the user's calls stands: the instruction tells places in one line apart."""

    file: str
    line: int
    instruction: int
    function: str

    @property
    def place(self) -> tuple[str, int]:
        return self.file, self.instruction


@dataclass(frozen=True, eq=False)
class Step:
    """One operation that happened: `value = call(*values of inputs)`.

    op      its name: "multiply", "contract", "sum"; "input" and "constant" have no inputs
    line    where the user wrote it, 0 where nobody did; `function` is the function around it
    params  settings of the op: axes, the specification of a product
    frames  the user's calls at that time, the innermost last
    role    of a true backward step its term of the chain rule, "product", "sum", "local"
    """

    op: str
    call: Callable[..., Array]
    inputs: tuple[int, ...]
    value: Array
    line: int = 0
    file: str = ""
    function: str = ""
    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    role: str = ""


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in order, and which of them are the results, by name."""

    steps: tuple[Step, ...]
    outputs: Mapping[str, int]

    @cached_property
    def consumers(self) -> list[list[int]]:
        """For each step, those that read its value."""
        found: list[list[int]] = [[] for _ in self.steps]
        for index, step in enumerate(self.steps):
            for child in dict.fromkeys(step.inputs):
                found[child].append(index)
        return found

    @cached_property
    def reach(self) -> list[frozenset[str]]:
        """For each step, the outputs that depend on it."""
        found: list[set[str]] = [set() for _ in self.steps]
        for name, index in self.outputs.items():
            found[index].add(name)
        for index in range(len(self.steps) - 1, -1, -1):
            for child in self.steps[index].inputs:
                found[child] |= found[index]
        return [frozenset(names) for names in found]

    @cached_property
    def inner_rounds(self) -> frozenset[int]:
        """Steps of loops that are in none of the first rounds, and in none of the last."""
        groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for index, step in enumerate(self.steps):
            if step.frames and step.op != "return" and self.reach[index]:
                places = (frame.place for frame in step.frames)
                groups[step.op, step.role, *places].append(index)
        return frozenset(i for group in groups.values() for i in group[ROUNDS:-ROUNDS])

    def values(self) -> dict[str, Array]:
        """The outputs as they were recorded."""
        return {name: self.steps[index].value for name, index in self.outputs.items()}

    def edited(self, overrides: Mapping[int, Override]) -> "Program":
        """The program with some steps computed otherwise, and what follows from them.

        Raises whatever NumPy raises where shapes no longer fit.
        """
        steps = list(self.steps)
        changed: set[int] = set()
        queue = sorted(overrides)
        while queue:
            index = heappop(queue)
            if index in changed:
                continue
            for consumer in self.consumers[index]:
                heappush(queue, consumer)
            step = steps[index]
            override = overrides.get(index)
            values = [steps[child].value for child in step.inputs]
            call = step.call if override is None else _on_arguments(override)
            value = np.asarray(call(*values))
            changed.add(index)
            steps[index] = replace(step, call=call, value=value)
        after = Program(tuple(steps), self.outputs)
        # The same steps read the same ones.
        shared = {"consumers": self.consumers, "reach": self.reach}
        after.__dict__.update(shared, inner_rounds=self.inner_rounds)
        return after


def _on_arguments(override: Override) -> Callable[..., Array]:
    return lambda *values: override(values)


def from_graph(graph: Graph, names: Sequence[str], arrays: Sequence[Array]) -> Program:
    """The steps of a traced function on these inputs; `names` are those of its outputs."""
    places: dict[Node, int] = {}
    steps: list[Step] = []
    given = dict(zip(graph.inputs, arrays, strict=True))
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            inputs = tuple(places[child] for child in node.inputs)
            places[node] = len(steps)
            steps.append(_step(node, inputs, [steps[i].value for i in inputs], given))
    return returned(steps, {n: places[node] for n, node in zip(names, graph.outputs, strict=True)})


def computing(graph: Graph, nodes: Sequence[Node], arrays: Sequence[Array]) -> Program:
    """The steps to these nodes of a graph, which are its results in their order."""
    names = [str(number) for number in range(len(nodes))]
    return from_graph(Graph(graph.name, graph.inputs, tuple(nodes)), names, arrays)


def values_of(graph: Graph, nodes: Sequence[Node], arrays: Sequence[Array]) -> dict[Node, Array]:
    """What nodes of a graph are on these inputs."""
    return dict(zip(nodes, computing(graph, nodes, arrays).values().values(), strict=True))


def returned(steps: Sequence[Step], results: Mapping[str, int]) -> Program:
    """A program with these results, each a step of its own.

    So an edit can reach a result and nothing else that reads the same value.
    """
    steps, outputs = list(steps), {}
    for name, index in results.items():
        outputs[name] = len(steps)
        last = steps[index]
        steps.append(replace(last, op="return", call=_same, inputs=(index,), name=name, params={}))
    return Program(tuple(steps), outputs)


def _same(value: Array) -> Array:
    return value


def _step(
    node: Node, inputs: tuple[int, ...], values: Sequence[Array], given: Mapping[Node, Array]
) -> Step:
    name, params = str(node.params.get("name", "")), node.params
    call: Callable[..., Any]
    if isinstance(node.op, Leaf):
        result: Any = _leaf_value(node, given)
        call = always(result)
    else:
        call = _evaluation(node)
        result = call(*values)
        # The results of a loop stay a tuple.
        result = result if isinstance(result, tuple | list) else np.asarray(result)
    place = node.role.of if node.role is not None else node
    role = f"{node.role.term} {node.role.wrt}" if node.role is not None else ""
    source = place.source
    frames: tuple[Frame, ...] = ()
    if source is not None:
        frames = (Frame(source.file, source.line, source.instruction, source.function),)
    line, file, function = (source.line, source.file, source.function) if source else (0, "", "")
    return Step(
        node.op.name, call, inputs, result, line, file, function, name, params, frames, role
    )


def always(value: Array) -> Callable[..., Array]:
    """Of a step that computes nothing, or of one in whose place a value is put."""
    return lambda *inputs: value


def _evaluation(node: Node) -> Callable[..., Any]:
    return lambda *arrays: node.op.evaluate(*arrays, **node.params)


def _leaf_value(node: Node, given: Mapping[Node, Array]) -> Array:
    if node.op is INPUT:
        return np.asarray(given[node])
    if node.op is CAPTURED:
        return np.asarray(node.params["array"])
    assert node.op is CONSTANT
    return np.asarray(node.params["value"])
