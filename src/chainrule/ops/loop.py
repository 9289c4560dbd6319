"""The kind Loop: a subgraph repeated over time with carried state.

    carry = initial
    for t in range(length):            # or downwards, where `reverse`
        carry, y = body(constants, carry, x[t])
        ys[t] = y

A Loop node has several results and therefore no shape of its own; `result` picks one. The rules
that need a whole transformation (the gradient, the batched loop) stand with the transformations.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import GraphError, ShapeError
from chainrule.graph import VOID, Graph, Node, Op, Params, Shape, type_text
from chainrule.ops.registry import register


class Loop(Op):
    """Inputs: constants, initial carries, then arrays whose first axis is time.

    params: `body` (a Graph whose inputs are constants, carries and one time step of each array,
    and whose outputs are the new carries and this step's ys), `length`, `reverse`, and how many
    `constants` and `carries` there are.
    """

    name = "loop"
    latex = r"\operatorname{{loop}}"
    doc = "A graph repeated over time with carried state."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        body: Graph = params["body"]
        split = params["constants"] + params["carries"]
        if len(body.inputs) != len(inputs):
            raise GraphError(f"a loop body of {len(body.inputs)} inputs got {len(inputs)}")
        for index, (outer, inner) in enumerate(zip(inputs, body.inputs, strict=True)):
            shape = outer.shape if index < split else outer.shape[1:]
            if (shape, outer.dtype) != (inner.shape, inner.dtype):
                raise ShapeError(f"a loop body takes {type_text(inner)}, not {type_text(outer)}")
            if index >= split and outer.shape[0] != params["length"]:
                raise ShapeError(
                    f"a loop of {params['length']} steps over {outer.shape[0]} time steps"
                )
        carried = zip(body.inputs[params["constants"] : split], body.outputs, strict=False)
        for before, after in carried:
            if (before.shape, before.dtype) != (after.shape, after.dtype):
                raise ShapeError(
                    f"a loop's carry {before.params['name']} is {type_text(before)} and becomes "
                    f"{type_text(after)}; it must keep its shape and dtype"
                )
        return (), VOID

    def evaluate(self, *arrays: Any, **params: Any) -> Any:
        raise GraphError("a loop is run by an engine")

    def describe(self, params: Params) -> str:
        way = " reversed" if params["reverse"] else ""
        return f"loop[{params['body'].name} × {params['length']}{way}]"


class Result(Op):
    """`index` counts the final carries first, then the stacked ys."""

    name = "result"
    latex = "{0}"
    doc = "One result of a loop."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        (loop,) = inputs
        if loop.dtype != VOID:
            raise GraphError("result reads a loop")
        node = loop.params["body"].outputs[params["index"]]
        if params["index"] < loop.params["carries"]:
            return node.shape, node.dtype
        return (loop.params["length"], *node.shape), node.dtype

    def evaluate(self, *arrays: Any, **params: Any) -> Any:
        return arrays[0][params["index"]]


loop = register(Loop())
result = register(Result())
