"""The loss as a function of the parameters alone, in float64: what finite differences need.

In float32 a difference of two losses loses most of its digits. All that does not depend on a
parameter, or is kept from the gradient on purpose, stays at the value that it has in the story.
"""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.entries import Array
from chainrule.explaining.many import Many
from chainrule.graph import INPUT, VOID, Graph, Node, captured_node, dependents, input_node, ordered
from chainrule.ops.loop import Loop

if TYPE_CHECKING:
    from chainrule.explaining.record import Record

DOUBLE = np.dtype(np.float64)


class LossOfParameters:
    """The loss of a record, computed anew for other values of its parameters.

    precision  `float64`, or that of the story where its graph holds a loop
    """

    def __init__(self, record: "Record") -> None:
        self.record = record
        loss = record.roots.loss
        forward = ordered([loss])
        moving = dependents([loss], record.roots.parameters.values())
        self._plain = any(isinstance(n.op, Loop) or n.dtype == VOID for n in moving)
        self.precision = str(loss.dtype) if self._plain else "float64"
        self.cost = sum(int(np.prod(node.shape)) for node in forward)
        self._keys = list(record.roots.parameters)
        self.in_one = not self._plain  # whether many values of a parameter go through at once
        known: dict[Node, Node] = {}
        for node in forward:
            known[node] = node if self._plain else self._double(node, known, moving)
        self._loss = known[loss]
        nodes = [known.get(node, node) for node in record.roots.parameters.values()]
        self._nodes = dict(zip(self._keys, nodes, strict=True))
        self._others = [n for n in ordered([self._loss]) if n.op is INPUT and n not in nodes]
        assert record.run is not None  # asked by who makes this
        self._run = record.run(Graph("loss", (*nodes, *self._others), (self._loss,)))

    def _double(self, node: Node, known: Mapping[Node, Node], moving: set[Node]) -> Node:
        if node in self.record.roots.parameters.values():
            return input_node(node.params["name"], node.shape, _wide(node.dtype))
        if node not in moving or node.op.name == "stop_gradient":
            value = self.record.value(node)
            return captured_node(value.astype(_wide(value.dtype)))
        inputs = tuple(known[child] for child in node.inputs)
        params = node.params
        if "dtype" in params:
            params = MappingProxyType({**params, "dtype": _wide(np.dtype(params["dtype"]))})
        return Node(node.op, inputs, params, node.shape, _wide(node.dtype))

    def __call__(self, parameters: Mapping[str, Array]) -> float:
        """The loss where the parameters have these values, all of them by name."""
        arrays = [np.asarray(parameters[key]) for key in self._keys]
        arrays += [self.record.value(node) for node in self._others]
        with np.errstate(all="ignore"):
            return float(np.asarray(self._run(arrays)[self._loss]))

    def at(self, key: str, values: Array) -> Array:
        """The losses where one parameter has each of these values, (many, *shape)."""
        many = Many(self.record, self._loss, self._nodes[key], len(values))
        return many(values, {self._nodes[name]: self.here[name] for name in self._keys})

    @cached_property
    def here(self) -> dict[str, Array]:
        """The parameters of the story, as arrays that may be changed."""
        nodes = self.record.roots.parameters
        return {key: self._array(self.record.value(node)) for key, node in nodes.items()}

    def _array(self, value: Array) -> Array:
        return np.array(value, value.dtype if self._plain else _wide(value.dtype))

    @cached_property
    def after(self) -> dict[str, Array]:
        """The parameters after the update; those that it leaves alone stay as they are."""
        updates = self.record.updates
        return {
            key: self._array(self.record.value(updates[key])) if key in updates else value
            for key, value in self.here.items()
        }


def _wide(dtype: "np.dtype[np.generic]") -> "np.dtype[np.generic]":
    return DOUBLE if dtype.kind == "f" else dtype
