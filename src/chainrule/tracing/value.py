"""A traced value: what stands for an array while a function is recorded.

It is a *handle* on a node. Arithmetic makes new nodes; an in-place operator, `out=` and item
assignment give the handle a new node, under NumPy's own rules for shapes and casts. A handle that
came from a view (slice, transpose, reshape) reads from its base and writes through to it, so that
code which relies on NumPy's aliasing computes what it computes in NumPy.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import numpy as np

from chainrule.graph import (
    CAPTURED,
    CONSTANT,
    EMPTY,
    INPUT,
    VOID,
    Node,
    Op,
    Shape,
    Source,
    constant_node,
    current_origin,
    current_role,
    is_at_work,
    ordered,
)
from chainrule.ops import TABLE, rows
from chainrule.tracing.places import user_source, where
from chainrule.tracing.recording import active, is_recording
from chainrule.tracing.refusals import refuse, stop
from chainrule.tracing.strides import ROW_MAJOR, Strides, keeps_order, row_major

FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # NumPy function -> how it is recorded
UFUNCS: dict[Any, Callable[..., Any]] = {}  # ufuncs that are compositions of rows
METHODS: dict[str, Callable[..., Any]] = {}  # ufunc methods: reduce, accumulate, outer, at
SCIPY = {"expit": "sigmoid", "log_expit": "log_sigmoid", "erf": "erf", "erfc": "erfc"}  # by name
AFRESH: set[Any] = set()  # functions whose results are row-major whatever the operands


@dataclass
class View:
    """How a handle shares memory with its base: `read` the base, or `write` a value back into it.

    Without `write` the view is read-only, for the reason given; without `read` it cannot be told
    whether a change of the base shows in it.
    """

    base: "Traced"
    read: "Callable[[Traced], Traced] | None"
    write: "Callable[[Traced, Traced], Traced] | None"
    reason: str = ""
    seen: Node | None = None


class Traced:
    """An array, or a number, whose computation is being recorded."""

    __slots__ = ("_node", "_strides", "_view", "is_scalar")
    __hash__ = None  # type: ignore[assignment]  # as for arrays: == is elementwise

    # Set from tables: the operators below, indexing in `indexing`.
    __getitem__: ClassVar[Any]
    __setitem__: ClassVar[Any]
    __neg__: ClassVar[Any]

    def __init__(
        self,
        node: Node,
        view: View | None = None,
        is_scalar: bool | None = None,
        strides: Strides = ROW_MAJOR,
    ) -> None:
        """`is_scalar`: a NumPy number, which in-place operators rebind, rather than a 0-d array.

        `strides`: how the numbers would lie in NumPy's memory.
        """
        if view is not None and view.base.is_scalar:
            view = None  # whatever is made of a number is new
        self._node = node
        self._view = view
        self.is_scalar: bool = node.shape == () if is_scalar is None else is_scalar
        self._strides = strides
        if view is not None:
            view.seen = view.base.node

    # --- the node behind the handle ---

    @property
    def node(self) -> Node:
        view = self._view
        if view is not None:
            base = view.base.node
            if base is not view.seen:  # somebody wrote to the base since
                if view.read is None:
                    stop(f"the base has changed since of {view.reason}", "a copy: t = t.copy()")
                self._node = view.read(view.base).node
                view.seen = base
        return self._node

    def write(self, value: Any) -> None:
        """Give the handle, and what it is a view of, a new content of the same shape."""
        new = wrap(_fit(value, self).node)  # a handle of its own: `value` may share this memory
        view = self._view
        if view is not None:
            if view.write is None:
                stop(f"this would write to {view.reason}", "a copy: t = t.copy()")
            view.base.write(view.write(view.base, new))
            view.seen = view.base.node
        self._node = new.node

    @property
    def memory(self) -> Strides:
        """The strides in NumPy's memory, or None where they are not known."""
        return row_major(self.shape) if self._strides == ROW_MAJOR else self._strides

    def follow(self, sources: Iterable[Any]) -> None:
        """Lie in memory as NumPy lays out what it computes from these arrays."""
        arrays = [x for x in sources if isinstance(x, Traced) and x._strides != ROW_MAJOR]
        if not all(keeps_order(x.shape, x._strides) for x in arrays):
            self.strides_unknown()

    def strides_unknown(self) -> None:
        self._strides = None if self.ndim > 1 else ROW_MAJOR

    # --- what it looks like ---

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        stop("the shape of a traced value cannot be set", "t = t.reshape(shape)")

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.node.dtype

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.node.shape))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> "Iterator[Traced]":
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[index] for index in range(self.shape[0]))

    def __repr__(self) -> str:
        return f"<traced {self.dtype}{list(self.shape)}>"

    # --- NumPy's protocols ---

    def __chainrule_apply__(self, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return apply(op, [as_constant(arg) for arg in args], params)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            if method not in METHODS:
                stop(f"np.{ufunc.__name__}.{method} cannot be recorded", "np.add.reduce and others")
            return METHODS[method](ufunc, *inputs, **kwargs)
        out = kwargs.pop("out", None)
        mask = kwargs.pop("where", True)
        dtype = kwargs.pop("dtype", None)
        casting = kwargs.pop("casting", "same_kind")
        if kwargs:
            stop(f"np.{ufunc.__name__} with {', '.join(kwargs)}= cannot be recorded", "without it")
        if out is not None and len(out) > 1:
            stop(f"np.{ufunc.__name__} with two out= cannot be recorded", "a[...], b[...] = f(x)")
        target = out[0] if out else None
        result = call_ufunc(ufunc, *inputs)
        if dtype is not None:
            result = astype(result, dtype)
        if mask is not True:
            if target is None:
                stop("where= without out= leaves numbers undefined", "np.where(mask, f(x), x)")
            result = rows.where(wrap(as_node(mask)), result, target)
        return result if target is None else store(target, result, casting)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        handler = FUNCTIONS.get(function)
        if handler is None:
            module = getattr(function, "__module__", "numpy").replace("numpy", "np")
            stop(
                f"{module}.{function.__name__} is not among the functions that can be recorded",
                "the same in arithmetic, np.sum, np.where, np.einsum, indexing, or cr.scan",
            )
        out = kwargs.pop("out", None)
        result = handler(*args, **kwargs)
        if isinstance(result, Traced) and result._view is None and function not in AFRESH:
            given = [*args, *kwargs.values()]
            parts = [part for x in given if isinstance(x, list | tuple) for part in x]
            if not any(x is result for x in given):
                result.follow([*given, *parts])
        return result if out is None else store(out, result, "same_kind")

    def _plain(self, asked: str) -> Any:
        """The numbers, where they are the same in every call; otherwise an error at the line."""
        known = known_value(self.node)
        if known is None:
            if not is_recording():
                active()  # raises: the recording has ended
            refuse(asked)
        return known

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self._plain("array"), dtype)

    def __float__(self) -> float:
        return float(self._plain("float"))

    def __int__(self) -> int:
        return int(self._plain("float"))

    def __complex__(self) -> complex:
        return complex(self._plain("float"))

    def __index__(self) -> int:
        return int(self._plain("index").__index__())

    def __bool__(self) -> bool:
        return bool(self._plain("bool"))

    def __format__(self, spec: str) -> str:
        return format(self._plain("format").item(), spec)

    def item(self, *args: Any) -> Any:
        return self._plain("float").item(*args)

    def tolist(self) -> Any:
        return self._plain("array").tolist()

    def __reduce__(self) -> NoReturn:
        stop("a traced value cannot be pickled", "the same on what the call returns")

    def __copy__(self) -> "Traced":
        return copied(self)

    def __deepcopy__(self, memo: Any) -> "Traced":
        return copied(self)


def wrap(node: Node) -> Traced:
    return Traced(node)


def copied(value: Traced) -> Traced:
    """A handle of its own on the same numbers."""
    return Traced(value.node, is_scalar=False)


# --- making nodes --------------------------------------------------------------------------------


def as_node(value: Any) -> Node:
    """The node of an operand in the user's code; plain arrays become inputs of the graph."""
    if isinstance(value, Traced):
        return value.node
    if isinstance(value, bool | np.bool_):
        return constant_node(bool(value))
    if isinstance(value, int | float):
        return constant_node(value, weak=True)
    if isinstance(value, np.generic):
        return constant_node(value, weak=value.dtype == np.float64)
    if isinstance(value, np.ndarray):
        return active().capture(value)
    return active().capture(np.asarray(value))


def as_constant(value: Any) -> Node:
    """The node of an operand in a rule of ours; plain arrays are constants."""
    if isinstance(value, np.ndarray):
        return constant_node(value)
    return as_node(value)


def apply(op: Op, nodes: Sequence[Node], params: dict[str, Any]) -> Traced:
    """One node more: the op on these inputs, each cast to the dtype that NumPy would cast it to."""
    if not (is_recording() or is_at_work()):
        active()  # raises: the recording that these values belong to has ended
    inputs = tuple(_cast(node, dtype) for node, dtype in op.prepare(nodes))
    same = op.shortcut(inputs, params)
    if same is not None:
        return Traced(same)
    shape, dtype = op.infer(inputs, params)
    if dtype.kind in "cO":
        stop(f"{op.name} gives {dtype} numbers, and only real ones are recorded", "x.astype(float)")
    numbers = bool(nodes) and all(node.weak for node in nodes) and shape == ()
    weak = numbers and op is not TABLE["cast"]  # who asks for a dtype means it
    frozen = MappingProxyType(params) if params else EMPTY
    return Traced(Node(op, inputs, frozen, shape, dtype, weak, _source(), current_role()))


def _source() -> Source | None:
    """The user's line; for a term of the chain rule, or a rewrite, that of its origin."""
    origin, role = current_origin(), current_role()
    if origin is not None:
        return origin
    return role.of.source if role is not None else user_source()


def _cast(node: Node, dtype: np.dtype[Any]) -> Node:
    if node.dtype == dtype or node.dtype == VOID:
        return node
    if node.op is CONSTANT:
        value = node.params["value"]
        if node.weak and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            if not limits.min <= value <= limits.max:
                raise OverflowError(f"{where()}Python integer {value} out of bounds for {dtype}")
        return constant_node(value.astype(dtype), weak=False)
    params = MappingProxyType({"dtype": dtype})
    return Node(TABLE["cast"], (node,), params, node.shape, dtype, False, _source(), current_role())


def known_value(node: Node) -> Any:
    """The value of a node that depends on constants alone, or None."""
    if node.op is CONSTANT:
        return node.params["value"]
    chain = ordered([node])
    if any(each.op in (INPUT, CAPTURED) or each.dtype == VOID for each in chain):
        return None
    values: dict[Node, Any] = {}
    for each in chain:
        if each.op is CONSTANT:
            values[each] = each.params["value"]
        else:
            inputs = [values[child] for child in each.inputs]
            values[each] = np.asarray(each.op.evaluate(*inputs, **each.params), each.dtype)
    return values[node]


def call_ufunc(ufunc: Any, *inputs: Any) -> Any:
    """A ufunc on operands of the user's code."""
    for value in inputs:
        lifted = getattr(type(value), "__chainrule_lift__", None)
        if lifted is not None:
            return lifted(value, ufunc, inputs)
    handler = UFUNCS.get(ufunc)
    if handler is not None:
        found = handler(*[x if isinstance(x, Traced) else wrap(as_node(x)) for x in inputs])
        if isinstance(found, Traced) and ufunc not in AFRESH:
            found.follow(inputs)
        return found
    name = ufunc.__name__
    op = TABLE.get(SCIPY.get(name, name))
    if op is None or (getattr(op, "ufunc", None) is not ufunc and name not in SCIPY):
        name = f"np.{name}" if hasattr(np, name) else f"the elementwise function {name}"
        stop(f"{name} cannot be recorded", "the same in other elementwise functions")
    result = apply(op, [as_node(value) for value in inputs], {})
    result.follow(inputs)
    return result


# --- writing -------------------------------------------------------------------------------------


def store(target: Any, value: Any, casting: Any) -> Any:
    """`out=`: put a result into an existing value, as NumPy would."""
    if isinstance(target, tuple):
        (target,) = target
    if not isinstance(target, Traced):
        stop(
            "a traced value would be written into a plain array and freeze there",
            "a new value (a = a + t instead of a += t), or start from np.zeros_like(t)",
        )
    if target.is_scalar:
        raise TypeError(f"{where()}return arrays must be of ArrayType, and out= is a number")
    if not np.can_cast(value.dtype, target.dtype, casting):
        raise TypeError(
            f"{where()}cannot cast output from {value.dtype} to {target.dtype} with casting "
            f"rule {casting!r}"
        )
    if np.broadcast_shapes(value.shape, target.shape) != target.shape:
        raise ValueError(
            f"{where()}non-broadcastable output operand with shape {target.shape} doesn't match "
            f"the broadcast shape {np.broadcast_shapes(value.shape, target.shape)}"
        )
    target.write(value)
    return target


def _fit(value: Any, target: Traced) -> Traced:
    """A value in the shape and dtype of the memory it is written to."""
    found: Traced = astype(
        value if isinstance(value, Traced) else wrap(as_node(value)), target.dtype
    )
    if found.shape != target.shape:
        return wrap(rows.broadcast_to(found, shape=target.shape).node)
    return found


def astype(value: Any, dtype: Any) -> Any:
    """The value in another dtype; itself where it has it."""
    wanted = np.dtype(dtype)
    if value.dtype == wanted and not value.node.weak:
        return value
    return wrap(_cast(value.node, wanted)) if value.dtype != wanted else _strong(value)


def _strong(value: Traced) -> Traced:
    """The same number, which no longer gives way to the dtype it meets."""
    return apply(TABLE["cast"], [value.node], {"dtype": value.dtype})


def in_place(symbol: str, ufunc: Any) -> Callable[[Traced, Any], Any]:
    """The in-place operator of a ufunc: it writes to arrays and rebinds numbers."""

    def operator(self: Traced, other: Any) -> Any:
        result = call_ufunc(ufunc, self, other)
        return result if self.is_scalar else store(self, result, "same_kind")

    operator.__name__ = f"__i{symbol}__"
    return operator


def forward(ufunc: Any) -> Callable[[Traced, Any], Any]:
    def operator(self: Traced, other: Any) -> Any:
        return NotImplemented if _defers(other) else call_ufunc(ufunc, self, other)

    return operator


def reflected(ufunc: Any) -> Callable[[Traced, Any], Any]:
    def operator(self: Traced, other: Any) -> Any:
        return NotImplemented if _defers(other) else call_ufunc(ufunc, other, self)

    return operator


def _defers(other: Any) -> bool:
    return isinstance(other, str) or getattr(other, "__array_ufunc__", True) is None


def unary(ufunc: Any) -> Callable[[Traced], Any]:
    return lambda self: call_ufunc(ufunc, self)


_BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}

for _name, _ufunc in _BINARY.items():
    setattr(Traced, f"__{_name}__", forward(_ufunc))
    setattr(Traced, f"__r{_name}__", reflected(_ufunc))
    setattr(Traced, f"__i{_name}__", in_place(_name, _ufunc))
for _name, _ufunc in _COMPARISONS.items():
    setattr(Traced, f"__{_name}__", forward(_ufunc))
for _name, _ufunc in _UNARY.items():
    setattr(Traced, f"__{_name}__", unary(_ufunc))
