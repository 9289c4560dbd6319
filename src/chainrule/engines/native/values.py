"""Values in LLVM's language: numbers and vectors of NumPy's dtypes, by their names in a text.

A `Value` takes Python's operators, so that the formulas of the op rows, written against NumPy, run
on it as they stand. Comparisons give booleans (one bit in registers, one byte in memory).
"""

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from chainrule.engines.native.arithmetic import Arithmetic

DType = np.dtype[Any]
BOOL, INT64 = np.dtype(bool), np.dtype(np.int64)
_NAMES = {"f4": "float", "f8": "double", "b1": "i1"}


def scalar_name(dtype: DType) -> str:
    """LLVM's name of a number in a register: `float`, `i64`, `i1`."""
    return _NAMES.get(dtype.str[1:], f"i{8 * dtype.itemsize}")


def type_name(dtype: DType, lanes: int = 1) -> str:
    """The same for a vector: `<16 x float>`."""
    return scalar_name(dtype) if lanes == 1 else f"<{lanes} x {scalar_name(dtype)}>"


def literal(value: Any, dtype: DType) -> str:
    """A number as LLVM writes it; floats by their bits, so that none is rounded."""
    if dtype.kind == "f":
        rounded = float(dtype.type(value))
        return f"0x{struct.pack('>d', rounded).hex().upper()}"
    if dtype.kind == "b":
        return "true" if value else "false"
    return str(int(dtype.type(value).view(f"i{dtype.itemsize}")))


class Value:
    """Something computed: its name in the text, its dtype, and how many lanes it has."""

    __slots__ = ("builder", "dtype", "lanes", "name")

    def __init__(self, builder: "Arithmetic", name: str, dtype: DType, lanes: int = 1) -> None:
        self.builder, self.name, self.dtype, self.lanes = builder, name, dtype, lanes

    @property
    def type(self) -> str:
        return type_name(self.dtype, self.lanes)

    @property
    def typed(self) -> str:
        return f"{self.type} {self.name}"

    def astype(self, dtype: Any) -> "Value":
        return self.builder.convert(self, np.dtype(dtype))

    def __add__(self, other: Any) -> "Value":
        return self.builder.binary("add", self, other)

    def __radd__(self, other: Any) -> "Value":
        return self.builder.binary("add", other, self)

    def __sub__(self, other: Any) -> "Value":
        return self.builder.binary("sub", self, other)

    def __rsub__(self, other: Any) -> "Value":
        return self.builder.binary("sub", other, self)

    def __mul__(self, other: Any) -> "Value":
        return self.builder.binary("mul", self, other)

    def __rmul__(self, other: Any) -> "Value":
        return self.builder.binary("mul", other, self)

    def __truediv__(self, other: Any) -> "Value":
        return self.builder.binary("div", self, other)

    def __rtruediv__(self, other: Any) -> "Value":
        return self.builder.binary("div", other, self)

    def __neg__(self) -> "Value":
        return self.builder.negative(self)

    def __and__(self, other: Any) -> "Value":
        return self.builder.binary("and", self, other)

    def __or__(self, other: Any) -> "Value":
        return self.builder.binary("or", self, other)

    def __xor__(self, other: Any) -> "Value":
        return self.builder.binary("xor", self, other)

    def __lshift__(self, other: Any) -> "Value":
        return self.builder.binary("shl", self, other)

    def __rshift__(self, other: Any) -> "Value":
        return self.builder.binary("shr", self, other)

    def __lt__(self, other: Any) -> "Value":
        return self.builder.compare("lt", self, other)

    def __le__(self, other: Any) -> "Value":
        return self.builder.compare("le", self, other)

    def __gt__(self, other: Any) -> "Value":
        return self.builder.compare("gt", self, other)

    def __ge__(self, other: Any) -> "Value":
        return self.builder.compare("ge", self, other)

    # As for arrays, == compares lane by lane, which Python's own types do not foresee; and what has
    # no truth value cannot be looked up by its hash.
    def __eq__(self, other: object) -> "Value":  # type: ignore[override]
        return self.builder.compare("eq", self, other)

    def __ne__(self, other: object) -> "Value":  # type: ignore[override]
        return self.builder.compare("ne", self, other)

    __hash__ = None  # type: ignore[assignment]
