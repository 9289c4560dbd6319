"""`t[mask]` for a traced mask: values whose number is unknown, as the whole array and the mask.

Elementwise arithmetic, reductions and assignment back under the same mask need no more than that;
everything else would need a shape that depends on values, and is refused.
"""

from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from chainrule.graph import CONSTANT, Leaf, Node
from chainrule.ops import rows
from chainrule.tracing.refusals import stop
from chainrule.tracing.value import FUNCTIONS, Traced, astype, call_ufunc, store


class Selection(NDArrayOperatorsMixin):
    """What `t[mask]` stands for; `whole` has the shape of `t`, only its masked part counts."""

    __hash__ = None  # type: ignore[assignment]  # as for arrays: == is elementwise

    def __init__(self, whole: Traced, mask: Traced) -> None:
        if mask.shape != whole.shape[: mask.ndim]:
            raise IndexError(
                f"a boolean index of shape {mask.shape} does not match an array of shape "
                f"{whole.shape}"
            )
        self.whole = Traced(whole.node, is_scalar=False)
        self.mask = mask
        self._mask_node = mask.node

    @classmethod
    def of(cls, t: Traced, mask: Traced) -> "Selection":
        """`t[mask]`. Ones stand outside the mask, where a value of `t` could have an infinite
        derivative: its adjoint is 0, and 0 times infinity is NaN.
        """
        found = cls(t, mask)
        found.whole = Traced(rows.where(found._gate(), t, 1).node, is_scalar=False)
        return found

    def _gate(self) -> Any:
        """The mask with as many axes as `whole`."""
        extra = self.whole.ndim - self.mask.ndim
        return rows.reshape(self.mask, shape=(*self.mask.shape, *[1] * extra))

    def same_mask(self, mask: Any) -> bool:
        return isinstance(mask, Traced) and same_value(mask.node, self._mask_node)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    @property
    def ndim(self) -> int:
        return self.whole.ndim - self.mask.ndim + 1

    def __chainrule_lift__(self, ufunc: Any, inputs: Any) -> "Selection":
        """An elementwise op on selections under one mask, and on numbers."""
        if ufunc.signature is not None:  # matmul and its like are not elementwise
            self.refuse()
        wholes = []
        for value in inputs:
            if isinstance(value, Selection):
                if not same_value(value._mask_node, self._mask_node):
                    self.refuse()
                wholes.append(value.whole)
            elif np.ndim(value) == 0:
                wholes.append(value)
            else:
                self.refuse()
        return Selection(call_ufunc(ufunc, *wholes), self.mask)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        (target,) = kwargs.pop("out", (None,))
        if method != "__call__" or kwargs or ufunc.nout > 1:
            self.refuse()
        result = self.__chainrule_lift__(ufunc, inputs)
        if target is None:
            return result
        if not isinstance(target, Selection) or not same_value(target._mask_node, self._mask_node):
            self.refuse()
        store(target.whole, result.whole, "same_kind")
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        method = _REDUCTIONS.get(function)
        if method is None:
            self.refuse()
        return getattr(self, method)(*args[1:], **kwargs)

    def _reduced(self, function: Any, filler: Any, axis: Any, others: Any) -> Any:
        if others or axis not in (None, 0):
            self.refuse()
        kept = rows.where(self._gate(), self.whole, filler)
        axes = tuple(range(self.mask.ndim if axis == 0 else self.whole.ndim))
        return FUNCTIONS[function](kept, axis=axes)

    def sum(self, axis: Any = None, **others: Any) -> Any:
        return self._reduced(np.sum, 0, axis, others)

    def max(self, axis: Any = None, **others: Any) -> Any:
        """Of nothing: the smallest number there is, as how much there is is not known here."""
        return self._reduced(np.max, _extreme(self.dtype, largest=False), axis, others)

    def min(self, axis: Any = None, **others: Any) -> Any:
        return self._reduced(np.min, _extreme(self.dtype, largest=True), axis, others)

    def mean(self, axis: Any = None, **others: Any) -> Any:
        extra = self.whole.shape[self.mask.ndim :] if axis is None else ()
        total = self.sum(axis, **others)
        return total / astype(self.size * int(np.prod(extra)), total.dtype)

    def refuse(self, *args: Any) -> NoReturn:
        stop(
            "how many values a traced mask selects is not known beforehand",
            "np.where(mask, t, 0) and np.sum(mask), which keep the shape",
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        self.refuse()

    def __len__(self) -> int:
        self.refuse()

    __getitem__ = __setitem__ = __iter__ = __bool__ = __float__ = __int__ = __index__ = refuse

    @property
    def shape(self) -> Any:
        self.refuse()

    @property
    def size(self) -> Any:
        return rows.sum(
            rows.cast(self.mask, dtype=np.dtype(np.int64)), axes=tuple(range(self.mask.ndim))
        )

    def __neg__(self) -> Any:
        return call_ufunc(np.negative, self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()


def same_value(first: Node, second: Node) -> bool:
    """Whether two nodes are the same ops on the same leaves: `t[t > 0] = f(t[t > 0])`."""
    pending, seen = [(first, second)], set()
    while pending:
        a, b = pair = pending.pop()
        if a is b or pair in seen:
            continue
        seen.add(pair)
        if a.op is not b.op or len(a.inputs) != len(b.inputs) or a.dtype != b.dtype:
            return False
        if a.op is CONSTANT:
            if not np.array_equal(a.params["value"], b.params["value"]):
                return False
        elif isinstance(a.op, Leaf) or a.params != b.params:
            return False
        pending += zip(a.inputs, b.inputs, strict=True)
    return True


def _extreme(dtype: np.dtype[Any], largest: bool) -> Any:
    """The largest or smallest number of a dtype."""
    if dtype.kind == "f":
        return np.inf if largest else -np.inf
    if dtype.kind == "b":
        return largest
    limits = np.iinfo(dtype)
    return limits.max if largest else limits.min


_REDUCTIONS: dict[Any, str] = {
    np.sum: "sum",
    np.mean: "mean",
    np.max: "max",
    np.amax: "max",
    np.min: "min",
    np.amin: "min",
}
