"""What passes through each layer of a network on some samples: values forward, gradients backward.

Everything is read from the graph of the training objective. A layer's nodes carry its name
(`Source.scope`); the one that other nodes read is its output, and the gradient of the loss with
respect to it is one more result of the same graph. So the numbers are those of training, whatever
the layers are, and a new kind of layer is measured without a line here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule import random
from chainrule.differentiate import gradients
from chainrule.engines.numpy import Program
from chainrule.graph import Graph, Node, dependents, ordered
from chainrule.layers import Layer
from chainrule.stabilise import stabilise
from chainrule.tracing import trace_call
from chainrule.training import Task
from chainrule.trees import flatten, map_tree

Array = np.ndarray[Any, Any]
Arrays = dict[str, Any]
SAMPLES = 1024  # of larger data so many rows tell the same
_CHOICE = 2**32 - 3  # folded into the key, for what neither layers nor training draw


@dataclass(frozen=True)
class Passage:
    """What one layer was given, what it made of it, and what came back.

    name     where it stands, `1.Sigmoid`
    before   its input; None where it has none that depends on the samples
    output   samples first
    adjoint  ∂loss/∂output, in the same shape
    """

    name: str
    layer: Layer
    before: Array | None
    output: Array
    adjoint: Array

    @property
    def path(self) -> str:
        """The name that its parameters carry: `1` of `1.Sigmoid`."""
        return self.name.rpartition(".")[0]

    @property
    def units(self) -> Array:
        """The outputs as a table: a row for each sample (and position), a column for each unit."""
        return self.output.reshape(-1, self.output.shape[-1])


@dataclass(frozen=True)
class Measurement:
    """The numbers of one forward and one backward pass over all samples, in float64."""

    loss: float
    params: Arrays
    gradients: Arrays
    passages: tuple[Passage, ...]

    @cached_property
    def gradient_norm(self) -> float:
        return norm(self.gradients)


class Probe:
    """The objective of a network with its gradients, recorded once for samples of one shape."""

    def __init__(self, task: Task, x: Array, y: Array, noise: Any, example: Arrays) -> None:
        """`example` is a dictionary of `params` and `state`, of the shapes to come."""
        self._x, self._y = doubled((x, y))
        self._names = list(example["params"])

        def objective(params: Arrays, state: Arrays, x: Any, y: Any) -> Any:
            return task.objective(params, state, x, y, None, True, noise)[0]

        arguments = (doubled(example["params"]), doubled(example["state"]), self._x, self._y)
        graph = stabilise(trace_call(objective, arguments).graph)
        (loss,) = graph.outputs
        given = dict(zip(self._names, graph.inputs, strict=False))
        start = len(flatten(arguments[:2])[0])
        layers = _layers(loss, graph.inputs[start], task.net)
        wanted = [*given.values(), *(output for _, _, _, output in layers)]
        self._layers = [(name, layer, before is not None) for name, layer, before, _ in layers]
        values = [node for _, _, *pair in layers for node in pair if node is not None]
        results = (loss, *gradients(loss, wanted), *values)
        self._program = Program(Graph("probe", graph.inputs, results).check())

    def __call__(self, params: Arrays, state: Arrays) -> Measurement:
        params = doubled(params)
        leaves, _ = flatten((params, doubled(state), self._x, self._y))
        results = iter(self._program(leaves))
        loss = float(next(results))
        found = {name: next(results) for name in self._names}
        adjoints = [next(results) for _ in self._layers]
        passages = []
        for (name, layer, has_input), adjoint in zip(self._layers, adjoints, strict=True):
            before = next(results) if has_input else None
            passages.append(Passage(name, layer, before, next(results), adjoint))
        return Measurement(loss, params, found, tuple(passages))


def sample(count: int, seed: int, most: int = SAMPLES) -> Array:
    """The numbers of at most so many rows, chosen by the seed, rising."""
    if count <= most:
        return np.arange(count)
    key = random.fold_in(random.key(seed), _CHOICE)
    return np.sort(np.asarray(random.permutation(key, count))[:most])


def norm(arrays: Arrays) -> float:
    """The Euclidean norm of all of them as one vector; infinite where one is not finite."""
    with np.errstate(all="ignore"):
        total = float(np.sqrt(sum(np.sum(np.square(value)) for value in arrays.values())))
    return total if np.isfinite(total) else float("inf")


def root_mean_square(array: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0


def doubled(tree: Any) -> Any:
    """A tree of arrays with the floating-point ones in float64."""

    def leaf(value: Any) -> Any:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    return map_tree(leaf, tree)


def _layers(loss: Node, x: Node, net: Layer) -> list[tuple[str, Layer, Node | None, Node]]:
    """(name, layer, input, output) of each layer on the way from the samples to the loss.

    What a rewriting has merged with the loss, as a sigmoid under its cross-entropy, is no layer
    any more: its gradient does not exist on its own.
    """
    moved = dependents([loss], [x])
    on_the_way = [node for node in ordered([loss]) if node in moved]
    own = {node: node.source.scope if node.source else "" for node in on_the_way} | {x: "input"}
    inputs: dict[str, Node] = {}
    outputs: dict[str, Node] = {}
    for node in on_the_way:
        for child in node.inputs:
            if child in own and own[child] != own[node]:
                inputs.setdefault(own[node], child)
                outputs[own[child]] = child
    named = [(name, _layer(net, name), inputs.get(name), outputs[name]) for name in outputs]
    complete = [
        (name or type(net).__name__, layer, before, output)
        for name, layer, before, output in named
        if layer is not None and output.shape and output.dtype.kind == "f"
    ]
    return sorted(complete, key=lambda entry: entry[3].serial)


def _layer(net: Layer, name: str) -> Layer | None:
    """The layer that a scope names: `3.1.Tanh`, `3` for a container's own work."""
    if name in ("loss", "optimizer", "input"):
        return None
    layer: Layer | None = net
    for part in name.split("."):
        children = dict(layer.children()) if layer is not None else {}
        if part not in children:
            return layer if not part or part == type(layer).__name__ else None
        layer = children[part]
    return layer
