"""The builder that writes one function: arithmetic, memory, and control."""

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.engines.native.arithmetic import Arithmetic, mangled
from chainrule.engines.native.lines import Module
from chainrule.engines.native.values import BOOL, INT64, DType, Value, scalar_name, type_name

__all__ = ["Builder", "Module"]


class Builder(Arithmetic):
    """Writes the text of one function, from its entry to its end."""

    # --- memory ---

    def address(self, base: str, offset: "int | Value", dtype: DType) -> str:
        """The place of an element; `offset` counts elements."""
        if isinstance(offset, int) and offset == 0:
            return base
        memory = "i8" if dtype == BOOL else scalar_name(dtype)
        index = offset if isinstance(offset, int) else offset.name
        return self.pointer(f"getelementptr inbounds {memory}, ptr {base}, i64 {index}")

    def load(
        self,
        base: str,
        offset: "int | Value",
        dtype: DType,
        lanes: int = 1,
        live: int = 0,
        stays: bool = False,
    ) -> Value:
        """Neighbouring elements as a vector; with `live`, only the first so many are read.

        What `stays` while the function runs is read once in a block.
        """
        place = self.address(base, offset, dtype)
        memory = np.dtype(np.int8) if dtype == BOOL else dtype
        kind, size = type_name(memory, lanes), memory.itemsize
        if live and live < lanes:
            mask = self._mask(lanes, live)
            full = f"llvm.masked.load.{mangled(memory, lanes)}.p0"
            self.module.declare(full, f"{kind} @{full}(ptr, <{lanes} x i1>, {kind})")
            text = f"call {kind} @{full}(ptr align {size} {place}, {mask}, {kind} zeroinitializer)"
        else:
            text = f"load {kind}, ptr {place}, align {size}"
        name = self._named(text, "v", stays)
        found = Value(self, name, memory, lanes)
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
            full = f"llvm.masked.store.{mangled(value.dtype, lanes)}.p0"
            self.module.declare(full, f"void @{full}({value.type}, ptr, <{lanes} x i1>)")
            self.emit(f"call void @{full}({value.typed}, ptr align {size} {place}, {mask})")
        else:
            self.emit(f"store {value.typed}, ptr {place}, align {size}")

    def _mask(self, lanes: int, live: int) -> str:
        bits = ", ".join(f"i1 {'true' if lane < live else 'false'}" for lane in range(lanes))
        return f"<{lanes} x i1> <{bits}>"

    def scratch(self, dtype: DType, count: int) -> str:
        """Memory for so many elements while the function runs; asked for at its entry."""
        name = f"%{self.fresh('p')}"
        self.first.append(f"  {name} = alloca [{count} x {scalar_name(dtype)}], align 64")
        return name

    def clear(self, base: str, offset: "int | Value", count: "int | Value") -> None:
        """Set so many bytes to 0."""
        place = self.address(base, offset, np.dtype(np.int8))
        full = "llvm.memset.p0.i64"
        self.module.declare(full, f"void @{full}(ptr, i8, i64, i1)")
        size = self.integer(count)
        self.emit(f"call void @{full}(ptr {place}, i8 0, {size.typed}, i1 false)")

    def prefetch(
        self, base: str, offset: "int | Value", dtype: DType, written: bool = False
    ) -> None:
        """Ask for the cache line of an element that will be read soon, or written; any address is
        allowed.
        """
        index = offset if isinstance(offset, int) else offset.name
        place = self.pointer(f"getelementptr {scalar_name(dtype)}, ptr {base}, i64 {index}")
        full = "llvm.prefetch.p0"
        self.module.declare(full, f"void @{full}(ptr, i32, i32, i32)")
        self.emit(f"call void @{full}(ptr {place}, i32 {int(written)}, i32 3, i32 1)")

    def claim(self, base: str, offset: "int | Value", dtype: DType) -> None:
        """Write back what is there, so that no other core has its cache line any more.

        Prefetching for a write would not do: AMD's processors then do nothing for a line that they
        already hold, although others hold it too.
        """
        place, number = self.address(base, offset, dtype), self.fresh("same")
        kind = f"i{8 * dtype.itemsize}"
        self.emit(f"%{number} = load volatile {kind}, ptr {place}")
        self.emit(f"store volatile {kind} %{number}, ptr {place}")

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
