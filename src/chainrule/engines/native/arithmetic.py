"""Numbers and vectors of numbers, and what is computed with them, as lines of LLVM's language."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.native.lines import Lines
from chainrule.engines.native.values import (
    BOOL,
    INT64,
    DType,
    Value,
    literal,
    scalar_name,
    type_name,
)

_FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "rem": "frem"}
_INT_OPS = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor"}
_SIGNED = {"shr": "ashr", "div": "sdiv", "rem": "srem", "shl": "shl"}
_UNSIGNED = {"shr": "lshr", "div": "udiv", "rem": "urem", "shl": "shl"}
_FLOAT_TESTS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}


class Arithmetic(Lines):
    """Lines that compute."""

    def make(self, text: str, dtype: DType, lanes: int = 1) -> Value:
        """A value: `%v7 = text`."""
        return Value(self, self._named(text, "v"), dtype, lanes)

    def constant(self, value: Any, dtype: Any, lanes: int = 1) -> Value:
        dtype = np.dtype(dtype)
        text = literal(value, dtype)
        if lanes > 1:
            text = f"splat ({scalar_name(dtype)} {text})"
        return Value(self, text, dtype, lanes)

    def vector(self, values: Sequence[Any], dtype: Any) -> Value:
        """A vector of these constants."""
        dtype = np.dtype(dtype)
        parts = ", ".join(f"{scalar_name(dtype)} {literal(value, dtype)}" for value in values)
        return Value(self, f"<{parts}>", dtype, len(values))

    def integer(self, value: "int | Value") -> Value:
        return value if isinstance(value, Value) else self.constant(value, INT64)

    def both(self, a: Any, b: Any) -> tuple[Value, Value]:
        """Two operands of one type: numbers take the other's dtype, scalars its lanes."""
        like = a if isinstance(a, Value) else b
        if not isinstance(a, Value):
            a = self.constant(a, like.dtype, like.lanes)
        if not isinstance(b, Value):
            b = self.constant(b, like.dtype, like.lanes)
        lanes = max(a.lanes, b.lanes)
        return self.splat(a, lanes), self.splat(b, lanes)

    def splat(self, value: Value, lanes: int) -> Value:
        """A scalar in every lane."""
        if value.lanes == lanes:
            return value
        if not value.name.startswith("%"):
            text = f"splat ({scalar_name(value.dtype)} {value.name})"
            return Value(self, text, value.dtype, lanes)
        kind = type_name(value.dtype, lanes)
        one = self.pointer(f"insertelement {kind} poison, {value.typed}, i32 0")
        zero = f"<{lanes} x i32> zeroinitializer"
        text = f"shufflevector {kind} {one}, {kind} poison, {zero}"
        return self.make(text, value.dtype, lanes)

    def extract(self, value: Value, lane: int) -> Value:
        if value.lanes == 1:
            return value
        return self.make(f"extractelement {value.typed}, i32 {lane}", value.dtype)

    def gathered(self, parts: Sequence[Value], lanes: int) -> Value:
        """Scalars as the first lanes of a vector; the others are 0."""
        dtype = parts[0].dtype
        kind = type_name(dtype, lanes)
        name = "zeroinitializer"
        for lane, part in enumerate(parts):
            new = f"%{self.fresh()}"
            self.emit(f"{new} = insertelement {kind} {name}, {part.typed}, i32 {lane}")
            name = new
        return Value(self, name, dtype, lanes)

    def halves(self, x: Value) -> tuple[Value, Value]:
        """The lower and the upper lanes of a vector."""
        lanes = [*range(x.lanes)]
        half = x.lanes // 2
        return self.chosen([x], lanes[:half]), self.chosen([x], lanes[half:])

    def chosen(self, sources: Sequence[Value], places: Sequence[int]) -> Value:
        """Lanes of one vector or two, which are counted on from the first to the second."""
        first = sources[0]
        if len(places) == 1:
            return self.extract(sources[places[0] // first.lanes], places[0] % first.lanes)
        second = sources[1].name if len(sources) > 1 else "poison"
        order = ", ".join(f"i32 {place}" for place in places)
        text = (
            f"shufflevector {first.typed}, {first.type} {second}, <{len(places)} x i32> <{order}>"
        )
        return self.make(text, first.dtype, len(places))

    def transposed(self, rows: Sequence[Value]) -> list[Value]:
        """A square of numbers, its rows as vectors, as the vectors of its columns.

        Rows are shuffled together pair by pair; log2(rows) perfect shuffles make a transposition.
        """
        found, lanes = list(rows), rows[0].lanes
        half = lanes // 2
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(found[:half], found[half:], strict=True)
            found = [part for a, b in pairs for part in self._interleaved(a, b)]
        return found

    def _interleaved(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a0 b0 a1 b1 …, its lower and its upper half."""
        lanes, half = a.lanes, a.lanes // 2
        parts = []
        for begin in (0, half):
            order = [k for lane in range(begin, begin + half) for k in (lane, lanes + lane)]
            parts.append(self.chosen([a, b], order))
        return parts[0], parts[1]

    def any(self, x: Value) -> Value:
        """Whether a boolean vector holds anywhere."""
        if x.lanes == 1:
            return x
        bits = self.make(f"bitcast {x.typed} to i{x.lanes}", np.dtype(np.int64))
        return self.make(f"icmp ne i{x.lanes} {bits.name}, 0", BOOL)

    def binary(self, op: str, a: Any, b: Any) -> Value:
        a, b = self.both(a, b)
        if a.dtype.kind == "f":
            name = f"{_FLOAT_OPS[op]}{self.flags}"
        elif op in _INT_OPS:
            simple = _without_work(op, a, b)
            if simple is not None:
                return simple
            if a.dtype == BOOL:
                op = {"add": "or", "mul": "and", "sub": "xor"}.get(op, op)
            name = _INT_OPS[op]
        else:
            name = (_SIGNED if a.dtype.kind == "i" else _UNSIGNED)[op]
        return self.make(f"{name} {a.typed}, {b.name}", a.dtype, a.lanes)

    def negative(self, x: Value) -> Value:
        if x.dtype.kind == "f":
            return self.make(f"fneg {x.typed}", x.dtype, x.lanes)
        return self.binary("sub", 0, x)

    def compare(self, test: str, a: Any, b: Any) -> Value:
        a, b = self.both(a, b)
        if a.dtype.kind == "f":
            text = f"fcmp {_FLOAT_TESTS[test]}"
        elif test in ("eq", "ne"):
            text = f"icmp {test}"
        else:
            text = f"icmp {'s' if a.dtype.kind == 'i' else 'u'}{test}"
        return self.make(f"{text} {a.typed}, {b.name}", BOOL, a.lanes)

    def select(self, condition: Value, a: Any, b: Any) -> Value:
        a, b = self.both(a, b)
        lanes = max(a.lanes, condition.lanes)
        condition, a, b = (self.splat(x, lanes) for x in (condition, a, b))
        return self.make(f"select {condition.typed}, {a.typed}, {b.typed}", a.dtype, lanes)

    def convert(self, x: Value, dtype: DType) -> Value:
        """As NumPy's astype."""
        old = x.dtype
        if old == dtype:
            return x
        if dtype == BOOL:
            return x != 0
        if old == BOOL:
            op = "uitofp" if dtype.kind == "f" else "zext"
        elif old.kind == "f" and dtype.kind == "f":
            op = "fpext" if dtype.itemsize > old.itemsize else "fptrunc"
        elif old.kind == "f":
            return self._whole(x, dtype)
        elif dtype.kind == "f":
            op = "sitofp" if old.kind == "i" else "uitofp"
        elif dtype.itemsize == old.itemsize:
            return Value(self, x.name, dtype, x.lanes)
        elif dtype.itemsize < old.itemsize:
            op = "trunc"
        else:
            op = "sext" if old.kind == "i" else "zext"
        return self.make(f"{op} {x.typed} to {type_name(dtype, x.lanes)}", dtype, x.lanes)

    def _whole(self, x: Value, dtype: DType) -> Value:
        """A float as an integer, cut to the dtype's range, NaN to 0; `fptosi` has no rule there."""
        op = "fptosi" if dtype.kind == "i" else "fptoui"
        kind = type_name(dtype, x.lanes)
        suffix = f"{mangled(dtype, x.lanes)}.{mangled(x.dtype, x.lanes)}"
        full = f"llvm.{op}.sat.{suffix}"
        self.module.declare(full, f"{kind} @{full}({x.type})")
        return self.make(f"call {kind} @{full}({x.typed})", dtype, x.lanes)

    def bitcast(self, x: Value, dtype: Any) -> Value:
        """The same bits as another dtype of the same size."""
        dtype = np.dtype(dtype)
        if scalar_name(dtype) == scalar_name(x.dtype):
            return Value(self, x.name, dtype, x.lanes)
        return self.make(f"bitcast {x.typed} to {type_name(dtype, x.lanes)}", dtype, x.lanes)

    def intrinsic(self, name: str, *xs: Value, dtype: Any = None, flags: str = "") -> Value:
        """A call of `llvm.name` whose operands and result have the type of the first."""
        first = xs[0]
        suffix = f"v{first.lanes}" if first.lanes > 1 else ""
        kind = first.dtype.kind if first.dtype != BOOL else "i"
        bits = 1 if first.dtype == BOOL else 8 * first.dtype.itemsize
        suffix += f"{'f' if kind == 'f' else 'i'}{bits}"
        full = f"llvm.{name}.{suffix}"
        result = np.dtype(dtype) if dtype is not None else first.dtype
        kinds = ", ".join(x.type for x in xs)
        self.module.declare(full, f"{type_name(result, first.lanes)} @{full}({kinds})")
        arguments = ", ".join(x.typed for x in xs)
        text = f"call {flags}{type_name(result, first.lanes)} @{full}({arguments})"
        return self.make(text, result, first.lanes)

    def fma(self, a: Any, b: Any, c: Value) -> Value:
        """a · b + c, rounded once."""
        a, b = (x if isinstance(x, Value) else self.constant(x, c.dtype) for x in (a, b))
        lanes = max(a.lanes, b.lanes, c.lanes)
        return self.intrinsic("fma", *(self.splat(x, lanes) for x in (a, b, c)))


def _without_work(op: str, a: Value, b: Value) -> Value | None:
    """x + 0, x - 0, x · 1, x · 0, for whole numbers that stand in the text."""
    if op in ("add", "mul") and not a.name.startswith("%"):
        a, b = b, a
    if (op, b.name) in (("add", "0"), ("sub", "0"), ("mul", "1")):
        return a
    return b if (op, b.name) == ("mul", "0") else None


def mangled(dtype: DType, lanes: int) -> str:
    kind = "f" if dtype.kind == "f" else "i"
    return f"{f'v{lanes}' if lanes > 1 else ''}{kind}{8 * dtype.itemsize}"
