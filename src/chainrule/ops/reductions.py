"""The kind Reduce: many numbers along some axes become one, or a running total."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Node, Op, Params, Shape
from chainrule.ops.layout import behind
from chainrule.ops.registry import register, rows


@dataclass(frozen=True, eq=False, repr=False)
class Reduce(Op):
    """A reduction over the axes `axes` (a sorted tuple), which disappear.

    value(x, axes)            the result, in NumPy
    gradient(g, y, x)         the adjoint of x, where g and y are already stretched to x's shape;
                              without it the result has no gradient
    """

    name: str
    value: Callable[[Any, Shape], Any]
    gradient: Callable[[Any, Any, Any], Any] | None
    latex: str
    doc: str
    gives_index: bool = False
    empty: bool = True  # whether the reduction of nothing is a number

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        (x,) = inputs
        axes = params["axes"]
        if not self.empty and any(x.shape[axis] == 0 for axis in axes):
            raise ShapeError(f"{self.name} of nothing: shape {x.shape} is empty along {axes}")
        shape = tuple(length for axis, length in enumerate(x.shape) if axis not in axes)
        return shape, np.dtype(np.int64) if self.gives_index else x.dtype

    def shortcut(self, inputs: Sequence[Node], params: Params) -> Node | None:
        return inputs[0] if not params["axes"] and not self.gives_index else None

    def evaluate(self, x: Any, *, axes: Shape) -> Any:
        value: Any = self.value
        return value(x, axes)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        if self.gradient is None:
            return None
        (x,) = xs
        full_g, full_y = (stretch(value, x.shape, params["axes"]) for value in (g, y))
        return self.gradient(full_g, full_y, x)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(xs[0], axes=behind(node.params["axes"]))


def stretch(value: Any, shape: Shape, axes: Shape) -> Any:
    """A reduced value repeated along the axes that it lost."""
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    return rows.broadcast_to(rows.reshape(value, shape=kept), shape=shape)


def _shared(g: Any, y: Any, x: Any, axes: Shape) -> Any:
    """Equal extremes share the gradient equally."""
    chosen = rows.cast(rows.equal(x, y), dtype=x.dtype)
    count = stretch(rows.sum(chosen, axes=axes), x.shape, axes)
    return rows.where(rows.equal(x, y), g / count, 0.0)


class Extreme(Reduce):
    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        (x,) = xs
        axes = params["axes"]
        return _shared(stretch(g, x.shape, axes), stretch(y, x.shape, axes), x, axes)


def _index_of(choose: Callable[..., Any]) -> Callable[[Any, Shape], Any]:
    def value(x: Any, axes: Shape) -> Any:
        (axis,) = axes
        return choose(x, axis=axis)

    return value


sum_ = register(
    Reduce(
        "sum",
        # One run over all numbers is several times faster than NumPy's over all axes in turn.
        lambda x, axes: np.add.reduce(x, axis=None if len(axes) == x.ndim else axes, dtype=x.dtype),
        lambda g, y, x: g,
        r"\sum {0}",
        "The sum along some axes.",
    )
)
max_ = register(
    Extreme(
        "max",
        lambda x, axes: np.maximum.reduce(x, axis=axes),
        None,
        r"\max {0}",
        "The largest number along some axes; equal ones share the gradient.",
        empty=False,
    )
)
min_ = register(
    Extreme(
        "min",
        lambda x, axes: np.minimum.reduce(x, axis=axes),
        None,
        r"\min {0}",
        "The smallest number along some axes; equal ones share the gradient.",
        empty=False,
    )
)
argmax = register(
    Reduce(
        "argmax",
        _index_of(np.argmax),
        None,
        r"\operatorname{{argmax}} {0}",
        "Where along one axis the largest number stands; the first of equals.",
        gives_index=True,
        empty=False,
    )
)
argmin = register(
    Reduce(
        "argmin",
        _index_of(np.argmin),
        None,
        r"\operatorname{{argmin}} {0}",
        "Where along one axis the smallest number stands; the first of equals.",
        gives_index=True,
        empty=False,
    )
)


class CumulativeSum(Op):
    """The running sum along `axis`. The shape stays, so this reduction keeps all its totals."""

    name = "cumsum"
    latex = r"\operatorname{{cumsum}} {0}"
    doc = "The sum of the numbers so far along an axis."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        return inputs[0].shape, inputs[0].dtype

    def evaluate(self, x: Any, *, axis: int) -> Any:
        return np.add.accumulate(x, axis=axis, dtype=x.dtype)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        axes = (params["axis"],)
        return rows.flip(rows.cumsum(rows.flip(g, axes=axes), **params), axes=axes)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(xs[0], axis=node.params["axis"] + 1)


cumsum = register(CumulativeSum())
