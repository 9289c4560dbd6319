"""A node for many values of another one at once: one run in place of many."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.explaining.entries import Array
from chainrule.explaining.record import Record
from chainrule.graph import INPUT, Graph, Node, at_work, input_node, ordered
from chainrule.tracing.recording import recording
from chainrule.tracing.value import wrap
from chainrule.vectorise import batched


class Many:
    """`result` as a function of so many values of `varied`; recorded once, run with any of them."""

    @recording("many values of one node")
    @at_work()
    def __init__(self, record: Record, result: Node, varied: Node, count: int) -> None:
        self._record, self._shape = record, (count, *result.shape)
        many = input_node("many", (count, *varied.shape), varied.dtype)
        ((value, _),) = batched([result], {varied: wrap(many)}, count)
        inputs = [n for n in ordered([value.node]) if n.op is INPUT and n is not many]
        assert record.run is not None  # asked by who makes this
        self._others, self._result = inputs, value.node
        self._run = record.run(Graph("many", (many, *inputs), (value.node,)))

    def __call__(self, values: Array, given: Mapping[Node, Any]) -> Array:
        """The results, (count, *shape), of values in the same arrangement.

        `given` are the values of other inputs; what it does not hold is as in the record.
        """
        others = (given[n] if n in given else self._record.value(n) for n in self._others)
        found = np.asarray(self._run([values, *others])[self._result])
        return np.broadcast_to(found, self._shape)  # of what does not depend on `varied`, one
