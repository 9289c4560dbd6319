"""Every elementwise row in the native engine: NumPy's results, and the stated ULP bounds."""

from itertools import product

import mpmath
import numpy as np
import pytest
from samples import MAPS, draw, settings

from chainrule.ops import TABLE
from chainrule.ops.map import Map

pytest.importorskip("llvmlite")
from native_loops import Loops

from chainrule.engines.native.vector_math import ULPS

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
WHOLE = tuple(np.dtype(code) for code in ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"))
LANES = (1, 3, 16)
# Where `long double` has no more digits than float64, NumPy's own errors are in the way.
SLACK = 0 if np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant else 4
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 2.0, 3.0, 1e30, -1e30, np.inf, -np.inf, np.nan)

EVERY_MAP = pytest.mark.parametrize("row", MAPS.values(), ids=MAPS)


def choices(row: Map) -> list[tuple[np.dtype, ...]]:
    """The dtypes of the inputs for which NumPy has an inner loop."""
    if row.name in ("where", "cast", "clip"):
        first = {"where": (np.dtype(bool),)}.get(row.name, ())
        return [(*first, *(kind,) * (row.arity - len(first))) for kind in (*FLOATS, *WHOLE)]
    ufunc = getattr(np, row.like) if row.like else row.ufunc
    found = []
    for kinds in ufunc.types:
        inputs, _ = kinds.split("->")
        dtypes = tuple(np.dtype(code) for code in inputs)
        if len(inputs) == row.arity and {*dtypes} <= {*FLOATS, *WHOLE} and dtypes not in found:
            found.append(dtypes)
        elif len(inputs) != row.arity and (dtypes[0],) * row.arity not in found:
            found.append((dtypes[0],) * row.arity)
    return found


def drawn(row: Map, dtypes: tuple[np.dtype, ...]) -> list[np.ndarray]:
    """The row's domain, its hard points, and all combinations of special values."""
    parts = [x.astype(d) for x, d in zip(draw(row, [(200,)] * row.arity), dtypes, strict=True)]
    rng = np.random.default_rng(len(row.name))
    extremes = []
    for place, dtype in enumerate(dtypes):
        if dtype.kind == "f":
            values = [*SPECIAL, *(row.check.hard if place == 0 else ())]
            values = [x for x in values if not 0 < abs(x) < np.finfo(dtype).tiny]
            if row.name in ("sin", "cos", "tan") and dtype == np.float64:
                values = [x for x in values if abs(x) != 1e30]
        elif dtype.kind == "b":
            values = [False, True]
        elif row.name == "power" and place == 1:
            values = [0, 1, 2, 3, 7, 60]  # NumPy refuses negative ones
        else:
            info = np.iinfo(dtype)
            values = [info.min, info.max, 0, 1, 2, 5, 8, 31, 63, 100, info.max // 3]
            values += [-1, -2, -7, -100] if info.min < 0 else []
        extremes.append(values)
        if row.name == "power" and dtype.kind != "f":
            parts[place] = np.abs(parts[place])
        if dtype.kind in "iu" and row.name not in ("power", "left_shift", "right_shift"):
            parts[place] = rng.integers(info.min, info.max, 200, dtype, endpoint=True)
    with np.errstate(over="ignore"):
        combined = np.array([*product(*extremes)], dtype=object).T
        return [
            np.concatenate([part, column.astype(part.dtype)])
            for part, column in zip(parts, combined, strict=True)
        ]


def wider(x: np.ndarray) -> np.ndarray:
    """More digits, so that NumPy's result is exact enough to judge ours."""
    return x.astype({"f4": np.float64, "f8": np.longdouble}.get(x.dtype.str[1:], x.dtype))


def off(found: np.ndarray, exact: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The distance in ULP: 0 for the same special value, infinite for another."""
    tiny = np.finfo(found.dtype).tiny
    rounded = exact.astype(found.dtype)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    small = (np.abs(exact) < tiny) & (np.abs(found) <= tiny)
    unit = np.spacing(np.maximum(np.abs(units), tiny).astype(found.dtype))
    distance = np.abs(found.astype(exact.dtype) - exact) / unit
    distance = np.where(np.isfinite(distance), distance, np.where(same, 0, np.inf))
    return np.where(small, 0, distance)


def bits(x: np.ndarray) -> np.ndarray:
    """To compare to the last bit; one NaN is like another."""
    return (np.where(np.isnan(x), np.nan, x) if x.dtype.kind == "f" else x).view(np.uint8)


# Made of other functions, so without a bound of their own; as in test_every_op.py.
COMPOSED = 8
CANCELLING = {"logaddexp", "logaddexp2"}
# 0 and -0 are equal, and which one NumPy chooses differs from loop to loop.
EITHER_ZERO = {"maximum", "minimum", "clip", "relu"}


@EVERY_MAP
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_row_in_every_dtype(row):
    """At 1, 3 and 16 lanes alike, bit for bit, and what NumPy gives."""
    kinds = choices(row)
    params = settings(row)
    loops = Loops(
        [
            (lambda m, *xs: row.value(m, *xs, **params), dtypes, lanes)
            for dtypes in kinds
            for lanes in LANES
        ]
    )
    for index, dtypes in enumerate(kinds):
        inputs = drawn(row, dtypes)
        every = [loops[len(LANES) * index + place](*inputs) for place in range(len(LANES))]
        for other in every[1:]:
            np.testing.assert_array_equal(bits(other), bits(every[0]))
        (found, *_), plain = every, row.evaluate(*inputs, **params)
        assert found.dtype == plain.dtype
        if dtypes[-1].kind != "f":
            keep = inputs[0] != 0 if row.name == "reciprocal" else slice(None)  # C's 1 / 0
            np.testing.assert_array_equal(found[keep], plain[keep])
        elif found.dtype.kind != "f":
            np.testing.assert_array_equal(found, plain)
        else:
            exact = np.asarray(row.evaluate(*map(wider, inputs), **params))
            if row.name in ("erf", "erfc") and dtypes[0] == np.float64:
                exact = by_mpmath(row.name, inputs[0])
            units = np.abs(exact)
            if row.name in CANCELLING:
                units = np.fmax(units, np.fmin(np.fmax.reduce([*map(np.abs, inputs)]), 1e300))
            check = off(found, exact, np.where(np.isfinite(units), units, 1))
            if row.name in ("floor_divide", "remainder", "fmod"):  # exact, but not of wider inputs
                np.testing.assert_array_equal(found, plain)
                continue
            bound = ULPS.get(row.name, (COMPOSED, COMPOSED))[FLOATS.index(dtypes[-1])]
            worst = int(np.argmax(check))
            assert check[worst] <= bound + SLACK, [x[worst] for x in (*inputs, found, exact)]
            if row.name in EITHER_ZERO:
                continue
            zeros = (found == 0) & (plain == 0)
            np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(plain[zeros]))


def by_mpmath(name: str, xs: np.ndarray) -> np.ndarray:
    function = getattr(mpmath, name)
    return np.array([np.longdouble(mpmath.nstr(function(float(x)), 22)) for x in xs])


# --- bounds on dense samples ---------------------------------------------------------------------


def dense(name: str, dtype: np.dtype) -> list[np.ndarray]:
    """All bit patterns alike, and where the function bends; subnormal numbers left out."""
    rng = np.random.default_rng(len(name))
    size = 20_000
    unsigned = np.dtype(f"u{dtype.itemsize}")
    arity = TABLE[name].arity
    found = []
    for place in range(arity):
        bits = rng.integers(0, np.iinfo(unsigned).max, size, unsigned).view(dtype)
        end = 100 if dtype == np.float32 else 750
        spread = [rng.uniform(-end, end, size), rng.normal(size=size), rng.uniform(0.5, 2, size)]
        if name == "power":  # results of every size
            scale = 10.0 ** rng.integers(-3, 3, size)
            spread = [np.exp(rng.normal(size=size) * scale), rng.normal(size=size) / scale][place]
            spread = [spread * (end if place else 1)]
        x = np.concatenate([bits, *[part.astype(dtype) for part in spread]])
        if name in ("sin", "cos", "tan") and dtype == np.float64:
            x = x[~(np.abs(x) > 1e9)]
        found.append(np.where(np.abs(x) < np.finfo(dtype).tiny, 1, x))
    return found


BOUNDED = sorted({*ULPS} - {"erf", "erfc"})


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_stated_bounds(name):
    row = TABLE[name]
    kinds = [(dtype,) * row.arity for dtype in FLOATS]
    loops = Loops([(row.value, dtypes, 64 // dtypes[0].itemsize) for dtypes in kinds])
    for loop, dtypes, bound in zip(loops, kinds, ULPS[name], strict=True):
        inputs = dense(name, dtypes[0])
        exact = np.asarray(row.evaluate(*map(wider, inputs)))
        units = np.where(np.isfinite(exact), exact, 1)
        distance = off(loop(*inputs), exact, units)
        worst = int(np.argmax(distance))
        assert distance[worst] <= bound + SLACK, [x[worst] for x in (*inputs, exact)]


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_the_bounds_of_the_error_functions(name):
    xs = np.concatenate([np.linspace(-6, 6, 400), np.linspace(6, 26, 100)])
    loops = Loops([(TABLE[name].value, (dtype,), 8) for dtype in FLOATS])
    for loop, dtype, bound in zip(loops, FLOATS, ULPS[name], strict=True):
        x = xs.astype(dtype)
        exact = by_mpmath(name, x)
        assert off(loop(x), exact, exact).max() <= bound


def test_angles_of_every_size():
    """float32 by Payne and Hanek's digits of 1/(2 pi); float64 only sane beyond its bound."""
    x = np.ldexp(np.float32(1.2345), np.arange(20, 128)).astype(np.float32)
    x = np.concatenate([x, -x, np.float32([16777216, 16777218, 5.3e27, 3.4028235e38])])
    sin, cos, tan = Loops([(TABLE[name].value, (FLOATS[0],), 16) for name in ("sin", "cos", "tan")])
    with mpmath.workdps(60):
        for loop, name in ((sin, "sin"), (cos, "cos"), (tan, "tan")):
            exact = by_mpmath(name, x)
            assert off(loop(x), exact, exact).max() <= ULPS[name][0]
    (wide,) = Loops([(TABLE["sin"].value, (FLOATS[1],), 8)])
    assert np.abs(wide(np.geomspace(1e9, 1e300, 1000))).max() <= 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_must_never_happen(dtype):
    """tanh beyond 1, a sigmoid outside [0, 1], or a function that turns back at its limit."""
    x = np.sort(np.concatenate([np.linspace(-30, 30, 50_001), np.geomspace(1e-30, 1e30, 1000)]))
    tanh, sigmoid, erf = Loops(
        [(TABLE[name].value, (dtype,), 16) for name in ("tanh", "sigmoid", "erf")]
    )
    assert np.abs(tanh(x)).max() == 1
    assert np.abs(erf(x)).max() == 1
    assert sigmoid(x).min() >= 0
    assert sigmoid(x).max() == 1


def test_whole_powers_of_numbers_known_when_the_code_is_written():
    x = np.array([0.0, -1.5, 2.0, np.inf, np.nan])
    for exponent in (-1, 0, 0.5, 1, 2, 2.0, 3, 4, 5):
        loops = Loops(
            [
                (lambda m, x, e=exponent: m.power(x, e), (FLOATS[1],), 4),
                (lambda m, x, e=exponent: m.power(x, m.builder.constant(e, "f8")), (FLOATS[1],), 4),
            ]
        )
        with np.errstate(all="ignore"):
            for loop in loops:
                np.testing.assert_allclose(loop(x), np.power(x, float(exponent)), rtol=1e-15)


def test_floats_become_whole_numbers_without_undefined_results():
    x = np.array([1.9, -1.9, 1e30, -1e30, np.nan, np.inf])
    row = TABLE["cast"]
    (loop,) = Loops([(lambda m, x: row.value(m, x, dtype=np.dtype(np.int32)), (FLOATS[1],), 8)])
    low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    np.testing.assert_array_equal(loop(x), [1, -1, high, low, 0, high])
