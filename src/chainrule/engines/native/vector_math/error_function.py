"""The error function."""

from chainrule.engines.native.values import Value
from chainrule.engines.native.vector_math.exponentials import Exponentials
from chainrule.engines.native.vector_math.formats import SINGLE, unfused

# erf(x)/x - 1 in powers of x^2, for |x| <= 1; log(erfc(x)) for x from 1 to 4.
ERF_NEAR = (
    0.12837917,
    -0.37612626,
    0.11283594,
    -0.026854211,
    0.0051890872,
    -0.00080168643,
    7.875875e-05,
)
ERF_FAR = (
    0.00032013806,
    -1.1302334,
    -0.63182604,
    -0.110080086,
    0.026421135,
    -0.004759596,
    0.00059680565,
    -4.605804e-05,
    1.6371514e-06,
)


class ErrorFunction(Exponentials):
    @unfused
    def erf_single(self, x: Value) -> Value:
        """erf in float32: x + x P(x^2) up to 1, then 1 - exp(Q(|x|)), the log of erfc being smooth.

        Two short polynomials and one exponential, where the row's formula, made for float64, has
        four long ones and two.
        """
        size = self._at_most(self.absolute(x), 4.0)  # from 3.92 on the result is 1
        near = self.fma(x, self.polynomial(ERF_NEAR, x * x), x)
        exponent, p = self._reduced(self.polynomial(ERF_FAR, size))
        scale = self._power_of_two(exponent, SINGLE)
        far = 1 - self.fma(scale, p, scale)
        return self.builder.select(size < 1, near, self.copysign(far, x))
