"""`t[mask]` for a traced mask: values whose number is unknown, as the whole array and the mask.

Elementwise arithmetic, reductions and assignment back under the same mask need no more than that;
everything else would need a shape that depends on values, and is refused.
"""

from typing import Any, NoReturn

import numpy as np

from chainrule.ops import rows
from chainrule.trace.refusals import stop
from chainrule.trace.value import Traced, call_ufunc


class Selection:
    """What `t[mask]` stands for; `whole` has the shape of `t`, only its masked part counts."""

    __hash__ = None  # type: ignore[assignment]  # as for arrays: == is elementwise

    def __init__(self, whole: Traced, mask: Traced) -> None:
        if mask.shape != whole.shape[: mask.ndim]:
            raise IndexError(
                f"a boolean index of shape {mask.shape} does not match an array of shape "
                f"{whole.shape}"
            )
        self.whole = whole
        self.mask = mask
        self._mask_node = mask.node

    def same_mask(self, mask: Any) -> bool:
        return isinstance(mask, Traced) and mask.node is self._mask_node

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    @property
    def ndim(self) -> int:
        return self.whole.ndim - self.mask.ndim + 1

    def __chainrule_lift__(self, ufunc: Any, inputs: Any) -> "Selection":
        """An elementwise op on selections under one mask, and on numbers."""
        wholes = []
        for value in inputs:
            if isinstance(value, Selection):
                if value._mask_node is not self._mask_node:
                    self._unknown()
                wholes.append(value.whole)
            elif np.ndim(value) == 0:
                wholes.append(value)
            else:
                self._unknown()
        return Selection(call_ufunc(ufunc, *wholes), self.mask)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            self._unknown()
        return self.__chainrule_lift__(ufunc, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        method = _REDUCTIONS.get(function)
        if method is None:
            self._unknown()
        return getattr(self, method)(*args[1:], **kwargs)

    def _reduced(self, reduce: str, filler: float, axis: Any, keepdims: bool = False) -> Any:
        if axis is not None and axis != 0:
            self._unknown()
        extra = self.whole.ndim - self.mask.ndim
        gate = rows.reshape(self.mask, shape=(*self.mask.shape, *[1] * extra))
        kept = rows.where(gate, self.whole, filler)
        axes = tuple(range(self.mask.ndim if axis == 0 else self.whole.ndim))
        return getattr(rows, reduce)(kept, axes=axes)

    def sum(self, axis: Any = None) -> Any:
        return self._reduced("sum", 0.0, axis)

    def max(self, axis: Any = None) -> Any:
        return self._reduced("max", -np.inf, axis)

    def min(self, axis: Any = None) -> Any:
        return self._reduced("min", np.inf, axis)

    def mean(self, axis: Any = None) -> Any:
        count = rows.sum(rows.cast(self.mask, dtype=self.dtype), axes=tuple(range(self.mask.ndim)))
        extra = self.whole.shape[self.mask.ndim :] if axis is None else ()
        return self.sum(axis) / (count * float(np.prod(extra)))

    def _unknown(self) -> NoReturn:
        stop(
            "how many values a traced mask selects is not known beforehand",
            "np.where(mask, t, 0) and np.sum(mask), which keep the shape",
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        self._unknown()

    def __len__(self) -> int:
        self._unknown()

    @property
    def shape(self) -> Any:
        self._unknown()

    @property
    def size(self) -> Any:
        return rows.sum(rows.cast(self.mask, dtype=np.dtype(np.int64)),
                        axes=tuple(range(self.mask.ndim)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._unknown()


_REDUCTIONS: dict[Any, str] = {
    np.sum: "sum",
    np.mean: "mean",
    np.max: "max",
    np.amax: "max",
    np.min: "min",
    np.amin: "min",
}


def _operator(ufunc: Any, reverse: bool) -> Any:
    def operate(self: Selection, other: Any) -> Any:
        return call_ufunc(ufunc, *((other, self) if reverse else (self, other)))

    return operate


for _name, _ufunc in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
}.items():
    setattr(Selection, f"__{_name}__", _operator(_ufunc, reverse=False))
    setattr(Selection, f"__i{_name}__", _operator(_ufunc, reverse=False))
    setattr(Selection, f"__r{_name}__", _operator(_ufunc, reverse=True))
for _name, _ufunc in {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(Selection, f"__{_name}__", _operator(_ufunc, reverse=False))
Selection.__neg__ = lambda self: call_ufunc(np.negative, self)  # type: ignore[attr-defined]
