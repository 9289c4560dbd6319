"""NumPy's products of arrays, brought to Contract; and small linear algebra made of loops."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from chainrule.ops import rows
from chainrule.ops.products import LETTERS
from chainrule.tracing.choosing import diagonal
from chainrule.tracing.elementary import floating, traced
from chainrule.tracing.reducing import implements, reduce, root
from chainrule.tracing.refusals import stop
from chainrule.tracing.shaping import (
    expand_dims,
    moveaxis,
    reshape,
    swapaxes,
    transpose,
)
from chainrule.tracing.value import AFRESH, FUNCTIONS, UFUNCS, astype


def contract(spec: str, a: Any, b: Any) -> Any:
    """Any two-operand einsum: what only one operand has is summed there first."""
    left, right, out = _split(spec)
    a, left = _presummed(a, left, right + out)
    b, right = _presummed(b, right, left + out)
    if a.dtype == bool and b.dtype == bool:
        a, b = astype(a, np.int64), astype(b, np.int64)
        return contract(f"{left},{right}->{out}", a, b) != 0
    return rows.contract(a, b, spec=f"{left},{right}->{out}")


def _split(spec: str) -> tuple[str, str, str]:
    operands, out = spec.split("->")
    left, right = operands.split(",")
    return left, right, out


def _presummed(x: Any, letters: str, others: str) -> tuple[Any, str]:
    for letter in sorted(set(letters)):
        while letters.count(letter) > 1:  # a repeated letter is a diagonal
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            x = diagonal(x, 0, first, second)
            rest = letters[:first] + letters[first + 1 : second] + letters[second + 1 :]
            letters = rest + letter
    alone = tuple(place for place, letter in enumerate(letters) if letter not in others)
    if alone:
        x = rows.sum(x, axes=alone)
        letters = "".join(letter for letter in letters if letter in others)
    return x, letters


def matmul(a: Any, b: Any) -> Any:
    """`a @ b`: the last two axes are matrices, those before broadcast."""
    a, b = traced(a), traced(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: an operand is a number; use * instead")
    if a.ndim == 1 or b.ndim == 1:
        batch = LETTERS[3 : 3 + max(a.ndim, b.ndim) - 2] if max(a.ndim, b.ndim) > 1 else ""
        left = "k" if a.ndim == 1 else batch + "ik"
        right = "k" if b.ndim == 1 else batch + "kj"
        out = batch + ("" if a.ndim == 1 else "i") + ("" if b.ndim == 1 else "j")
        _check_inner(a, b)
        return contract(f"{left},{right}->{out}", a, b)
    _check_inner(a, b)
    try:
        shared = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(
            f"matmul: the axes before the last two, {a.shape[:-2]} and {b.shape[:-2]}, "
            "do not broadcast"
        ) from None
    batch = LETTERS[: len(shared)].upper()
    parts, operands = [], []
    for x, last in ((a, "ik"), (b, "kj")):
        own = x.shape[:-2]
        skipped = len(shared) - len(own)
        # An axis of length 1 beside a longer one is dropped: the product repeats over it.
        kept = [i for i, n in enumerate(own) if not (n == 1 and shared[i + skipped] != 1)]
        operands.append(rows.reshape(x, shape=(*[own[i] for i in kept], *x.shape[-2:])))
        parts.append("".join(batch[i + skipped] for i in kept) + last)
    return contract(f"{parts[0]},{parts[1]}->{batch}ij", *operands)


def _check_inner(a: Any, b: Any) -> None:
    inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
    if a.shape[-1] != inner:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape} do not fit; the last axis of the first, "
            f"{a.shape[-1]}, must equal {inner} of the second"
        )


UFUNCS[np.matmul] = matmul
FUNCTIONS[np.linalg.matmul] = matmul
AFRESH.update((np.matmul, np.linalg.matmul, np.dot, np.vdot, np.inner, np.outer, np.tensordot))


@implements(np.dot)
def dot(a: Any, b: Any) -> Any:
    a, b = traced(a), traced(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim == 1:
        return tensordot(a, b, ([-1], [0]))
    return tensordot(a, b, ([-1], [-2]))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return dot(reshape(a, -1), reshape(b, -1))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    a, b = traced(a), traced(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else tensordot(a, b, ([-1], [-1]))


@implements(np.outer, np.linalg.outer)
def outer(a: Any, b: Any) -> Any:
    a, b = traced(a), traced(b)
    flat_a, flat_b = (rows.reshape(x, shape=(x.size,)) for x in (a, b))
    return contract("i,j->ij", flat_a, flat_b)


def _vecdot(a: Any, b: Any) -> Any:
    return reduce(rows.sum, traced(a) * traced(b), -1)


UFUNCS[np.vecdot] = _vecdot


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return reduce(rows.sum, traced(x1) * traced(x2), axis)


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = traced(a), traced(b)
    if isinstance(axes, int | np.integer):
        axes_a, axes_b = tuple(range(a.ndim - int(axes), a.ndim)), tuple(range(int(axes)))
    else:
        given = [(x,) if isinstance(x, int | np.integer) else tuple(x) for x in axes]
        axes_a = normalize_axis_tuple(given[0], a.ndim)
        axes_b = normalize_axis_tuple(given[1], b.ndim)
    if [a.shape[i] for i in axes_a] != [b.shape[j] for j in axes_b]:
        raise ValueError(f"shapes {a.shape} and {b.shape} do not fit along axes {axes_a}, {axes_b}")
    left = list(LETTERS[: a.ndim])
    right = list(LETTERS[a.ndim : a.ndim + b.ndim])
    for i, j in zip(axes_a, axes_b, strict=True):
        right[j] = left[i]
    summed = {left[i] for i in axes_a}
    out = [letter for letter in left + right if letter not in summed]
    return contract(f"{''.join(left)},{''.join(right)}->{''.join(out)}", a, b)


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False, dtype: Any = None, **kwargs: Any) -> Any:
    """Products of two at a time, in the order in which they are given."""
    if not isinstance(operands[0], str):
        stop("np.einsum is recorded with its subscripts as text", "np.einsum('ij,jk->ik', a, b)")
    values = [traced(x) for x in operands[1:]]
    if dtype is not None:
        values = [astype(x, dtype) for x in values]
    terms, out = _subscripts(operands[0], values)
    if len(values) == 1:
        return _single(values[0], terms[0], out)
    total, letters = values[0], terms[0]
    for place in range(1, len(values)):
        later = "".join(terms[place + 1 :]) + out
        if place == len(values) - 1:
            kept = out
        else:
            union = letters + terms[place]
            kept = "".join(dict.fromkeys(letter for letter in union if letter in later))
        total, letters = contract(f"{letters},{terms[place]}->{kept}", total, values[place]), kept
    total.strides_unknown()
    return total


def _subscripts(text: str, values: list[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with `...` spelled out."""
    text = text.replace(" ", "")
    inputs, _, out = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(values):
        raise ValueError(f"einsum: {len(terms)} subscripts for {len(values)} operands")
    free = [letter for letter in LETTERS[::-1] if letter not in text]
    widths = [x.ndim - len(term.replace("...", "")) for term, x in zip(terms, values, strict=True)]
    width = max([w for term, w in zip(terms, widths, strict=True) if "..." in term], default=0)
    dots = "".join(free[:width])
    spelled = []
    for term, own in zip(terms, widths, strict=True):
        if "..." not in term and own != 0:
            raise ValueError(f"einsum: subscripts {term!r} for an operand of {own} more axes")
        spelled.append(term.replace("...", dots[len(dots) - own :] if own else ""))
    if "->" in text:
        return spelled, out.replace("...", dots)
    joined = "".join(spelled)
    once = sorted(letter for letter in set(joined) - set(dots) if joined.count(letter) == 1)
    return spelled, dots + "".join(once)


def _single(x: Any, letters: str, out: str) -> Any:
    x, letters = _presummed(x, letters, out)
    order = tuple(letters.index(letter) for letter in out)
    return transpose(x, order)  # a view, as in NumPy


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return reduce(rows.sum, diagonal(a, offset, axis1, axis2), -1)


@implements(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = traced(a), traced(b)
    rank = max(a.ndim, b.ndim)
    a, b = (rows.reshape(x, shape=(*[1] * (rank - x.ndim), *x.shape)) for x in (a, b))
    spread_a = tuple(n for length in a.shape for n in (length, 1))
    spread_b = tuple(n for length in b.shape for n in (1, length))
    product = rows.reshape(a, shape=spread_a) * rows.reshape(b, shape=spread_b)
    return rows.reshape(product, shape=tuple(m * n for m, n in zip(a.shape, b.shape, strict=True)))


@implements(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError("cross: both arguments must be vectors of length 3")
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return FUNCTIONS[np.stack](parts, axisc)


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = traced(a), traced(v)
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    m = v.shape[0]
    low = {"full": m - 1, "same": m // 2, "valid": 0}[mode]
    high = {"full": m - 1, "same": m - 1 - low, "valid": 0}[mode]
    framed = rows.pad(a, low=(low,), high=(high,), interior=(0,))
    slid = rows.windows(framed, axes=(0,), sizes=(m,), strides=(1,), dilations=(1,))
    return contract("ij,j->i", slid, rows.flip(v, axes=(0,)))


# --- norms and small linear algebra --------------------------------------------------------------


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    value = floating(traced(x))
    if axis is None:
        if ord is None or (value.ndim == 1 and ord == 2):
            return root(reduce(rows.sum, rows.square(value), None, keepdims), 2)
        axis = tuple(range(value.ndim))
    axes = normalize_axis_tuple(axis, value.ndim)
    if len(axes) == 1:
        return _vector_norm(value, ord, axes, keepdims)
    if ord in (None, "fro"):
        return root(reduce(rows.sum, rows.square(value), axes, keepdims), 2)
    if ord in (1, -1, np.inf, -np.inf):
        first, second = axes if abs(ord) == 1 else axes[::-1]
        sums = reduce(rows.sum, rows.absolute(value), first, keepdims=True)
        found = reduce(rows.max if ord > 0 else rows.min, sums, second, keepdims=True)
        return found if keepdims else FUNCTIONS[np.squeeze](found, axes)
    stop(f"the matrix norm ord={ord!r} cannot be recorded", "ord='fro', 1 or np.inf")


def _vector_norm(x: Any, ord: Any, axes: Any, keepdims: bool) -> Any:
    if ord in (None, 2):
        return root(reduce(rows.sum, rows.square(x), axes, keepdims), 2)
    size = rows.absolute(x)
    if ord == np.inf:
        return reduce(rows.max, size, axes, keepdims)
    if ord == -np.inf:
        return reduce(rows.min, size, axes, keepdims)
    if ord == 0:
        return reduce(rows.sum, astype(x != 0, x.dtype), axes, keepdims)
    if ord == 1:
        return reduce(rows.sum, size, axes, keepdims)
    if ord > 1:
        return root(reduce(rows.sum, size**ord, axes, keepdims), ord)
    zero = size == 0  # where the power has no derivative, or no value
    powers = rows.where(zero, 0.0 if ord > 0 else np.inf, rows.where(zero, 1.0, size) ** ord)
    return root(reduce(rows.sum, powers, axes, keepdims), ord)


FUNCTIONS[np.linalg.vector_norm] = lambda x, /, *, axis=None, keepdims=False, ord=2: norm(
    x if axis is not None else reshape(x, -1), ord, 0 if axis is None else axis, keepdims
)
FUNCTIONS[np.linalg.matrix_norm] = lambda x, /, *, keepdims=False, ord="fro": norm(
    x, ord, (-2, -1), keepdims
)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    x = traced(a)
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 0:
        return rows.broadcast_to(traced(np.eye(x.shape[-1], dtype=x.dtype)), shape=x.shape)
    half = matrix_power(x, n // 2) if n > 1 else None
    square = +x if half is None else matmul(half, half)
    return matmul(square, x) if n % 2 and n > 1 else square


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    first, *rest = arrays
    total = traced(first)
    for x in rest:
        total = dot(total, x)
    return total


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """Gauss-Jordan elimination with partial pivoting, one column a step."""
    matrix, right = floating(traced(a)), floating(traced(b))
    if right.ndim == 1:
        return solve(matrix, expand_dims(right, -1))[..., 0]
    solution, _ = _eliminate(matrix, right)
    return solution


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    x = floating(traced(a))
    return solve(x, rows.broadcast_to(traced(np.eye(x.shape[-1], dtype=x.dtype)), shape=x.shape))


@implements(np.linalg.det)
def det(a: Any) -> Any:
    x = floating(traced(a))
    right = rows.broadcast_to(traced(np.zeros((x.shape[-1], 1), x.dtype)), shape=(*x.shape[:-1], 1))
    _, pivots = _eliminate(x, right)
    if not pivots:  # no rows: an empty product
        return traced(np.ones(x.shape[:-2], x.dtype))
    total = pivots[0]
    for pivot in pivots[1:]:
        total = total * pivot
    return total


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    x = floating(traced(a))
    right = rows.broadcast_to(traced(np.zeros((x.shape[-1], 1), x.dtype)), shape=(*x.shape[:-1], 1))
    _, pivots = _eliminate(x, right)
    if not pivots:
        ones = traced(np.ones(x.shape[:-2], x.dtype))
        return np.linalg._linalg.SlogdetResult(ones, ones * 0)
    sign, logarithm = rows.sign(pivots[0]), rows.log(rows.absolute(pivots[0]))
    for pivot in pivots[1:]:
        sign = sign * rows.sign(pivot)
        logarithm = logarithm + rows.log(rows.absolute(pivot))
    return np.linalg._linalg.SlogdetResult(sign, logarithm)


def _eliminate(matrix: Any, right: Any) -> tuple[Any, list[Any]]:
    """The solution of matrix · x = right, and the signed pivots, whose product is the determinant.

    Unrolled: meant for the small systems of filters and statistics.
    """
    n = matrix.shape[-1]
    if matrix.ndim < 2 or matrix.shape[-2] != n:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    shape = np.broadcast_shapes(matrix.shape[:-2], right.shape[:-2])
    matrix = rows.broadcast_to(matrix, shape=(*shape, n, n))
    right = rows.broadcast_to(right, shape=(*shape, *right.shape[-2:]))
    work = rows.concatenate(matrix, right, axis=len(shape) + 1)
    order = np.arange(n)
    pivots = []
    for column in range(n):
        candidates = rows.where(traced(order < column), -1.0, rows.absolute(work[..., column]))
        best = reduce(rows.argmax, candidates, -1)
        best = expand_dims(best, -1)
        # The rows `column` and `best` change places.
        places = rows.where(order == best, column, rows.where(traced(order == column), best, order))
        work = FUNCTIONS[np.take_along_axis](work, expand_dims(places, -1), -2)
        pivot = work[..., column, column]
        pivots.append(rows.where(best[..., 0] == column, pivot, -pivot))
        line = work[..., column : column + 1, :] / pivot[..., None, None]
        others = rows.where(traced(order == column), 0.0, work[..., :, column])
        rest = rows.where(traced((order == column)[:, None]), line, work)
        work = rest - others[..., None] * line
    return work[..., n:], pivots


__all__ = ["contract", "einsum", "matmul", "swapaxes"]
