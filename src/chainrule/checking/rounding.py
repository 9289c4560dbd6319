"""How large the numbers are that cancel in a gradient, and so what rounding may leave of it.

Near an optimum a gradient is a small sum of large contributions, and its last digits are noise. The
true program is run again with every value changed in its last digits at random: what that does to
a result, against the change, is the size of what was summed (Monte Carlo arithmetic: Parker 1997).
"""

import numpy as np

from chainrule.checking.steps import Array, Program

RUNS = 4
CHANGE = 2.0**-36  # relative, of every value: far above rounding, and small enough to be linear
MARGIN = 16.0  # between what a few runs show and what another order of operations may do
DOUBLE, SINGLE = 2.0**-53, 2.0**-24  # relative rounding of one operation


def noise_of(program: Program) -> dict[str, float]:
    """For each result the deviation that rounding in float64 may leave."""
    generator = np.random.default_rng(0)
    found = dict.fromkeys(program.outputs, 0.0)
    for _ in range(RUNS):
        values: list[Array] = []
        for step in program.steps:
            with np.errstate(all="ignore"):  # what is not finite is so in the program as well
                value = step.call(*(values[index] for index in step.inputs))
            is_exact = step.op == "constant"  # a number that was written
            if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f":
                signs = generator.choice((-1.0, 1.0), np.shape(value))
                value = value if is_exact else value * (1 + CHANGE * signs)
            values.append(value)
        for name, index in program.outputs.items():
            gap = np.abs(values[index] - program.steps[index].value)
            found[name] = max(found[name], float(np.max(gap, initial=0.0)) / CHANGE)
    return {n: MARGIN * DOUBLE * size if np.isfinite(size) else 0.0 for n, size in found.items()}
