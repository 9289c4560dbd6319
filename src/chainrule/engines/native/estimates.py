"""Quotients from the processor's estimates, where those are faster.

A 512-bit division keeps Intel's cores busy for ten to sixteen cycles. An estimate of 1/b to 14 bits
and Newton steps in fused arithmetic take seven, and leave the divider to the square roots beside
them. The last step uses the exact remainder, so that all but one in millions are rounded correctly
(Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor", IBM J. Res.
Dev. 34, 1990). Where a step could overflow it is divided instead, all lanes together. A remainder
below the smallest normal number counts as 0; results are then within one unit in the last place.
"""

from functools import cache

import llvmlite.binding as llvm
import numpy as np

from chainrule.engines.native.ir import Builder
from chainrule.engines.native.values import Value

LANES = 16


@cache
def _has_estimates() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f"))


def is_estimated(x: Value) -> bool:
    """Whether this processor has estimates for vectors of this type."""
    return x.dtype == np.float32 and x.lanes == LANES and _has_estimates()


def quotient(b: Builder, x: Value, y: Value) -> Value:
    """x / y."""
    r = _inverse(b, y)
    rest = b.fma(-y, r, b.constant(1.0, np.float32, LANES))
    r = b.fma(r, rest, r)
    q = x * r
    better = b.fma(b.fma(-y, q, x), r, q)
    # A divisor or quotient that is 0 or infinite becomes NaN on the way; the estimate for a divisor
    # near the largest number is 0, and leaves 1.
    fine = (rest < 0.5) & (better == better)
    return b.unless(fine, better, lambda: b.binary("div", x, y))


def _inverse(b: Builder, x: Value) -> Value:
    """1 / x to 14 bits."""
    full = "llvm.x86.avx512.rcp14.ps.512"
    b.module.declare(full, f"{x.type} @{full}({x.type}, {x.type}, i16)")
    return b.make(
        f"call {x.type} @{full}({x.typed}, {x.type} zeroinitializer, i16 -1)", x.dtype, LANES
    )
