"""Arithmetic, rounding, comparisons and whole numbers: rows that carry NumPy's names.

Conventions at kinks, so that every engine and every explanation agree: |x| has derivative 0 at 0;
`maximum` and `minimum` share the gradient equally between equal arguments; `clip` passes it at
both limits; `relu` has derivative 0 at 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node, Params
from chainrule.ops.map import POWER, PREFIX, PRODUCT, SUM, Map, result_type
from chainrule.ops.registry import ANY, POSITIVE, Check, register

# --- arithmetic --------------------------------------------------------------------------------

add = register(
    Map(
        "add",
        lambda m, a, b: m.add(a, b),
        lambda m, y, a, b: (1, 1),
        "{0} + {1}",
        Check("operator.add", (ANY, ANY)),
        "The sum of two numbers.",
        level=SUM,
        arity=2,
    )
)
subtract = register(
    Map(
        "subtract",
        lambda m, a, b: m.subtract(a, b),
        lambda m, y, a, b: (1, -1),
        "{0} - {1}",
        Check("operator.sub", (ANY, ANY)),
        "The difference of two numbers.",
        level=SUM,
        arity=2,
    )
)
multiply = register(
    Map(
        "multiply",
        lambda m, a, b: m.multiply(a, b),
        lambda m, y, a, b: (b, a),
        r"{0} \, {1}",
        Check("operator.mul", (ANY, ANY)),
        "The product of two numbers.",
        level=PRODUCT,
        arity=2,
    )
)
divide = register(
    Map(
        "divide",
        lambda m, a, b: m.divide(a, b),
        lambda m, y, a, b: (1 / b, -y / b),
        r"\frac{{{0}}}{{{1}}}",
        Check("operator.truediv", (ANY, POSITIVE)),
        "The quotient of two numbers.",
        arity=2,
    )
)
negative = register(
    Map(
        "negative",
        lambda m, x: m.negative(x),
        lambda m, y, x: (-1,),
        "-{0}",
        Check("operator.neg"),
        "The number with its sign turned.",
        level=PREFIX,
    )
)
reciprocal = register(
    Map(
        "reciprocal",
        lambda m, x: m.reciprocal(x),
        lambda m, y, x: (-y * y,),
        r"\frac{{1}}{{{0}}}",
        Check("references.reciprocal", (POSITIVE,)),
        "One divided by the number.",
    )
)
square = register(
    Map(
        "square",
        lambda m, x: m.square(x),
        lambda m, y, x: (2 * x,),
        "{0}^2",
        Check("references.square"),
        "The number times itself.",
        level=POWER,
    )
)


def _power_partials(m: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    # At a = 0 the plain formula has log(0); the limit of a**b · log(a) is 0 there for b > 0.
    logarithm = m.log(m.where(a == 0, 1.0, a))
    # a**0 is 1 everywhere, also at a = 0, where the plain formula has 0 · 0**-1.
    lowered = m.power(a, m.where(b == 0, 1.0, b - 1))
    return b * lowered, m.where(a == 0, 0.0, y * logarithm)


power = register(
    Map(
        "power",
        lambda m, a, b: m.power(a, b),
        _power_partials,
        "{0}^{{{1}}}",
        Check("mpmath.power", (POSITIVE, ANY)),
        "The first number raised to the second.",
        level=POWER,
        arity=2,
    )
)
remainder = register(
    Map(
        "remainder",
        lambda m, a, b: m.remainder(a, b),
        lambda m, y, a, b: (1, -m.floor(a / b)),
        r"{0} \bmod {1}",
        Check("operator.mod", (ANY, POSITIVE)),
        "What is left of the first number after whole multiples of the second; sign of the second.",
        level=PRODUCT,
        arity=2,
    )
)
fmod = register(
    Map(
        "fmod",
        lambda m, a, b: m.fmod(a, b),
        lambda m, y, a, b: (1, -m.trunc(a / b)),
        r"\operatorname{{fmod}}({0}, {1})",
        Check("math.fmod", (ANY, POSITIVE)),
        "What is left of the first number after whole multiples of the second; sign of the first.",
        arity=2,
    )
)
floor_divide = register(
    Map(
        "floor_divide",
        lambda m, a, b: m.floor_divide(a, b),
        None,
        r"\lfloor {0} / {1} \rfloor",
        Check("operator.floordiv", (ANY, POSITIVE)),
        "The quotient rounded down.",
        arity=2,
    )
)

# --- rounding and signs ------------------------------------------------------------------------

absolute = register(
    Map(
        "absolute",
        lambda m, x: m.absolute(x),
        lambda m, y, x: (m.sign(x),),
        "|{0}|",
        Check("builtins.abs", hard=(0.0, -0.0)),
        "The number without its sign.",
    )
)
sign = register(
    Map(
        "sign",
        lambda m, x: m.sign(x),
        None,
        r"\operatorname{{sign}}({0})",
        Check("mpmath.sign", hard=(0.0,)),
        "1, 0 or -1.",
    )
)
floor = register(
    Map(
        "floor",
        lambda m, x: m.floor(x),
        None,
        r"\lfloor {0} \rfloor",
        Check("math.floor"),
        "The largest whole number that is not larger.",
    )
)
ceil = register(
    Map(
        "ceil",
        lambda m, x: m.ceil(x),
        None,
        r"\lceil {0} \rceil",
        Check("math.ceil"),
        "The smallest whole number that is not smaller.",
    )
)
trunc = register(
    Map(
        "trunc",
        lambda m, x: m.trunc(x),
        None,
        r"\operatorname{{trunc}}({0})",
        Check("math.trunc"),
        "The number without its fraction.",
    )
)
rint = register(
    Map(
        "rint",
        lambda m, x: m.rint(x),
        None,
        r"\operatorname{{round}}({0})",
        Check("builtins.round", hard=(0.5, 1.5, -2.5)),
        "The nearest whole number; halves go to the even one.",
    )
)
copysign = register(
    Map(
        "copysign",
        lambda m, a, b: m.copysign(a, b),
        lambda m, y, a, b: (m.sign(a) * m.copysign(1.0, b), None),
        r"\operatorname{{copysign}}({0}, {1})",
        Check("math.copysign", (ANY, ANY)),
        "The size of the first number with the sign of the second.",
        arity=2,
    )
)
maximum = register(
    Map(
        "maximum",
        lambda m, a, b: m.maximum(a, b),
        lambda m, y, a, b: (_share(m, a, b), _share(m, b, a)),
        r"\max({0}, {1})",
        Check("builtins.max", (ANY, ANY)),
        "The larger of two numbers; equal ones share the gradient.",
        arity=2,
    )
)
minimum = register(
    Map(
        "minimum",
        lambda m, a, b: m.minimum(a, b),
        lambda m, y, a, b: (_share(m, b, a), _share(m, a, b)),
        r"\min({0}, {1})",
        Check("builtins.min", (ANY, ANY)),
        "The smaller of two numbers; equal ones share the gradient.",
        arity=2,
    )
)


def _share(m: Any, larger: Any, smaller: Any) -> Any:
    return m.where(larger == smaller, 0.5, m.where(larger > smaller, 1.0, 0.0))


clip = register(
    Map(
        "clip",
        lambda m, x, low, high: m.minimum(m.maximum(x, low), high),
        lambda m, y, x, low, high: (
            m.where(m.logical_and(x >= low, x <= high), 1.0, 0.0),
            m.where(m.logical_and(x < low, low <= high), 1.0, 0.0),
            m.where(m.logical_or(x > high, low > high), 1.0, 0.0),
        ),
        r"\operatorname{{clip}}({0}, {1}, {2})",
        Check("references.clip", (ANY, (-2.0, -1.0), (1.0, 2.0))),
        "The number, moved to the nearer limit where it lies outside.",
        like="maximum",
        arity=3,
    )
)

# --- choosing and comparing --------------------------------------------------------------------


class Select(Map):
    """`where`: the condition keeps its dtype, the two choices share one."""

    def prepare(self, inputs: Sequence[Node]) -> list[tuple[Node, np.dtype[Any]]]:
        condition, *choices = inputs
        common = result_type(choices)
        return [(condition, np.dtype(bool)), *[(node, common) for node in choices]]


where = register(
    Select(
        "where",
        lambda m, condition, a, b: m.where(condition, a, b),
        lambda m, y, condition, a, b: (
            None,
            m.where(condition, 1.0, 0.0),
            m.where(condition, 0.0, 1.0),
        ),
        r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}",
        Check("references.where", (ANY, ANY, ANY)),
        "The second input where the first is true, the third elsewhere.",
        arity=3,
    )
)


def _comparison(name: str, symbol: str, doc: str) -> Map:
    return register(
        Map(
            name,
            lambda m, a, b: getattr(m, name)(a, b),
            None,
            f"[{{0}} {symbol} {{1}}]",
            Check(f"operator.{_OPERATORS[name]}", (ANY, ANY)),
            doc,
            result="bool",
            arity=2,
        )
    )


_OPERATORS = {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}
equal = _comparison("equal", "=", "Whether two numbers are equal.")
not_equal = _comparison("not_equal", r"\ne", "Whether two numbers differ.")
less = _comparison("less", "<", "Whether the first number is smaller.")
less_equal = _comparison("less_equal", r"\le", "Whether the first number is not larger.")
greater = _comparison("greater", ">", "Whether the first number is larger.")
greater_equal = _comparison("greater_equal", r"\ge", "Whether the first number is not smaller.")


def _test(name: str, latex: str, doc: str, hard: tuple[float, ...] = ()) -> Map:
    return register(
        Map(
            name,
            lambda m, x: getattr(m, name)(x),
            None,
            latex,
            Check(f"references.{name}", hard=hard),
            doc,
            result="bool",
        )
    )


SPECIAL = (float("nan"), float("inf"), float("-inf"), 0.0)
isnan = _test("isnan", r"[{0} = \text{{NaN}}]", "Whether it is not a number.", SPECIAL)
isinf = _test("isinf", r"[|{0}| = \infty]", "Whether it is infinite.", SPECIAL)
isfinite = _test("isfinite", r"[|{0}| < \infty]", "Whether it is neither.", SPECIAL)
logical_not = _test("logical_not", r"\neg {0}", "True where the input is 0 or false.", (0.0,))


def _logic(name: str, symbol: str, doc: str) -> Map:
    return register(
        Map(
            name,
            lambda m, a, b: getattr(m, name)(a, b),
            None,
            f"{{0}} {symbol} {{1}}",
            Check(f"references.{name}", (ANY, ANY), hard=(0.0,)),
            doc,
            level=SUM,
            result="bool",
            arity=2,
        )
    )


logical_and = _logic("logical_and", r"\land", "True where both are not 0.")
logical_or = _logic("logical_or", r"\lor", "True where at least one is not 0.")
logical_xor = _logic("logical_xor", r"\oplus", "True where exactly one is not 0.")

# --- whole numbers -----------------------------------------------------------------------------


def _bitwise(
    name: str, symbol: str, reference: str, doc: str, second: tuple[float, float] = ANY
) -> Map:
    return register(
        Map(
            name,
            lambda m, a, b: getattr(m, name)(a, b),
            None,
            f"{{0}} {symbol} {{1}}",
            Check(f"operator.{reference}", (ANY, second)),
            doc,
            level=SUM,
            arity=2,
        )
    )


bitwise_and = _bitwise("bitwise_and", r"\mathbin{{\&}}", "and_", "The bits that both have.")
bitwise_or = _bitwise("bitwise_or", r"\mathbin{{|}}", "or_", "The bits that either has.")
bitwise_xor = _bitwise("bitwise_xor", r"\oplus", "xor", "The bits that one of them has.")
SHIFT = (0.0, 5.0)
left_shift = _bitwise("left_shift", r"\ll", "lshift", "The first, doubled so many times.", SHIFT)
right_shift = _bitwise("right_shift", r"\gg", "rshift", "The first, halved so many times.", SHIFT)
invert = register(
    Map(
        "invert",
        lambda m, x: m.invert(x),
        None,
        r"\lnot {0}",
        Check("operator.invert"),
        "Every bit turned.",
        level=PREFIX,
    )
)


class Cast(Map):
    """`cast`: the only Map whose result has a dtype of its own choosing."""

    def prepare(self, inputs: Sequence[Node]) -> list[tuple[Node, np.dtype[Any]]]:
        return [(node, node.dtype) for node in inputs]

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Any, np.dtype[Any]]:
        return inputs[0].shape, params["dtype"]

    def shortcut(self, inputs: Sequence[Node], params: Params) -> Node | None:
        (x,) = inputs
        return x if x.dtype == params["dtype"] and not x.weak else None


cast = register(
    Cast(
        "cast",
        lambda m, x, dtype: x.astype(dtype),
        lambda m, y, x, dtype: (1,),
        "{0}",
        Check("references.cast"),
        "The same number in another dtype.",
        level=SUM,
    )
)
