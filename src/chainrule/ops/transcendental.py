"""Exponentials, logarithms, and the functions of angles: rows that carry NumPy's names."""

from typing import Any

from chainrule.ops.map import POWER, PREFIX, SUM, Map
from chainrule.ops.registry import ANY, POSITIVE, UNIT, Check, register

LN2 = 0.6931471805599453
LN10 = 2.302585092994046

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
