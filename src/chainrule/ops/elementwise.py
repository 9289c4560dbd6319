"""The elementwise rows that carry NumPy's names.

Conventions at kinks, so that every engine and every explanation agree: |x| has derivative 0 at 0;
`maximum` and `minimum` share the gradient equally between equal arguments; `clip` passes it at
both limits; `relu` has derivative 0 at 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node, Params
from chainrule.ops.map import POWER, PREFIX, PRODUCT, SUM, Map, result_type
from chainrule.ops.registry import Check, register

LN2 = 0.6931471805599453
LN10 = 2.302585092994046

ANY = (-3.0, 3.0)
POSITIVE = (0.2, 3.0)
UNIT = (-0.9, 0.9)

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

# --- exponentials and logarithms ---------------------------------------------------------------

exp = register(
    Map(
        "exp",
        lambda m, x: m.exp(x),
        lambda m, y, x: (y,),
        "e^{{{0}}}",
        Check("mpmath.exp", hard=(0.0, -745.0, 709.0)),
        "The exponential function.",
        level=POWER,
    )
)
exp2 = register(
    Map(
        "exp2",
        lambda m, x: m.exp2(x),
        lambda m, y, x: (y * LN2,),
        "2^{{{0}}}",
        Check("references.exp2"),
        "Two to the power of the number.",
        level=POWER,
    )
)
expm1 = register(
    Map(
        "expm1",
        lambda m, x: m.expm1(x),
        lambda m, y, x: (y + 1,),
        "e^{{{0}}} - 1",
        Check("mpmath.expm1", hard=(1e-20, -1e-12)),
        "exp(x) - 1, exact near 0.",
        level=SUM,
    )
)
log = register(
    Map(
        "log",
        lambda m, x: m.log(x),
        lambda m, y, x: (1 / x,),
        r"\ln {0}",
        Check("mpmath.log", (POSITIVE,), hard=(1e-300, 1.0)),
        "The natural logarithm.",
        level=PREFIX,
    )
)
log2 = register(
    Map(
        "log2",
        lambda m, x: m.log2(x),
        lambda m, y, x: (1 / (x * LN2),),
        r"\log_2 {0}",
        Check("references.log2", (POSITIVE,)),
        "The logarithm to base two.",
        level=PREFIX,
    )
)
log10 = register(
    Map(
        "log10",
        lambda m, x: m.log10(x),
        lambda m, y, x: (1 / (x * LN10),),
        r"\log_{{10}} {0}",
        Check("mpmath.log10", (POSITIVE,)),
        "The logarithm to base ten.",
        level=PREFIX,
    )
)
log1p = register(
    Map(
        "log1p",
        lambda m, x: m.log1p(x),
        lambda m, y, x: (1 / (1 + x),),
        r"\ln(1 + {0})",
        Check("mpmath.log1p", ((-0.8, 3.0),), hard=(1e-20,)),
        "log(1 + x), exact near 0.",
    )
)


def _difference(m: Any, a: Any, b: Any) -> Any:
    """a - b, and 0 where both are the same infinity."""
    return m.where(m.logical_and(a == b, m.isinf(a)), 0.0, a - b)


logaddexp = register(
    Map(
        "logaddexp",
        lambda m, a, b: m.maximum(a, b) + m.log1p(m.exp(-m.absolute(_difference(m, a, b)))),
        lambda m, y, a, b: (m.sigmoid(_difference(m, a, b)), m.sigmoid(_difference(m, b, a))),
        r"\ln(e^{{{0}}} + e^{{{1}}})",
        Check("references.logaddexp", (ANY, ANY), hard=(-800.0, 800.0)),
        "The logarithm of a sum of exponentials; never overflows.",
        arity=2,
    )
)
logaddexp2 = register(
    Map(
        "logaddexp2",
        lambda m, a, b: m.maximum(a, b) + m.log1p(m.exp2(-m.absolute(_difference(m, a, b)))) / LN2,
        lambda m, y, a, b: (
            m.sigmoid(_difference(m, a, b) * LN2),
            m.sigmoid(_difference(m, b, a) * LN2),
        ),
        r"\log_2(2^{{{0}}} + 2^{{{1}}})",
        Check("references.logaddexp2", (ANY, ANY)),
        "The logarithm to base two of a sum of powers of two; never overflows.",
        arity=2,
    )
)
sqrt = register(
    Map(
        "sqrt",
        lambda m, x: m.sqrt(x),
        lambda m, y, x: (0.5 / y,),
        r"\sqrt{{{0}}}",
        Check("mpmath.sqrt", (POSITIVE,)),
        "The square root.",
    )
)
cbrt = register(
    Map(
        "cbrt",
        lambda m, x: m.cbrt(x),
        lambda m, y, x: (1 / (3 * y * y),),
        r"\sqrt[3]{{{0}}}",
        Check("mpmath.cbrt", (POSITIVE,)),
        "The cube root.",
    )
)
hypot = register(
    Map(
        "hypot",
        lambda m, a, b: m.hypot(a, b),
        lambda m, y, a, b: (a / y, b / y),
        r"\sqrt{{{0}^2 + {1}^2}}",
        Check("mpmath.hypot", (ANY, POSITIVE)),
        "The length of the vector (a, b).",
        arity=2,
    )
)

# --- trigonometry ------------------------------------------------------------------------------

sin = register(
    Map(
        "sin",
        lambda m, x: m.sin(x),
        lambda m, y, x: (m.cos(x),),
        r"\sin {0}",
        Check("mpmath.sin"),
        "The sine of an angle in radians.",
        level=PREFIX,
    )
)
cos = register(
    Map(
        "cos",
        lambda m, x: m.cos(x),
        lambda m, y, x: (-m.sin(x),),
        r"\cos {0}",
        Check("mpmath.cos"),
        "The cosine of an angle in radians.",
        level=PREFIX,
    )
)
tan = register(
    Map(
        "tan",
        lambda m, x: m.tan(x),
        lambda m, y, x: (1 + y * y,),
        r"\tan {0}",
        Check("mpmath.tan", ((-1.2, 1.2),)),
        "The tangent of an angle in radians.",
        level=PREFIX,
    )
)
arcsin = register(
    Map(
        "arcsin",
        lambda m, x: m.arcsin(x),
        lambda m, y, x: (1 / m.sqrt((1 - x) * (1 + x)),),
        r"\arcsin {0}",
        Check("mpmath.asin", (UNIT,)),
        "The angle with this sine.",
        level=PREFIX,
    )
)
arccos = register(
    Map(
        "arccos",
        lambda m, x: m.arccos(x),
        lambda m, y, x: (-1 / m.sqrt((1 - x) * (1 + x)),),
        r"\arccos {0}",
        Check("mpmath.acos", (UNIT,)),
        "The angle with this cosine.",
        level=PREFIX,
    )
)
arctan = register(
    Map(
        "arctan",
        lambda m, x: m.arctan(x),
        lambda m, y, x: (1 / (1 + x * x),),
        r"\arctan {0}",
        Check("mpmath.atan"),
        "The angle with this tangent.",
        level=PREFIX,
    )
)
arctan2 = register(
    Map(
        "arctan2",
        lambda m, a, b: m.arctan2(a, b),
        lambda m, y, a, b: (b / (a * a + b * b), -a / (a * a + b * b)),
        r"\operatorname{{atan2}}({0}, {1})",
        Check("mpmath.atan2", (ANY, POSITIVE)),
        "The angle of the vector (b, a).",
        arity=2,
    )
)
sinh = register(
    Map(
        "sinh",
        lambda m, x: m.sinh(x),
        lambda m, y, x: (m.cosh(x),),
        r"\sinh {0}",
        Check("mpmath.sinh"),
        "The hyperbolic sine.",
        level=PREFIX,
    )
)
cosh = register(
    Map(
        "cosh",
        lambda m, x: m.cosh(x),
        lambda m, y, x: (m.sinh(x),),
        r"\cosh {0}",
        Check("mpmath.cosh"),
        "The hyperbolic cosine.",
        level=PREFIX,
    )
)
tanh = register(
    Map(
        "tanh",
        lambda m, x: m.tanh(x),
        lambda m, y, x: (1 - y * y,),
        r"\tanh {0}",
        Check("mpmath.tanh", hard=(0.0, 1e-9, 20.0, -400.0)),
        "The hyperbolic tangent.",
        level=PREFIX,
    )
)
arcsinh = register(
    Map(
        "arcsinh",
        lambda m, x: m.arcsinh(x),
        lambda m, y, x: (1 / m.sqrt(x * x + 1),),
        r"\operatorname{{arsinh}} {0}",
        Check("mpmath.asinh"),
        "The number with this hyperbolic sine.",
        level=PREFIX,
    )
)
arccosh = register(
    Map(
        "arccosh",
        lambda m, x: m.arccosh(x),
        lambda m, y, x: (1 / m.sqrt((x - 1) * (x + 1)),),
        r"\operatorname{{arcosh}} {0}",
        Check("mpmath.acosh", ((1.2, 4.0),)),
        "The positive number with this hyperbolic cosine.",
        level=PREFIX,
    )
)
arctanh = register(
    Map(
        "arctanh",
        lambda m, x: m.arctanh(x),
        lambda m, y, x: (1 / ((1 - x) * (1 + x)),),
        r"\operatorname{{artanh}} {0}",
        Check("mpmath.atanh", (UNIT,)),
        "The number with this hyperbolic tangent.",
        level=PREFIX,
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
