"""Elementwise rows that NumPy lacks: activations and the error function, as formulas."""

from collections.abc import Sequence
from typing import Any

from chainrule.ops.map import PREFIX, Map
from chainrule.ops.registry import Check, register

# --- activations that are more than a composition ------------------------------------------------


def _sigmoid(m: Any, x: Any) -> Any:
    small = m.exp(-m.absolute(x))  # at most 1, so nothing overflows
    return m.where(x >= 0, 1.0, small) / (1 + small)


sigmoid = register(
    Map(
        "sigmoid",
        _sigmoid,
        # y (1 - y) would be 0 from x = 37 on, where the truth is still e^-x.
        lambda m, y, x: (y * m.sigmoid(-x),),
        r"\sigma({0})",
        Check("scipy.special.expit", hard=(0.0, 40.0, -40.0, 800.0, -800.0)),
        "The logistic function 1 / (1 + exp(-x)): squashes a number into (0, 1).",
        like="exp",
    )
)
softplus = register(
    Map(
        "softplus",
        lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-m.absolute(x))),
        lambda m, y, x: (m.sigmoid(x),),
        r"\operatorname{{softplus}}({0})",
        Check("references.softplus", hard=(0.0, 40.0, -40.0, 800.0, -800.0)),
        "log(1 + exp(x)): a smooth relu (Dugas et al. 2001).",
        like="exp",
    )
)
log_sigmoid = register(
    Map(
        "log_sigmoid",
        lambda m, x: m.minimum(x, 0.0) - m.log1p(m.exp(-m.absolute(x))),
        lambda m, y, x: (m.sigmoid(-x),),
        r"\ln\sigma({0})",
        Check("scipy.special.log_expit", hard=(0.0, 40.0, -40.0, 800.0, -800.0)),
        "The logarithm of the sigmoid; finite wherever x is.",
        like="exp",
        level=PREFIX,
    )
)
relu = register(
    Map(
        "relu",
        lambda m, x: m.maximum(x, 0.0),
        lambda m, y, x: (m.where(x > 0, 1.0, 0.0),),
        r"\operatorname{{ReLU}}({0})",
        Check("references.relu", hard=(0.0, -0.0)),
        "The number where it is positive, else 0; derivative 0 at 0.",
        like="exp",
    )
)

# --- the error function --------------------------------------------------------------------------
#
# Chebyshev interpolants, in powers of a variable that runs from -1 to 1 over each interval. Fitted
# in 40 digits to erf(sqrt(s))/sqrt(s) on s in [0, 1], and to x exp(x^2) erfc(x) on [1, 2], [2, 4]
# and, as a function of 1/x^2, on [4, 28], beyond which erfc is below the smallest double.

_NEAR = (
    0.9654687386698673,
    -0.1405360890227171,
    0.019852496688983708,
    -0.0022854855611441132,
    0.00021751715604159932,
    -1.7537169441124866e-05,
    1.223382738359897e-06,
    -7.511569286591727e-08,
    4.115800583208149e-09,
    -2.035228405815769e-10,
    9.167619596865806e-12,
    -3.8078824063194953e-13,
    1.4543887079465116e-14,
)
_MIDDLE = (
    0.48237812468147623,
    0.0380755199277387,
    -0.012349089487335981,
    0.0033443352382666785,
    -0.0008040558668729293,
    0.0001768251447215718,
    -3.6199300504122125e-05,
    6.978435760676529e-06,
    -1.2772076308961187e-06,
    2.2328430078105404e-07,
    -3.746329303221154e-08,
    6.055573215545893e-09,
    -9.460005143402531e-10,
    1.4317878091753413e-10,
    -2.097457047806086e-11,
    3.000178038609648e-12,
    -4.549619470893152e-13,
    6.165821758989162e-14,
)
_FAR = (
    0.5370034535441699,
    0.015884371159871336,
    -0.0067191465275588625,
    0.0024460781047536515,
    -0.0008103138612421662,
    0.0002506624188853426,
    -7.34631256104749e-05,
    2.0585746256813015e-05,
    -5.550154775754518e-06,
    1.4463333325141037e-06,
    -3.6556769069218494e-07,
    8.986626481178618e-08,
    -2.1533828594425737e-08,
    5.038698434288043e-09,
    -1.153255199536227e-09,
    2.5892990236685353e-10,
    -5.6904955390415765e-11,
    1.1949881175929979e-11,
    -2.53724177524824e-12,
    6.743491687486574e-13,
    -1.37386179077514e-13,
)
_TAIL = (
    0.555593535796611,
    -0.00789572200549439,
    0.0003188399633599057,
    -2.040364741540874e-05,
    1.7438829830946038e-06,
    -1.8334471909119442e-07,
    2.259764885254264e-08,
    -3.1642440564195683e-09,
    4.924405604524888e-10,
    -8.385384084095779e-11,
    1.5419323995620936e-11,
    -2.976885248491621e-12,
    6.190377572986927e-13,
    -1.7342134732025185e-13,
    4.0858116451625904e-14,
)
TWO_OVER_SQRT_PI = 1.1283791670955126


def _polynomial(coefficients: Sequence[float], u: Any) -> Any:
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * u + coefficient
    return total


def _erf_near(m: Any, x: Any) -> Any:
    """erf(x) for |x| <= 1."""
    x = m.clip(x, -1.0, 1.0)
    return x * _polynomial(_NEAR, 2 * x * x - 1)


def _erfc_far(m: Any, x: Any) -> Any:
    """erfc(x) for x >= 1."""
    x = m.clip(x, 1.0, 28.0)
    scaled = m.where(
        x < 2,
        _polynomial(_MIDDLE, 2 * m.clip(x, 1.0, 2.0) - 3),
        m.where(
            x < 4,
            _polynomial(_FAR, m.clip(x, 2.0, 4.0) - 3),
            _polynomial(
                _TAIL, (2 / m.square(m.maximum(x, 4.0)) - (1 / 784 + 1 / 16)) / _TAIL_WIDTH
            ),
        ),
    )
    # exp(-x^2) with x^2 rounded loses digits as x grows; coarse * coarse is exact.
    coarse = m.rint(x * 16) / 16
    return m.exp(-coarse * coarse) * m.exp((coarse - x) * (coarse + x)) * scaled / x


_TAIL_WIDTH = 1 / 16 - 1 / 784


def _erf(m: Any, x: Any) -> Any:
    size = m.absolute(x)
    return m.where(size <= 1, _erf_near(m, x), m.copysign(1 - _erfc_far(m, size), x))


def _erfc(m: Any, x: Any) -> Any:
    tail = _erfc_far(m, m.absolute(x))
    return m.where(m.absolute(x) <= 1, 1 - _erf_near(m, x), m.where(x > 0, tail, 2 - tail))


erf = register(
    Map(
        "erf",
        _erf,
        lambda m, y, x: (TWO_OVER_SQRT_PI * m.exp(-x * x),),
        r"\operatorname{{erf}}({0})",
        Check("scipy.special.erf", hard=(0.0, 1.0, -1.0, 2.0, 4.0, 6.0, 40.0, -40.0)),
        "The error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
        like="exp",
    )
)
erfc = register(
    Map(
        "erfc",
        _erfc,
        lambda m, y, x: (-TWO_OVER_SQRT_PI * m.exp(-x * x),),
        r"\operatorname{{erfc}}({0})",
        Check("scipy.special.erfc", hard=(0.0, 1.0, 2.0, 4.0, 10.0, 26.0, -6.0)),
        "1 - erf(x), exact where that is tiny.",
        like="exp",
    )
)
