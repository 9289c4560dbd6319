"""LLVM's language as text: a module, and the lines of one function in it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

LEAST_PART = 150_000  # characters of a module that are compiled by themselves
_HEAD = re.compile(r"^define internal (.*?\))", re.M)

# Instructions that always give the same for the same operands.
_PURE = {
    *("fadd", "fsub", "fmul", "fdiv", "frem", "add", "sub", "mul", "and", "or", "xor"),
    *("fneg", "icmp", "fcmp", "select", "bitcast", "getelementptr"),
    *("insertelement", "extractelement", "shufflevector", "sext", "zext", "trunc"),
}


class Lines:
    """The text of one function, from its entry to its end.

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
        self.first: list[str] = []  # before all others
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

    def pointer(self, text: str) -> str:
        return self._named(text, "p")

    def _named(self, text: str, prefix: str, stays: bool = False) -> str:
        """A name for what `text` computes; the same one again in the same block, if that is safe:
        where it only computes, or reads what `stays` as it is.

        It keeps the text short, which is what compilation takes its time for.
        """
        known = self._known.get(text)
        if known is not None:
            return known
        name = f"%{self.fresh(prefix)}"
        self.lines.append(f"  {name} = {text}")
        if stays or text.split(" ", 1)[0] in _PURE:
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
        body = "\n".join([*self.first, *self.lines])
        if self.returns == "void":
            body += "\n  ret void"
        head = f"define {self._attributes} {self.returns} @{self.name}({self._parameters})"
        return f"{head} nounwind {{\nentry:\n{body}\n}}\n"


class Module:
    """The text of a module: functions and the declarations that they need."""

    def __init__(self) -> None:
        self._declared: dict[str, str] = {}
        self._functions: list[str] = []
        self._shared: set[str] = set()
        self._begun = 0  # how many functions are in parts
        self._elsewhere: list[str] = []  # their declarations

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

    def is_long(self) -> bool:
        """Whether the functions that are in no part yet are enough for one."""
        return sum(map(len, self._functions[self._begun :])) >= LEAST_PART

    def part(self) -> str:
        """The functions that are in no part yet, as a module that calls those of parts before."""
        own = self._functions[self._begun :]
        lines = [*self._declared.values(), *self._elsewhere]
        self._begun = len(self._functions)
        self._elsewhere += [f"declare {head}" for text in own for head in _HEAD.findall(text)]
        return "\n".join([*lines, *(_HEAD.sub(r"define \1", text) for text in own)])
