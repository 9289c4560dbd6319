"""Simplification: what goes, what must stay, and that no number changes by it."""

import numpy as np
import pytest

from chainrule import random
from chainrule.engines.numpy import Program
from chainrule.graph import Graph, constant_node, constant_value
from chainrule.ops import rows
from chainrule.pipeline import grad, scan, value_and_grad
from chainrule.simplify import SMALL, simplify
from chainrule.tracing import trace, wrap

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
W = RNG.normal(size=(4, 2))
V = RNG.normal(size=4)


def ops(graph: Graph) -> list[str]:
    """The names of all ops in order, leaves left out."""
    return [node.op.name for node in graph.nodes if node.inputs]


def simplified(function, *arguments) -> Graph:
    """The simplified graph, after seeing that it computes the very same numbers."""
    graph = trace(function, *arguments)
    found = simplify(graph)
    assert found.inputs == graph.inputs
    given = [np.asarray(a) for a in arguments]
    for after, before in zip(Program(found)(given), Program(graph)(given), strict=True):
        np.testing.assert_array_equal(after, before, strict=True)
    return found


# --- what goes -----------------------------------------------------------------------------------

GONE = {
    "the same twice": (lambda x: np.exp(x) * np.exp(x), ["exp", "multiply"]),
    "the same constant twice": (lambda x: (x + 2.5) * (x + 2.5), ["add", "multiply"]),
    "plus nothing": (lambda x: 0 + x + 0.0 - 0, []),
    "times one": (lambda x: 1 * x / 1 * 1.0, []),
    "minus minus": (lambda x: np.negative(np.negative(x)), []),
    "plus minus": (lambda x: x + -np.exp(x), ["exp", "subtract"]),
    "minus plus": (lambda x: -np.exp(x) + x, ["exp", "subtract"]),
    "minus minus something": (lambda x: x - -np.exp(x), ["exp", "add"]),
    "times minus one": (lambda x: x * -1, ["negative"]),
    "minus a difference": (lambda x: -(x - 2), ["subtract"]),
    "numbers alone": (lambda x: x * (np.sqrt(rows.stop_gradient(4.0)) + 1), ["multiply"]),
    "a reshape to the same shape": (lambda x: x.reshape(3, 4), []),
    "two reshapes": (lambda x: x.reshape(4, 3).reshape(2, 6), ["reshape"]),
    "a reshape and back": (lambda x: x.reshape(12).reshape(3, 4), []),
    "two transposes": (lambda x: x.T.T, []),
    "three transposes": (lambda x: np.transpose(x[None], (2, 0, 1)).T, ["reshape", "transpose"]),
    "a slice of everything": (lambda x: x[:, 0:4], []),
    "a broadcast of a broadcast": (
        lambda x: np.broadcast_to(np.broadcast_to(x, (2, 3, 4)), (5, 2, 3, 4)),
        ["broadcast_to"],
    ),
    "a cast to the same dtype": (lambda x: x.astype(np.float64), []),
    "a broadcast operand": (
        lambda x: x + np.broadcast_to(x[0], (3, 4)),
        ["slice", "reshape", "add"],
    ),
    "a sum over no axis": (lambda x: np.sum(x, axis=()), []),
    "a division by a power of two": (lambda x: x / 8, ["multiply"]),
    "two powers of two": (lambda x: 4 * x / 8, ["multiply"]),
    "a power of two and another number": (lambda x: 3 * x / 8, ["multiply"]),
}


@pytest.mark.parametrize("name", GONE)
def test_what_goes(name):
    function, left = GONE[name]
    assert ops(simplified(function, X)) == left


def test_a_product_takes_its_operands_transposed():
    graph = simplified(lambda x, w: (x.T @ w.T.T).T, X.T.copy().T[:, :3].copy(), W[:3])
    assert ops(graph) == ["contract"]


def test_draws_of_one_key_are_one_draw():
    def draws(first, second):
        return random.bits(first, 3), random.bits(first, 3), random.bits(second, 3)

    assert ops(simplified(draws, random.key(0), random.key(1))) == ["random_bits"] * 2


def test_the_sum_of_all_squares_is_a_dot_product():
    graph = simplify(trace(lambda x: np.sum(x * x + np.sum(x**2)), X))
    assert ops(graph).count("contract") == 1
    part = simplify(trace(lambda x: np.sum(x**2, axis=0), X))
    assert ops(part) == ["square", "sum"]
    whole = simplify(trace(lambda x: np.sum(x**2), np.arange(5)))
    assert "contract" not in ops(whole), "whole numbers have no fast dot product"


def test_repetitions_of_a_number_are_computed_once():
    """The seed of a mean's gradient is a constant, whatever the size of the batch."""
    graph = simplified(grad(lambda x: np.mean(np.tanh(x) * 3)), np.ones(1000))
    repeated = [node for node in graph.nodes if node.op is rows.broadcast_to]
    assert all(node.inputs[0].shape == () for node in repeated)
    assert len(ops(graph)) <= 6


# --- what must stay ------------------------------------------------------------------------------

STAYS = {
    "sums over different axes": (lambda x: np.sum(x, 0)[:3] + np.sum(x, 1), ["sum", "sum"]),
    "casts to different dtypes": (
        lambda x: x.astype(np.int32).sum() + x.astype(np.int64).sum(),
        ["cast", "cast"],
    ),
    "a division that rounds": (lambda x: x / 3, ["divide"]),
    "two factors that round": (lambda x: 3 * x * 5, ["multiply", "multiply"]),
    "a flip": (lambda x: x[::-1], ["flip"]),
    "a transpose of a square": (lambda x: x[:, :3].T, ["slice", "transpose"]),
    "a stopped gradient's argument": (lambda x: rows.stop_gradient(np.exp(x)), ["exp"]),
    "a broadcast that gives the shape": (
        lambda x: np.exp(np.broadcast_to(x, (2, 3, 4))),
        ["exp", "broadcast_to"],
    ),
    "minus zero under a root": (lambda x: np.sqrt(0.0 - x * x), ["subtract", "sqrt"]),
}


@pytest.mark.parametrize("name", STAYS)
def test_what_stays(name):
    function, kept = STAYS[name]
    found = ops(simplified(function, X))
    assert all(found.count(op) >= kept.count(op) for op in kept), found


def test_large_constants_are_not_computed_beforehand():
    """Folding a big table of numbers would make the program as large as its results."""
    for size, expected in ((SMALL, ["add"]), (SMALL + 1, ["exp", "add"])):
        constant = constant_node(np.linspace(0, 1, size))
        graph = simplified(lambda x, constant=constant: x + np.exp(wrap(constant)), V[:1])
        assert ops(graph) == expected


SCALES = {
    "the product of two factors would be 0": (1e-200, 1e-200, 1e300),
    "the product would be infinite": (2.0**600, 2.0**600, 2.0**-1000),
    "the product would lose digits": (2.0**-600, 3.0 * 2.0**-450, 1e300),
}


@pytest.mark.parametrize("name", SCALES)
def test_factors_are_not_merged_where_their_product_is_not_exact(name):
    first, second, x = SCALES[name]
    simplified(lambda x: (x * first) * second, np.array([x, -x]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_division_by_extreme_numbers(dtype):
    limits = np.finfo(dtype)
    numbers = np.array([1, -3, 0, np.inf, limits.smallest_subnormal, limits.tiny, limits.max])
    for divisor in (*numbers, -0.0, 2.0**limits.minexp, 2.0 ** (limits.maxexp - 1)):
        simplified(lambda x, d=divisor: x / wrap(constant_node(d, dtype)), numbers.astype(dtype))


def test_whole_numbers_wrap_as_before():
    simplified(lambda x: x * np.int8(100) * np.int8(3), np.arange(5, dtype=np.int8))


def test_the_signature_stays():
    """Inputs that nobody reads, results that are the same, and arguments changed in place."""

    def function(used, unused, weights):
        weights *= 1
        weights -= used * 0.0 + 0
        return used, used + 0, weights

    graph = simplify(trace(function, X, W, X.copy()))
    assert [node.params["name"] for node in graph.inputs] == ["used", "unused", "weights"]
    assert graph.outputs[0] is graph.outputs[1] is graph.inputs[0]
    assert [index for index, _ in graph.updates] == [2]


def test_not_a_number_stays_one():
    x = np.array([np.nan, np.inf, -np.inf, 0.0])
    simplified(lambda x: (x * 0, x - x, x / x, 0 * x + 1, x * 1, x / 1), x)


# --- whole graphs --------------------------------------------------------------------------------


def network(w, v, x, t):
    hidden = np.maximum(0, x @ w + v[:2])
    return np.mean((np.sum(hidden * hidden.T[:, :1].T, axis=1) / 3 - t) ** 2)


def test_a_gradient_shrinks_and_keeps_its_numbers():
    graph = trace(value_and_grad(network, (0, 1)), W, V, X, V[:3])
    found = simplify(graph)
    assert len(found.nodes) < len(graph.nodes)
    values = zip(Program(found)([W, V, X, V[:3]]), Program(graph)([W, V, X, V[:3]]), strict=True)
    for after, before in values:
        np.testing.assert_allclose(after, before, rtol=1e-14, atol=1e-16)


def test_every_line_is_kept():
    graph = simplify(trace(value_and_grad(network, (0, 1)), W, V, X, V[:3]))
    computed = [node for node in graph.nodes if node.inputs]
    assert all(node.source is not None for node in computed)


def test_bodies_of_loops_are_simplified_too():
    def step(h, x):
        return h * 1 + np.exp(x) * np.exp(x) + 0, None

    graph = simplified(lambda xs: scan(step, 0.0, xs)[0], V)
    (loop,) = [node for node in graph.nodes if node.op is rows.loop]
    assert ops(loop.params["body"]) == ["exp", "multiply", "add"]


def test_loops_over_the_same_steps_become_one():
    def twice(xs):
        def step(h, x):
            return np.tanh(h + x), h

        return scan(step, 0.0, xs)[0] + 0, scan(step, 1.0, xs)[0]

    graph = simplified(twice, V)
    assert ops(graph).count("loop") == 2, "other first carries, another loop"
    gradient = simplified(value_and_grad(lambda xs: twice(xs)[0]), V)
    assert ops(gradient).count("loop") == 2, "forwards and backwards"


def test_constants_are_found_through_numpy_functions():
    graph = simplified(lambda x: x * np.sqrt(2 / np.pi), np.ones(2, np.float32))
    (product,) = [node for node in graph.nodes if node.inputs]
    assert constant_value(product.inputs[1]) == np.float32(np.sqrt(2 / np.pi))


@pytest.mark.parametrize("step", [(1, 1), (2, 2), (2, 3), (3, 1)])
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (1, 3)])
@pytest.mark.parametrize("first", [0, 1])
def test_windows_that_skip(step, size, first):
    """Pooling in NumPy's words, and its gradient, before and after the rewriting."""

    def pooled(x):
        every = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
        some = every[:, first :: step[0], :: step[1]]
        return np.sum(some.max(axis=(-2, -1)) ** 2) + np.sum(some * 0.5)

    x = np.random.default_rng(0).normal(size=(2, 8, 9, 3))
    graph = trace(value_and_grad(pooled), x)
    simple = simplify(graph)
    for before, after in zip(Program(graph)([x]), Program(simple)([x]), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-13)
    assert not any(
        "interior" in node.params and any(node.params["interior"]) for node in simple.nodes
    )


def test_totals_are_made_after_their_loops():
    def loss(w, x):
        def step(h, x):
            return np.tanh(h @ w + x), h

        h, _ = scan(step, np.zeros((3, 4)), x)
        return np.sum(h**2)

    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(4, 4)), rng.normal(size=(5, 3, 4))
    graph = trace(value_and_grad(loss, (0, 1)), w, x)
    simple = simplify(graph)
    for before, after in zip(Program(graph)([w, x]), Program(simple)([w, x]), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)
    carries = [node.params["carries"] for node in simple.nodes if "body" in node.params]
    assert carries == [1, 1]


# --- rows of a table -----------------------------------------------------------------------------

TABLE = RNG.normal(size=(6, 3))
PICKED = RNG.integers(0, 6, (4, 5))  # more rows than the table has
EMBEDDED = {
    "a layer": lambda t, w: np.tanh(t[PICKED] @ w + 0.5),
    "time first": lambda t, w: np.swapaxes(t[PICKED], 0, 1) @ w,
    "the table on the right": lambda t, w: np.einsum("kj,bik->bji", w, t[PICKED]),
    "other work on the rows": lambda t, w: np.sin(np.exp(t[PICKED]) * 2) @ w,
    "in a loop": lambda t, w: scan(
        lambda h, x: (np.tanh(x @ w[:, :3] + h), h), t[0] * 0, np.swapaxes(t[PICKED], 0, 1)[:, 0]
    )[0],
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_products_of_picked_rows(name):
    """Fewer products, of the table itself, with the same numbers but for rounding."""
    weight = RNG.normal(size=(3, 7))

    def loss(t, w):
        return np.sum(EMBEDDED[name](t, w) ** 2)

    graph = trace(value_and_grad(loss, wrt=(0, 1)), TABLE, weight)
    found = simplify(graph)
    given = [TABLE, weight]
    for after, before in zip(Program(found)(given), Program(graph)(given), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)


def test_the_table_is_multiplied_where_it_is_shorter():
    def layer(t, w):
        return t[PICKED] @ w

    weight = RNG.normal(size=(3, 7))
    for table, shape in ((TABLE, (6, 7)), (RNG.normal(size=(50, 3)), (4, 5, 7))):
        graph = simplify(trace(layer, table, weight))
        (product,) = [node for node in graph.nodes if node.op.name == "contract"]
        assert product.shape == shape


def test_a_loop_picks_the_rows_of_its_steps():
    def last(t):
        return scan(lambda h, x: (np.tanh(x + h), h), t[0] * 0, t[PICKED[:, :2].ravel()])[0]

    graph = simplify(trace(last, TABLE))
    (loop,) = [node for node in graph.nodes if node.op.name == "loop"]
    assert "gather" in ops(loop.params["body"])


def test_a_bias_behind_picked_rows_sums_what_belongs_to_each():
    def loss(t, b):
        return np.sum(np.tanh(t[PICKED] + b) ** 2)

    bias = RNG.normal(size=3)
    graph = trace(grad(loss, wrt=(0, 1)), TABLE, bias)
    found = simplify(graph)
    (rows_of,) = [node for node in found.nodes if node.op.name == "scatter_add"]
    assert [node.inputs for node in found.nodes if node.op.name == "sum"] == [(rows_of,)]
    given = [TABLE, bias]
    for after, before in zip(Program(found)(given), Program(graph)(given), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)
