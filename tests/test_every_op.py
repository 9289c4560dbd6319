"""Every row of the op table: value, dtype, gradient, second derivative, notation.

The tests iterate the table: a new row is tested as soon as it is registered, and refused until it
says what to test it with.
"""

from functools import partial
from itertools import product

import mpmath
import numpy as np
import pytest
from gradcheck import check_gradient
from samples import ALL, MAPS, OTHERS, draw, input_dtypes, reference, settings

from chainrule.ops import TABLE, rows
from chainrule.ops.map import ATOM, SUM, Map
from chainrule.pipeline import compile, grad
from chainrule.tracing import trace

EVERY = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
EVERY_MAP = pytest.mark.parametrize("row", MAPS.values(), ids=MAPS)
FLOATS = (np.float32, np.float64)


# --- what a row says of itself -------------------------------------------------------------------


@EVERY
def test_the_row_has_samples_that_use_it(row):
    own = [sample for sample in ALL if sample.row == row.name]
    assert own, f"tests/samples.py has no inputs for {row.name}"
    used = [node.op for sample in own for node in trace(sample.function, *sample.inputs).nodes]
    # Casting float64 to float64 is no operation; `test_cast` has the others.
    assert row in used or row.name == "cast"


@EVERY
def test_the_documentation_is_one_sentence_on_one_line(row):
    assert row.doc.endswith(".")
    assert len(row.doc.splitlines()) == 1
    assert len(row.doc) <= 100


@EVERY
def test_the_notation_renders(row):
    names = ["ALPHA", "BETA", "GAMMA"]
    text = row.latex.format(*names)
    if isinstance(row, Map):
        shown = [name for name in names if name in text]
        assert shown == names[: row.arity]
        assert SUM <= row.level <= ATOM
    bare = text.replace(r"\{", "").replace(r"\}", "")
    open_braces = np.cumsum([{"{": 1, "}": -1}.get(character, 0) for character in bare])
    assert open_braces.min() >= 0
    assert open_braces[-1] == 0


# --- Map: values ---------------------------------------------------------------------------------

# In units of the last place of the result. NumPy's own elementwise functions reach 3; the error
# functions, which are ours, 7.
ULPS = 8
# Where the logarithm of a sum nears 0, its terms cancel: there the unit is that of the inputs.
CANCELLING = {"logaddexp", "logaddexp2"}
COUNT = 100


def points(row: Map, dtype) -> list[np.ndarray]:
    """Random points of the domain, then the hard ones."""
    drawn = draw(row, [(COUNT,)] * row.arity)
    drawn = [x.astype(dtype) if x.dtype.kind == "f" else x for x in drawn]
    hard = np.array(row.check.hard, drawn[0].dtype)
    return [np.append(drawn[0], hard), *[np.append(x, x[: len(hard)]) for x in drawn[1:]]]


def exact(row: Map, numbers) -> list:
    """The row's reference at every point, in 60 digits where it is mpmath's."""
    module = row.check.reference.partition(".")[0]
    high_precision = module in ("mpmath", "references")

    def argument(x):
        return mpmath.mpf(x.item()) if high_precision and x.dtype.kind == "f" else x.item()

    with mpmath.workdps(60):
        return [reference(row)(*map(argument, point)) for point in zip(*numbers, strict=True)]


def ulps_off(row: Map, found, expected, numbers) -> float:
    """The largest error in units of the last place of the rounded truth."""
    worst = 0.0
    for place, (value, truth) in enumerate(zip(found, expected, strict=True)):
        with np.errstate(over="ignore"):
            rounded = found.dtype.type(float(truth))
        if value == rounded:
            continue
        sizes = [rounded]
        if row.name in CANCELLING:
            sizes += [x[place] for x in numbers]
        unit = np.spacing(max(abs(size) for size in sizes))
        worst = max(worst, float(abs(mpmath.mpf(value.item()) - truth) / float(unit)))
    return worst


@EVERY_MAP
@pytest.mark.parametrize("dtype", FLOATS)
def test_value_of_a_map(row, dtype):
    """The row's own formula, and what the NumPy engine makes of it."""
    numbers = points(row, dtype)
    expected = exact(row, numbers)
    with np.errstate(all="ignore"):
        by_formula = np.asarray(row.evaluate(*numbers, **settings(row)))
    by_engine = compile(partial(row, **settings(row)))(*numbers)
    for found in (by_formula, by_engine):
        if found.dtype.kind == "f":
            assert found.dtype == (np.float64 if row.name == "cast" else dtype)
            assert ulps_off(row, found, expected, numbers) <= ULPS
        else:
            np.testing.assert_array_equal(found, expected)


SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e300, -1e300, 5e-324)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in MAPS.items() if row.ufunc is not None]
)
def test_numpys_own_functions_at_special_numbers(row):
    """NaN, infinities, zeros of both signs, huge and tiny numbers, in all combinations."""
    if input_dtypes(row)[0].kind != "f":
        specials = (0, 1, 5, 62) if "shift" in row.name else (0, 1, -1, 2**62, -(2**63))
        numbers = np.array(list(product(specials, repeat=row.arity))).T
    else:
        numbers = np.array(list(product(SPECIAL, repeat=row.arity))).T
    with np.errstate(all="ignore"):
        expected = row.ufunc(*numbers)
        found = np.asarray(row.evaluate(*numbers))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    zeros = (found == 0) & (expected.dtype.kind == "f")
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))
    np.testing.assert_array_equal(compile(row.ufunc, "numpy")(*numbers), expected)


LIMITS = {  # at minus and plus infinity; all are NaN at NaN
    "sigmoid": (0, 1),
    "softplus": (0, np.inf),
    "log_sigmoid": (-np.inf, 0),
    "relu": (0, np.inf),
    "erf": (-1, 1),
    "erfc": (2, 0),
    "cast": (-np.inf, np.inf),
}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=name)
        for name, row in MAPS.items()
        if row.ufunc is None and row.arity == 1
    ],
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_our_own_functions_at_the_limits(row, dtype):
    ends = np.array([-np.inf, np.inf, np.nan], dtype)
    found = compile(partial(row, **settings(row)))(ends)
    np.testing.assert_array_equal(found, [*LIMITS[row.name], np.nan])


def test_clip_and_where_at_special_numbers():
    specials = np.array(SPECIAL)
    clip = compile(lambda x: rows.clip(x, -1.0, 1.0), "numpy")
    np.testing.assert_array_equal(clip(specials), np.clip(specials, -1.0, 1.0))
    crossed = compile(lambda x: rows.clip(x, 1.0, -1.0), "numpy")
    np.testing.assert_array_equal(crossed(specials), np.clip(specials, 1.0, -1.0))
    where = compile(lambda x: rows.where(x > 0, x, 0.0), "numpy")
    np.testing.assert_array_equal(where(specials), np.where(specials > 0, specials, 0.0))


# --- Map: dtypes ---------------------------------------------------------------------------------

ONES = {
    name: np.ones(2, name)
    for name in ("bool", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64")
}
ONES |= {"Python int": 1, "Python float": 1.0}


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in MAPS.items() if row.ufunc is not None]
)
def test_promotion_is_numpys(row):
    """Every combination of dtypes and Python numbers, also those that NumPy refuses."""
    for names in product(ONES, repeat=row.arity):
        operands = [ONES[name] for name in names]
        if set(names) == {"Python int"}:
            continue  # nothing to record: Python ints are static
        try:
            with np.errstate(all="ignore"):
                expected = row.ufunc(*operands)
        except TypeError:
            with pytest.raises(TypeError):
                trace(row.ufunc, *operands)
            continue
        (output,) = trace(row.ufunc, *operands).outputs
        assert output.dtype == np.asarray(expected).dtype, names


FOLLOWERS = [
    pytest.param(row, getattr(np, row.like), id=f"{name}-{row.like}")
    for name, row in MAPS.items()
    if row.like and getattr(np, row.like).nin == row.arity
]


@pytest.mark.parametrize(("row", "model"), FOLLOWERS)
def test_functions_that_numpy_lacks_promote_as_the_one_they_name(row, model):
    for operand in ONES.values():
        if operand is not ONES["Python int"]:
            (output,) = trace(row, operand).outputs
            assert output.dtype == np.asarray(model(operand)).dtype


@pytest.mark.parametrize("names", list(product(ONES, repeat=2)), ids=" and ".join)
def test_where_and_clip_promote_as_numpys(names):
    a, b = (ONES[name] for name in names)
    condition = np.array([True, False])
    (output,) = trace(np.where, condition, a, b).outputs
    assert output.dtype == np.where(condition, a, b).dtype
    x = np.ones(2, np.float32)
    (output,) = trace(np.clip, x, a, b).outputs
    assert output.dtype == np.clip(x, a, b).dtype


@pytest.mark.parametrize("source", [name for name in ONES if "Python" not in name])
@pytest.mark.parametrize("target", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_cast(source, target):
    x = np.array([0, 1, 2.7, 100]).astype(source)
    found = compile(lambda x: x.astype(target))(x)
    np.testing.assert_array_equal(found, x.astype(target), strict=True)
    if source in ("float32", "float64") and np.dtype(target).kind == "f":
        gradient = grad(lambda x: np.sum(3 * x.astype(target)))(x)
        np.testing.assert_array_equal(gradient, np.full(4, 3, source), strict=True)


# --- Map: derivatives ----------------------------------------------------------------------------


def weighed(function, shape):
    """A smooth number made of all that the function returns, with a curvature of its own."""
    weights = np.random.default_rng(0).uniform(0.5, 1.5, shape)

    def total(*xs):
        y = function(*xs)
        return np.sum(weights * (y + 0.3 * y * y))

    return total


SHAPES = {
    "equal": [(3, 4)] * 3,
    "broadcast": [(2, 3, 1), (3, 4), (1, 1, 4)],
    "number": [(), (3,), (2, 1)],
    "empty": [(0, 3), (3,), ()],
}


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=name) for name, row in MAPS.items() if input_dtypes(row)[-1].kind == "f"],
)
@pytest.mark.parametrize("shapes", SHAPES)
def test_derivatives_of_a_map(row, shapes):
    chosen = SHAPES[shapes][: row.arity]
    numbers = draw(row, chosen)
    if row.result == "bool" or row.derivative is None:
        constant = weighed(lambda *xs: row(*xs) * 1.0, np.broadcast_shapes(*chosen))
        for gradient in grad(constant, wrt=tuple(range(row.arity)))(*numbers):
            assert not gradient.any()
        return
    function = weighed(partial(row, **settings(row)), np.broadcast_shapes(*chosen))
    wrt = tuple(i for i, x in enumerate(numbers) if x.dtype.kind == "f")
    check_gradient(function, *numbers, wrt=wrt, second_order=True)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in MAPS.items() if row.derivative is not None]
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_derivatives_of_a_map_are_finite_at_hard_points(row, dtype):
    numbers = points(row, dtype)
    wrt = tuple(i for i, x in enumerate(numbers) if x.dtype.kind == "f")
    gradients = grad(lambda *xs: np.sum(row(*xs, **settings(row))), wrt=wrt)(*numbers)
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.asarray(row.evaluate(*numbers, **settings(row))))
    for x, gradient in zip((numbers[i] for i in wrt), gradients, strict=True):
        assert gradient.dtype == x.dtype
        assert np.isfinite(gradient[finite]).all()


# --- the other kinds -----------------------------------------------------------------------------


@pytest.mark.parametrize("sample", OTHERS, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_value_of_another_kind(sample, dtype):
    inputs = sample.inputs_as(dtype)
    expected = np.asarray(sample.expected(*inputs))
    found = compile(sample.function)(*inputs)
    tolerance = 1e-14 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, strict=True)


def differentiable(sample) -> bool:
    result = np.asarray(sample.expected(*sample.inputs))
    return sample.smooth and bool(sample.floating) and result.dtype.kind == "f"


@pytest.mark.parametrize("sample", [s for s in OTHERS if differentiable(s)], ids=str)
def test_derivatives_of_another_kind(sample):
    shape = np.shape(sample.expected(*sample.inputs))
    check_gradient(
        weighed(sample.function, shape),
        *sample.inputs,
        wrt=sample.floating,
        plain=weighed(sample.expected, shape),
        second_order=True,
    )


@pytest.mark.parametrize(
    "sample", [s for s in OTHERS if s.floating and not differentiable(s)], ids=str
)
def test_what_has_no_derivative_has_a_finite_gradient(sample):
    """At ties some gradient is chosen; whole numbers and stopped gradients give none."""
    total = weighed(lambda *xs: sample.function(*xs) * 1.0, ())
    (gradient,) = grad(total, wrt=sample.floating)(*sample.inputs)
    assert np.isfinite(gradient).all()
    assert gradient.any() == (sample.row in ("max", "min"))


@pytest.mark.parametrize("row", [rows.max, rows.min], ids=["max", "min"])
def test_equal_extremes_share_the_gradient_equally(row):
    x = np.array([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]])
    gradient = grad(lambda x: np.sum(row(x, axes=(1,)) * np.array([2.0, 8.0])))(x)
    first = [0, 1, 1, 0] if row is rows.max else [1, 0, 0, 1]
    np.testing.assert_array_equal(gradient, [first, [2, 2, 2, 2]])


@pytest.mark.parametrize("row", [rows.maximum, rows.minimum], ids=["maximum", "minimum"])
def test_equal_arguments_share_the_gradient_equally(row):
    a, b = np.array([1.0, 1.0, 0.0]), np.array([1.0, 2.0, -1.0])
    first, second = grad(lambda a, b: np.sum(row(a, b)), wrt=(0, 1))(a, b)
    np.testing.assert_array_equal(first, [0.5, 0, 1] if row is rows.maximum else [0.5, 1, 0])
    np.testing.assert_array_equal(first + second, np.ones(3))


# The conventions at kinks that the table states: x, and the derivative there.
KINKS = {
    "absolute": (rows.absolute, 0.0, 0.0),
    "relu": (rows.relu, 0.0, 0.0),
    "clip at the lower limit": (lambda x: rows.clip(x, -1.0, 1.0), -1.0, 1.0),
    "clip at the upper limit": (lambda x: rows.clip(x, -1.0, 1.0), 1.0, 1.0),
    "power 0 at 0": (lambda x: x ** np.array([0.0]), 0.0, 0.0),
    "power 1 at 0": (lambda x: x ** np.array([1.0]), 0.0, 1.0),
    "power 2 at 0": (lambda x: x ** np.array([2.0]), 0.0, 0.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_derivatives_at_kinks(name):
    function, x, derivative = KINKS[name]
    assert grad(lambda x: np.sum(function(x)))(np.array([x])) == [derivative]


def test_a_polynomial_at_zero():
    """Powers of 0 from 0 on, as in a Vandermonde matrix: values, slope and curvature."""

    def polynomial(x):
        return np.sum(np.array([5.0, 3.0, 2.0, 7.0]) * x ** np.arange(4.0))

    assert polynomial(0.0) == 5
    assert grad(polynomial)(0.0) == 3
    assert grad(grad(polynomial))(0.0) == 4


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_floats_of_other_sizes(dtype):
    x = np.array([1.0, 2.0, -1.0], dtype)
    gradient = grad(lambda x: np.sum(np.maximum(x, 0) * np.exp(x) + np.where(x > 0, x, 0)))(x)
    expected = np.where(x > 0, (1 + x) * np.exp(x) + 1, 0)
    np.testing.assert_allclose(gradient, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


def test_only_the_last_update_of_a_row_has_a_gradient():
    index = np.array([1, 0, 1])
    base, updates = np.zeros((3, 2)), np.ones((3, 2))
    of_base, of_updates = grad(
        lambda base, updates: np.sum(rows.scatter(base, index, updates) * np.array([2.0, 3.0])),
        wrt=(0, 1),
    )(base, updates)
    np.testing.assert_array_equal(of_base, [[0, 0], [0, 0], [2, 3]])
    np.testing.assert_array_equal(of_updates, [[0, 0], [2, 3], [2, 3]])
