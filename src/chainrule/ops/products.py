"""The kind Contract: any product of two arrays summed over shared axes."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Node, Op, Params, Shape
from chainrule.ops.registry import register, rows


class Contract(Op):
    """`spec` in Einstein's notation: `ij,jk->ik` is the matrix product.

    Every letter stands in at least two of the three parts, and at most once in each, so that the
    gradient of a Contract is again one. `np.einsum` and its like bring their arguments to this
    form first (sums and diagonals of one operand are ops of their own).
    """

    name = "contract"
    latex = r"{0} {1}"
    doc = "Products of two arrays, summed over the axes that only they share."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        a, b = inputs
        left, right, out = parts(params["spec"])
        lengths: dict[str, int] = {}
        for letters, node in ((left, a), (right, b)):
            if len(letters) != node.ndim:
                raise ShapeError(f"contract {params['spec']}: {letters!r} for shape {node.shape}")
            for letter, length in zip(letters, node.shape, strict=True):
                if lengths.setdefault(letter, length) != length:
                    raise ShapeError(
                        f"contract {params['spec']}: shapes {a.shape} and {b.shape} disagree on "
                        f"{letter!r} ({lengths[letter]} and {length})"
                    )
        return tuple(lengths[letter] for letter in out), a.dtype

    def prepare(self, inputs: Sequence[Node]) -> list[tuple[Node, np.dtype[Any]]]:
        common = np.result_type(
            *([node.dtype for node in inputs if not node.weak] or [np.dtype(float)])
        )
        return [(node, common) for node in inputs]

    def evaluate(self, a: Any, b: Any, *, spec: str) -> Any:
        return contraction_plan(spec)(np.asarray(a), np.asarray(b))

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        left, right, out = parts(params["spec"])
        if index == 0:
            return rows.contract(g, xs[1], spec=f"{out},{right}->{left}")
        return rows.contract(xs[0], g, spec=f"{left},{out}->{right}")

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        left, right, out = parts(node.params["spec"])
        new = next(letter for letter in LETTERS if letter not in left + right)
        marks = [new if flag else "" for flag in batched]
        return self(*xs, spec=f"{marks[0]}{left},{marks[1]}{right}->{new}{out}")

    def describe(self, params: Params) -> str:
        return f"contract[{params['spec']}]"


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(maxsize=4096)
def parts(spec: str) -> tuple[str, str, str]:
    """`ij,jk->ik` as its three parts; raises ShapeError where a letter breaks the rule."""
    operands, out = spec.split("->")
    left, right = operands.split(",")
    for letter in set(left + right + out):
        counts = [part.count(letter) for part in (left, right, out)]
        if max(counts) > 1 or sum(counts) < 2:
            raise ShapeError(f"contract {spec}: {letter!r} must stand in two parts, once in each")
    return left, right, out


def summed_letters(spec: str) -> str:
    """The letters that the result lacks: the axes that are summed over."""
    left, _, out = parts(spec)
    return "".join(letter for letter in left if letter not in out)


class ContractionPlan:
    """A contraction as one (batched) matrix product: which axes to bring where.

    `np.matmul` hands it to BLAS, without copies where the strides allow it.
    """

    def __init__(self, spec: str) -> None:
        left, right, out = parts(spec)
        batch = [letter for letter in out if letter in left and letter in right]
        rows = [letter for letter in out if letter in left and letter not in right]
        columns = [letter for letter in out if letter in right and letter not in left]
        summed = [letter for letter in left if letter in right and letter not in out]
        self.left_axes = _order(left, batch + rows + summed)
        self.right_axes = _order(right, batch + summed + columns)
        self.out_axes = _order("".join(batch + rows + columns), list(out))
        self.batch, self.rows, self.summed = len(batch), len(rows), len(summed)
        self.plain = len(rows) == len(columns) == len(summed) == 1

    def __call__(self, a: Any, b: Any) -> Any:
        if self.left_axes is not None:
            a = a.transpose(self.left_axes)
        if self.right_axes is not None:
            b = b.transpose(self.right_axes)
        product = np.matmul(a, b) if self.plain else self._reshaped(a, b)
        return product if self.out_axes is None else product.transpose(self.out_axes)

    def _reshaped(self, a: Any, b: Any) -> Any:
        """The product of groups of axes: each group as one axis, and spread again."""
        batch, rows = a.shape[: self.batch], a.shape[self.batch : self.batch + self.rows]
        columns = b.shape[self.batch + self.summed :]
        depth = prod(a.shape[self.batch + self.rows :])
        a = a.reshape((*batch, prod(rows), depth))
        b = b.reshape((*batch, depth, prod(columns)))
        return np.matmul(a, b).reshape((*batch, *rows, *columns))


def _order(letters: str, wanted: list[str]) -> tuple[int, ...] | None:
    """The permutation that brings the axes in order; None where they are."""
    axes = tuple(letters.index(letter) for letter in wanted)
    return None if axes == tuple(range(len(axes))) else axes


@lru_cache(maxsize=4096)
def contraction_plan(spec: str) -> ContractionPlan:
    return ContractionPlan(spec)


contract = register(Contract())
