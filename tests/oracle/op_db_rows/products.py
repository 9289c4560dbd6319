"""Products of arrays, distances, norms and small linear algebra."""

from math import inf
from typing import Any

import numpy as np

from .idioms import axes

# --- products ------------------------------------------------------------------------------------


def added(scaled: Any) -> Any:
    """beta · x + alpha · product(a, b)."""

    def plus(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Any:
        return beta * x + alpha * scaled(a, b)

    return plus


def bilinear(x: Any, y: Any, weight: Any, bias: Any = None) -> Any:
    result = np.einsum("...i,oij,...j->...o", x, weight, y)
    return result if bias is None else result + bias


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    result = x @ np.transpose(weight)
    return result if bias is None else result + bias


def tensordot(a: Any, b: Any, dims: Any) -> Any:
    return np.tensordot(a, b, dims)


def cross(a: Any, b: Any, dim: int | None = None) -> Any:
    """Along the first axis of length 3, where none is named."""
    if dim is None:
        dim = a.shape.index(3)
    a, b = np.broadcast_arrays(a, b)
    return np.cross(a, b, axis=dim)


def linalg_cross(a: Any, b: Any, dim: int = -1) -> Any:
    return cross(a, b, dim)


# --- norms and distances -------------------------------------------------------------------------


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    """Of one axis, several, or all, as if they were one."""
    if x.ndim == 0:
        return np.linalg.norm(np.reshape(x, (1,)), ord)
    if isinstance(dim, int):
        return np.linalg.norm(x, ord, axis=dim, keepdims=keepdim)
    along = range(x.ndim) if axes(x, dim) is None else [i % x.ndim for i in dim]
    rest = [i for i in range(x.ndim) if i not in along]
    flat = np.reshape(np.transpose(x, (*rest, *along)), (*[x.shape[i] for i in rest], -1))
    result = np.linalg.norm(flat, ord, axis=-1)
    if not keepdim:
        return result
    return np.reshape(result, [1 if i in along else n for i, n in enumerate(x.shape)])


def norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """`torch.linalg.norm`: of the matrix in two axes, unless there is no order."""
    plane = x.ndim == 2 if dim is None else isinstance(dim, list | tuple) and len(dim) == 2
    if ord is None or not plane:
        return vector_norm(x, 2 if ord is None else ord, dim, keepdim)
    return matrix_norm(x, ord, dim or (0, 1), keepdim)


def matrix_norm(x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis=tuple(dim), keepdims=keepdim)


def old_norm(x: Any, ord: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    """`torch.norm`: numbers always mean the norm of a vector."""
    return vector_norm(x, 2 if ord == "fro" else ord, dim, keepdim)


def pairwise_distance(
    a: Any, b: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    return np.linalg.norm(a - b + eps, p, axis=-1, keepdims=keepdim)


def length(difference: Any, p: float) -> Any:
    """The p-norm along the last axis with derivative 0 where the difference is 0."""
    size = np.abs(difference)
    if p == 0:
        return np.sum((size != 0).astype(float), axis=-1)
    if p == 1:
        return np.sum(size, axis=-1)
    if p == inf:
        return np.max(size, axis=-1)
    total = np.sum(np.where(size > 0, size, 1.0) ** p * (size > 0), axis=-1)
    return np.where(total > 0, np.where(total > 0, total, 1.0) ** (1 / p), 0.0)


def cdist(a: Any, b: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    return length(a[..., :, None, :] - b[..., None, :, :], p)


def pdist(x: Any, p: float = 2.0) -> Any:
    i, j = np.triu_indices(x.shape[0], 1)
    return length(x[i] - x[j], p)


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    if x.ndim == 0:
        return x / np.maximum(np.abs(x), eps)
    return x / np.maximum(np.linalg.norm(x, p, axis=dim, keepdims=True), eps)


def renorm(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Slices that are longer than allowed are made shorter."""
    dim %= x.ndim
    others = [i for i in range(x.ndim) if i != dim]
    size = vector_norm(x, p, others, keepdim=True)
    return np.where(size > maxnorm, x * (maxnorm / (size + 1e-7)), x)


def cosine_similarity(a: Any, b: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    a, b = np.broadcast_arrays(a, b)
    if a.ndim == 0:
        return a / np.maximum(np.abs(a), eps) * (b / np.maximum(np.abs(b), eps))
    sizes = [np.sqrt(np.sum(x * x, axis=dim, keepdims=True)) for x in (a, b)]
    units = [x / np.maximum(size, eps) for x, size in zip((a, b), sizes, strict=True)]
    return np.sum(units[0] * units[1], axis=dim)


# --- linear algebra ------------------------------------------------------------------------------


def solve(a: Any, b: Any) -> Any:
    """A stack of vectors is one where its shape is that of the matrices without their last axis."""
    vectors = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    result = np.linalg.solve(a, b[..., None] if vectors else b)
    return result[..., 0] if vectors else result


def triangle(a: Any, upper: bool, unitriangular: bool = False) -> Any:
    """The part of the matrix that PyTorch looks at."""
    if not unitriangular:
        return np.triu(a) if upper else np.tril(a)
    return (np.triu(a, 1) if upper else np.tril(a, -1)) + np.eye(a.shape[-1])


def solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    a = triangle(a, upper, unitriangular)
    if left:
        return np.linalg.solve(a, b)
    return np.matrix_transpose(np.linalg.solve(np.matrix_transpose(a), np.matrix_transpose(b)))


def triangular_solve(
    b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """The solution, and the matrix as it came."""
    matrix = triangle(a, upper, unitriangular)
    return np.linalg.solve(np.matrix_transpose(matrix) if transpose else matrix, b), a


def cholesky_solve(b: Any, factor: Any, upper: bool = False) -> Any:
    """The factor is triangular in all samples, and its gradient is that of any matrix."""
    lower = np.matrix_transpose(factor) if upper else factor
    return np.linalg.solve(lower @ np.matrix_transpose(lower), b)


def cholesky_inverse(factor: Any, upper: bool = False) -> Any:
    lower = np.matrix_transpose(factor) if upper else factor
    return np.linalg.inv(lower @ np.matrix_transpose(lower))


def inv_ex(a: Any) -> Any:
    """The inverse, and 0 for every matrix that has one."""
    return np.linalg.inv(a), np.zeros(a.shape[:-2], np.int32)


def solve_ex(a: Any, b: Any) -> Any:
    return solve(a, b), np.zeros(a.shape[:-2], np.int32)


def slogdet(a: Any) -> Any:
    sign, logarithm = np.linalg.slogdet(a)
    return sign, logarithm


def logdet(a: Any) -> Any:
    sign, logarithm = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, logarithm)


def tensorinv(a: Any, ind: int) -> Any:
    front, back = a.shape[:ind], a.shape[ind:]
    size = int(np.prod(front))
    return np.reshape(np.linalg.inv(np.reshape(a, (size, size))), (*back, *front))


def tensorsolve(a: Any, b: Any, dims: Any = None) -> Any:
    if dims is not None:
        rest = [i for i in range(a.ndim) if i not in dims]
        a = np.transpose(a, (*rest, *dims))
    shape = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (b.size, b.size)), np.ravel(b)), shape)


def trace(x: Any) -> Any:
    return np.trace(x)


ROWS = {
    "__rmatmul__": lambda x, y: y @ x,
    "addbmm": added(lambda a, b: np.sum(a @ b, axis=0)),
    "addmm": added(np.matmul),
    "addmm.decomposed": added(np.matmul),
    "addmv": added(np.matmul),
    "addr": added(np.outer),
    "baddbmm": added(np.matmul),
    "bmm": np.matmul,
    "bmm.triton_optimized": np.matmul,
    "cdist": cdist,
    "cholesky_inverse": cholesky_inverse,
    "cholesky_solve": cholesky_solve,
    "cross": cross,
    "dist": lambda x, y, p=2: np.linalg.norm(np.ravel(x - y), p),
    "dot": np.dot,
    "einsum": lambda operands, spec: np.einsum(spec, *operands),
    "inner": np.inner,
    "kron": np.kron,
    "linalg.cross": linalg_cross,
    "linalg.det": np.linalg.det,
    "linalg.inv": np.linalg.inv,
    "linalg.inv_ex": inv_ex,
    "linalg.matrix_norm": matrix_norm,
    "linalg.matrix_power": np.linalg.matrix_power,
    "linalg.multi_dot": np.linalg.multi_dot,
    "linalg.norm": norm,
    "linalg.norm.subgradients_at_zero": norm,
    "linalg.slogdet": slogdet,
    "linalg.solve": solve,
    "linalg.solve_ex": solve_ex,
    "linalg.solve_triangular": solve_triangular,
    "linalg.tensorinv": tensorinv,
    "linalg.tensorsolve": tensorsolve,
    "linalg.vecdot": lambda x, y, dim=-1: np.linalg.vecdot(x, y, axis=dim),
    "linalg.vector_norm": vector_norm,
    "logdet": logdet,
    "matmul": np.matmul,
    "mm": np.matmul,
    "mv": np.matmul,
    "nn.functional.bilinear": bilinear,
    "nn.functional.cosine_similarity": cosine_similarity,
    "nn.functional.linear": linear,
    "nn.functional.normalize": normalize,
    "nn.functional.pairwise_distance": pairwise_distance,
    "nn.functional.pdist": pdist,
    "norm": old_norm,
    "norm.fro": old_norm,
    "norm.inf": old_norm,
    "outer": np.outer,
    "renorm": renorm,
    "tensordot": tensordot,
    "trace": trace,
    "triangular_solve": triangular_solve,
    "vdot": np.vdot,
}
