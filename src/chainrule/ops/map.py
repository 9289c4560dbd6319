"""The kind Map: elementwise functions of broadcast inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import (
    Node,
    Op,
    Params,
    Role,
    Shape,
    constant_value,
    current_role,
    playing,
)
from chainrule.ops.registry import Check, numerics, rows

# How tightly a formula binds, so that whoever prints it knows where parentheses go.
SUM, PRODUCT, PREFIX, POWER, ATOM = 1, 2, 3, 4, 5


@dataclass(frozen=True, eq=False, repr=False)
class Map(Op):
    """An elementwise op. All its inputs have one dtype, but for the condition of `where`.

    value(m, *xs, **params)         the formula, against a namespace `m`: NumPy, or an emitter
    derivative(m, y, *xs, **params) one partial derivative for each input: a formula, a number,
                                    or None where the input has no gradient; without it the op is
                                    piecewise constant
    latex, level                    a template of the inputs, and how tightly the result binds
    like                            the NumPy ufunc whose promotion the op follows (itself, if any)
    result                          "same" as the inputs, or "bool"
    """

    name: str
    value: Callable[..., Any]
    derivative: Callable[..., tuple[Any, ...]] | None
    latex: str
    check: Check
    doc: str
    level: int = ATOM
    like: str = ""
    result: Literal["same", "bool"] = "same"
    arity: int = 1

    @cached_property
    def ufunc(self) -> Any:
        """NumPy's ufunc of this very name, or None."""
        found = getattr(np, self.name, None)
        return found if isinstance(found, np.ufunc) else None

    def prepare(self, inputs: Sequence[Node]) -> list[tuple[Node, np.dtype[Any]]]:
        ufunc = getattr(np, self.like) if self.like else self.ufunc
        if ufunc.nin != len(inputs):
            common = result_type(inputs)
            return [(node, common) for node in inputs]
        asked = [_python_type(node) if node.weak else node.dtype for node in inputs]
        if self.result == "bool":  # whole numbers compare exactly, however large
            asked = [
                _fitting_type(node, inputs) or kind
                for node, kind in zip(inputs, asked, strict=True)
            ]
        return list(zip(inputs, _resolved(ufunc, *asked), strict=True))

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        dtype = np.dtype(bool) if self.result == "bool" else inputs[-1].dtype
        return broadcast_shapes(self.name, [node.shape for node in inputs]), dtype

    def evaluate(self, *arrays: Any, **params: Any) -> Any:
        return self.value(numerics, *arrays, **params)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        if self.derivative is None:
            return None
        product = current_role()
        local = Role("local", product.of, index) if product else None
        with playing(local):
            partial = self.derivative(rows, y, *xs, **params)[index]
        if partial is None:
            return None
        return unbroadcast(scale(g, partial), xs[index].shape)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        lifted = [
            lift_rank(x, node.ndim) if flag else x for x, flag in zip(xs, batched, strict=True)
        ]
        return self(*lifted, **node.params)


# Recording asks the same of NumPy again and again, and NumPy takes its time.


@lru_cache(maxsize=1000, typed=True)  # for a dtype equals a Python type
def _resolved(ufunc: Any, *asked: Any) -> tuple[Any, ...]:
    """The dtypes that a ufunc casts its inputs to."""
    return tuple(ufunc.resolve_dtypes((*asked, *[None] * ufunc.nout))[: len(asked)])


_broadcast_shapes = lru_cache(maxsize=1000)(np.broadcast_shapes)


def _python_type(node: Node) -> Any:
    return {"f": float, "i": int}.get(node.dtype.kind, node.dtype)


def _fitting_type(node: Node, others: Sequence[Node]) -> Any:
    """The dtype of a whole Python number that is outside the dtypes of the others, else None."""
    value = constant_value(node)
    if not node.weak or not isinstance(value, int):
        return None
    kinds = [other.dtype for other in others if not other.weak and other.dtype.kind in "iu"]
    fits = all(np.iinfo(kind).min <= value <= np.iinfo(kind).max for kind in kinds)
    return None if fits else np.min_scalar_type(value)


def result_type(inputs: Sequence[Node]) -> np.dtype[Any]:
    """NumPy's result type, where Python numbers give way."""
    return np.result_type(*[_python_type(node)(0) if node.weak else node.dtype for node in inputs])


def broadcast_shapes(name: str, shapes: Sequence[Shape]) -> Shape:
    try:
        return _broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(map(str, shapes))
        raise ShapeError(
            f"{name}: shapes {shown} do not broadcast; from the right, each pair of lengths must "
            "be equal or one of them 1"
        ) from None


def lift_rank(x: Any, rank: int) -> Any:
    """A batched value whose sample has fewer axes than `rank`: ones go behind the batch axis."""
    missing = rank - (len(x.shape) - 1)
    if missing <= 0:
        return x
    return rows.reshape(x, shape=(x.shape[0], *[1] * missing, *x.shape[1:]))


def scale(g: Any, partial: Any) -> Any:
    """The product of an adjoint with a local derivative.

    A derivative that is a gate (1 here, 0 there) selects instead of multiplying: an infinite
    adjoint behind a closed gate must give 0, and 0 times infinity is NaN.
    """
    if isinstance(partial, int | float):
        if partial == 0:
            return None
        return g if partial == 1 else rows.negative(g) if partial == -1 else g * partial
    gate = getattr(partial, "node", None)
    if gate is not None and gate.op.name == "where":
        condition, yes, no = gate.inputs
        if {constant_value(yes), constant_value(no)} == {0, 1}:
            wrapped = type(partial)(condition)
            return rows.where(wrapped, *[g if constant_value(n) == 1 else 0.0 for n in (yes, no)])
    return g * partial


def unbroadcast(g: Any, shape: Shape) -> Any:
    """Sum the adjoint of a broadcast value back to the shape that the value had."""
    if g is None or g.shape == shape:
        return g
    extra = len(g.shape) - len(shape)
    stretched = tuple(
        axis
        for axis, length in enumerate(g.shape)
        if axis < extra or (shape[axis - extra] == 1 and length != 1)
    )
    total = rows.sum(g, axes=stretched) if stretched else g
    return rows.reshape(total, shape=shape) if total.shape != shape else total
