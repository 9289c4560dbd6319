"""LLVM's language as text: a builder that writes one function, and the module around them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

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


# Instructions that always give the same for the same operands.
_PURE = {
    *_FLOAT_OPS.values(),
    *_INT_OPS.values(),
    *("fneg", "icmp", "fcmp", "select", "bitcast", "getelementptr"),
    *("insertelement", "extractelement", "shufflevector", "sext", "zext", "trunc"),
}


class Builder:
    """Writes the text of one function, from its entry to its end.

    Multiplications and additions may be fused (the flag `contract`); nothing else is rearranged,
    so that every element is computed alike wherever it stands.
    """

    def __init__(
        self,
        module: "Module",
        name: str,
        parameters: Sequence[tuple[str, str]],
        returns: str = "void",
        attributes: str = "internal",
    ) -> None:
        """`parameters` are pairs of an LLVM type and a name."""
        self.module, self.name = module, name
        self.returns, self._attributes = returns, attributes
        self.lines: list[str] = []
        self._count = 0
        self.block = "entry"
        self._known: dict[str, str] = {}  # names by what they are, in this block
        self.flags = " contract"  # of arithmetic with floats
        self._parameters = ", ".join(f"{kind} %{text}" for kind, text in parameters)

    @contextmanager
    def unfused(self) -> Iterator[None]:
        """Arithmetic written inside is rounded step by step, fused only where `fma` says so.

        For formulas that recover a rounding error, such as (a - (s - b)) with s = a + b.
        """
        before, self.flags = self.flags, ""
        try:
            yield
        finally:
            self.flags = before

    # --- text ---

    def emit(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def fresh(self, prefix: str = "v") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def make(self, text: str, dtype: DType, lanes: int = 1) -> Value:
        """A value: `%v7 = text`."""
        return Value(self, self._named(text, "v"), dtype, lanes)

    def pointer(self, text: str) -> str:
        return self._named(text, "p")

    def _named(self, text: str, prefix: str) -> str:
        """A name for what `text` computes; the same one again in the same block, if that is safe.

        It keeps the text short, which is what compilation takes its time for.
        """
        known = self._known.get(text)
        if known is not None:
            return known
        name = f"%{self.fresh(prefix)}"
        self.lines.append(f"  {name} = {text}")
        if text.split(" ", 1)[0] in _PURE:
            self._known[text] = name
        return name

    def pointer_named(self, name: str, text: str) -> None:
        self.lines.append(f"  {name} = {text}")

    def begin(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label
        self._known.clear()

    def jump(self, label: str) -> None:
        self.emit(f"br label %{label}")

    def text(self) -> str:
        body = "\n".join(self.lines)
        if self.returns == "void":
            body += "\n  ret void"
        head = f"define {self._attributes} {self.returns} @{self.name}({self._parameters})"
        return f"{head} nounwind {{\nentry:\n{body}\n}}\n"

    # --- numbers ---

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
        half = x.lanes // 2
        found = []
        for begin in (0, half):
            if half == 1:
                found.append(self.extract(x, begin))
                continue
            places = ", ".join(f"i32 {begin + lane}" for lane in range(half))
            text = f"shufflevector {x.typed}, {x.type} poison, <{half} x i32> <{places}>"
            found.append(self.make(text, x.dtype, half))
        return found[0], found[1]

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
            places = ", ".join(f"i32 {k}" for k in order)
            text = f"shufflevector {a.typed}, {b.typed}, <{lanes} x i32> <{places}>"
            parts.append(self.make(text, a.dtype, lanes))
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
        suffix = f"{_mangled(dtype, x.lanes)}.{_mangled(x.dtype, x.lanes)}"
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

    # --- memory ---

    def address(self, base: str, offset: "int | Value", dtype: DType) -> str:
        """The place of an element; `offset` counts elements."""
        if isinstance(offset, int) and offset == 0:
            return base
        memory = "i8" if dtype == BOOL else scalar_name(dtype)
        index = offset if isinstance(offset, int) else offset.name
        return self.pointer(f"getelementptr inbounds {memory}, ptr {base}, i64 {index}")

    def load(
        self, base: str, offset: "int | Value", dtype: DType, lanes: int = 1, live: int = 0
    ) -> Value:
        """Neighbouring elements as a vector; with `live`, only the first so many are read."""
        place = self.address(base, offset, dtype)
        memory = np.dtype(np.int8) if dtype == BOOL else dtype
        kind, size = type_name(memory, lanes), memory.itemsize
        if live and live < lanes:
            mask = self._mask(lanes, live)
            full = f"llvm.masked.load.{_mangled(memory, lanes)}.p0"
            self.module.declare(full, f"{kind} @{full}(ptr, <{lanes} x i1>, {kind})")
            text = f"call {kind} @{full}(ptr align {size} {place}, {mask}, {kind} zeroinitializer)"
        else:
            text = f"load {kind}, ptr {place}, align {size}"
        found = self.make(text, memory, lanes)
        return found != 0 if dtype == BOOL else found

    def store(self, value: Value, base: str, offset: "int | Value", live: int = 0) -> None:
        """Write a vector to neighbouring elements; with `live`, only its first so many lanes."""
        dtype, lanes = value.dtype, value.lanes
        place = self.address(base, offset, dtype)
        if dtype == BOOL:
            value = self.convert(value, np.dtype(np.int8))
        size = value.dtype.itemsize
        if live and live < lanes:
            mask = self._mask(lanes, live)
            full = f"llvm.masked.store.{_mangled(value.dtype, lanes)}.p0"
            self.module.declare(full, f"void @{full}({value.type}, ptr, <{lanes} x i1>)")
            self.emit(f"call void @{full}({value.typed}, ptr align {size} {place}, {mask})")
        else:
            self.emit(f"store {value.typed}, ptr {place}, align {size}")

    def _mask(self, lanes: int, live: int) -> str:
        bits = ", ".join(f"i1 {'true' if lane < live else 'false'}" for lane in range(lanes))
        return f"<{lanes} x i1> <{bits}>"

    def scratch(self, dtype: DType, count: int) -> str:
        """Memory for so many elements while the function runs; asked for at its entry."""
        return self.pointer(f"alloca [{count} x {scalar_name(dtype)}], align 64")

    def clear(self, base: str, offset: "int | Value", count: "int | Value") -> None:
        """Set so many bytes to 0."""
        place = self.address(base, offset, np.dtype(np.int8))
        full = "llvm.memset.p0.i64"
        self.module.declare(full, f"void @{full}(ptr, i8, i64, i1)")
        size = self.integer(count)
        self.emit(f"call void @{full}(ptr {place}, i8 0, {size.typed}, i1 false)")

    def prefetch(self, base: str, index: "int | Value", dtype: np.dtype[Any]) -> None:
        """Ask for the cache line of an element that will be read soon; any address is allowed."""
        place = self.address(base, index, dtype)
        full = "llvm.prefetch.p0"
        self.module.declare(full, f"void @{full}(ptr, i32, i32, i32)")
        self.emit(f"call void @{full}(ptr {place}, i32 0, i32 3, i32 1)")

    def load_pointer(self, base: str, index: int) -> str:
        """Entry `index` of an array of pointers."""
        place = self.pointer(f"getelementptr inbounds ptr, ptr {base}, i64 {index}")
        return self.pointer(f"load ptr, ptr {place}, align 8")

    # --- control ---

    def loop(
        self,
        start: "int | Value",
        stop: "int | Value",
        step: int,
        body: Callable[..., Sequence[Value] | None],
        carry: Sequence[Value] = (),
        written_out: int = 1,
        together: int = 1,
    ) -> list[Value]:
        """for i in range(start, stop, step): carry = body(i, *carry). Returns the last carry.

        A loop of at most `written_out` rounds, known beforehand, is written without a loop. Where
        the number of rounds is a multiple of `together`, so many are written one after another.
        """
        if isinstance(start, int) and isinstance(stop, int):
            rounds = range(start, stop, step)
            if len(rounds) <= written_out:
                for place in rounds:
                    carry = body(place, *carry) or []
                return list(carry)
        guarded = not (isinstance(start, int) and isinstance(stop, int))
        first, last = self.integer(start), self.integer(stop)
        head, done = self.fresh("loop"), self.fresh("done")
        before = self.block
        if guarded:
            self.emit(f"br i1 {(first < last).name}, label %{head}, label %{done}")
        else:
            self.jump(head)
        self.begin(head)
        place = len(self.lines)
        index = Value(self, f"%{self.fresh('i')}", INT64)
        inner = [Value(self, f"%{self.fresh('c')}", x.dtype, x.lanes) for x in carry]
        out = inner
        for ahead in range(together):
            out = list(body(index + ahead * step if ahead else index, *out) or [])
        after = index + together * step
        phis = [
            f"  {index.name} = phi i64 [{first.name}, %{before}], [{after.name}, %{self.block}]"
        ]
        for old, phi, new in zip(carry, inner, out, strict=True):
            sources = f"[{old.name}, %{before}], [{new.name}, %{self.block}]"
            phis.append(f"  {phi.name} = phi {phi.type} {sources}")
        self.lines[place:place] = phis
        back = self.block
        self.emit(f"br i1 {(after < last).name}, label %{head}, label %{done}")
        self.begin(done)
        if not guarded:
            return out
        results = []
        for old, new in zip(carry, out, strict=True):
            sources = f"[{old.name}, %{before}], [{new.name}, %{back}]"
            results.append(self.make(f"phi {old.type} {sources}", old.dtype, old.lanes))
        return results

    def repeat_while(
        self, test: Callable[[Value], Value], body: Callable[[Value], Value], value: Value
    ) -> Value:
        """while test(value): value = body(value)"""
        head, inside, done = self.fresh("head"), self.fresh("inside"), self.fresh("done")
        before = self.block
        self.jump(head)
        self.begin(head)
        place = len(self.lines)
        phi = Value(self, f"%{self.fresh('c')}", value.dtype, value.lanes)
        condition = test(phi)
        self.emit(f"br i1 {condition.name}, label %{inside}, label %{done}")
        self.begin(inside)
        new = body(phi)
        sources = f"[{value.name}, %{before}], [{new.name}, %{self.block}]"
        self.lines[place:place] = [f"  {phi.name} = phi {phi.type} {sources}"]
        self.jump(head)
        self.begin(done)
        return phi

    def unless(self, fine: Value, value: Value, other: Callable[[], Value]) -> Value:
        """`value` where `fine` holds in all lanes, else what `other` computes."""
        rare, done = self.fresh("rare"), self.fresh("done")
        trouble = self.any(fine ^ True)
        before = self.block
        self.emit(f"br i1 {trouble.name}, label %{rare}, label %{done}")
        self.begin(rare)
        found = other()
        last = self.block
        self.jump(done)
        self.begin(done)
        sources = f"[{value.name}, %{before}], [{found.name}, %{last}]"
        return self.make(f"phi {value.type} {sources}", value.dtype, value.lanes)

    def when(self, condition: Value, body: Callable[[], None]) -> None:
        """if condition: body()"""
        then, done = self.fresh("then"), self.fresh("done")
        self.emit(f"br i1 {condition.name}, label %{then}, label %{done}")
        self.begin(then)
        body()
        self.jump(done)
        self.begin(done)


def _without_work(op: str, a: Value, b: Value) -> Value | None:
    """x + 0, x - 0, x · 1, x · 0, for whole numbers that stand in the text."""
    if op in ("add", "mul") and not a.name.startswith("%"):
        a, b = b, a
    if (op, b.name) in (("add", "0"), ("sub", "0"), ("mul", "1")):
        return a
    return b if (op, b.name) == ("mul", "0") else None


def _mangled(dtype: DType, lanes: int) -> str:
    kind = "f" if dtype.kind == "f" else "i"
    return f"{f'v{lanes}' if lanes > 1 else ''}{kind}{8 * dtype.itemsize}"


class Module:
    """The text of a module: functions and the declarations that they need."""

    def __init__(self) -> None:
        self._declared: dict[str, str] = {}
        self._functions: list[str] = []
        self._shared: set[str] = set()

    def declare(self, name: str, signature: str) -> None:
        self._declared.setdefault(name, f"declare {signature}")

    def add(self, text: str) -> None:
        self._functions.append(text)

    def share(self, name: str, text: Callable[[], str]) -> None:
        """Add a function that several others call, once."""
        if name not in self._shared:
            self._shared.add(name)
            self.add(text())

    def text(self) -> str:
        return "\n".join([*self._declared.values(), "", *self._functions])
