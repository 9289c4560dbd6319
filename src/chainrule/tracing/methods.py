"""The methods and attributes of arrays, each by way of the NumPy function of the same name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import rows
from chainrule.tracing.filling import filled
from chainrule.tracing.indexing import view_of
from chainrule.tracing.refusals import stop
from chainrule.tracing.value import FUNCTIONS, Traced, astype, copied


def _through(function: Any) -> Callable[..., Any]:
    """A method that hands its value and its arguments to a NumPy function."""
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


_SAME = (
    *("all", "any", "argmax", "argmin", "argsort", "clip", "compress", "cumprod", "cumsum"),
    *("diagonal", "max", "mean", "min", "prod", "ravel", "repeat", "squeeze", "std", "sum"),
    *("swapaxes", "take", "trace", "var"),
)
for _name in _SAME:
    setattr(Traced, _name, _through(getattr(np, _name)))

_RENAMED = {"dot": np.dot, "round": np.round, "conj": np.conjugate, "conjugate": np.conjugate}
for _name, _function in _RENAMED.items():
    setattr(Traced, _name, _through(_function))


def _shape_arguments(shape: tuple[Any, ...]) -> Any:
    return shape[0] if len(shape) == 1 else shape


def reshape(self: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    return FUNCTIONS[np.reshape](self, _shape_arguments(shape), order)


def transpose(self: Any, *axes: Any) -> Any:
    return FUNCTIONS[np.transpose](self, _shape_arguments(axes) if axes else None)


def flatten(self: Any, order: str = "C") -> Any:
    return copied(FUNCTIONS[np.ravel](self, order))


def astype_(
    self: Any,
    dtype: Any,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    value = astype(self, dtype)
    if not copy and value is self:
        return self
    result = Traced(value.node, is_scalar=self.is_scalar)
    result.follow([self])
    return result


def copy(self: Any, order: str = "C") -> Any:
    return Traced(self.node, is_scalar=self.is_scalar)


def flat(self: Any) -> Any:
    """All numbers in row-major order: a view whatever the memory looks like."""
    return view_of(
        self,
        lambda base: rows.reshape(base, shape=(base.size,)),
        lambda base, new: rows.reshape(new, shape=base.shape),
    )


def fill(self: Any, value: Any) -> None:
    self[...] = value


def sort(
    self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> None:
    self.write(FUNCTIONS[np.sort](self, axis))


def nonzero(self: Any) -> Any:
    return FUNCTIONS[np.nonzero](self)


def _unavailable(name: str, remedy: str) -> Any:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        stop(f".{name} needs the array's memory, and a traced value has none", remedy)

    return refuse


for _name, _method in {
    "reshape": reshape,
    "transpose": transpose,
    "flatten": flatten,
    "astype": astype_,
    "fill": fill,
    "sort": sort,
    "nonzero": nonzero,
    "copy": copy,
    "__neg__": Traced.__neg__,
    "__round__": lambda self, digits=0: FUNCTIONS[np.round](self, digits or 0),
    "__divmod__": lambda self, other: np.divmod(self, other),
    "resize": _unavailable("resize", "np.resize(t, shape)"),
    "tobytes": _unavailable("tobytes()", "the same on what the call returns"),
    "view": _unavailable("view()", "t.astype(dtype), or t.copy()"),
    "tofile": _unavailable("tofile()", "the same on what the call returns"),
    "searchsorted": _unavailable("searchsorted()", "np.sum(t[:, None] < grid, axis=1)"),
}.items():
    setattr(Traced, _name, _method)

for _name, _getter in {
    "T": lambda self: FUNCTIONS[np.transpose](self),
    "mT": lambda self: FUNCTIONS[np.matrix_transpose](self),
    "real": lambda self: self,
    "imag": lambda self: filled(self.shape, 0, self.dtype),
    "nbytes": lambda self: self.size * self.dtype.itemsize,
    "itemsize": lambda self: self.dtype.itemsize,
    "flat": flat,
}.items():
    setattr(Traced, _name, property(_getter))
