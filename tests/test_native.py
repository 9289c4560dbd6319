"""The native engine agrees with the NumPy engine, by tables, in both precisions."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from agreement import assert_agrees, use_threads
from samples import ALL, MAPS
from test_every_kind import graphs
from test_every_layer import CASES as LAYERS

import chainrule as cr
from chainrule.engines import native
from chainrule.engines.native import effort, program, threads
from chainrule.engines.native.kernels import Product
from chainrule.engines.native.packing import Packing
from chainrule.engines.native.plan import make_plan
from chainrule.engines.native.rewrites import rewritten
from chainrule.engines.native.support import is_supported
from chainrule.losses import LOSSES
from chainrule.ops import rows
from chainrule.optimizers import OPTIMIZERS
from chainrule.simplify import simplify

FLOATS = (np.float32, np.float64)


@pytest.mark.parametrize("sample", ALL, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_row_and_its_gradient(sample, dtype):
    for graph in graphs(sample, dtype):
        assert_agrees(graph, list(sample.inputs_as(dtype)))


@pytest.mark.parametrize("sample", [s for s in ALL if s.row not in MAPS], ids=str)
def test_every_kind_of_row_of_no_samples(sample):
    """A batch of none, for which nothing is computed and no memory is touched."""
    nothing = [np.zeros((0, *x.shape), x.dtype) for x in sample.inputs_as(np.float64)]
    batched = cr.vmap(sample.function)
    assert_agrees(cr.trace(batched, *nothing), nothing)
    if sample.floating:
        slope = cr.grad(lambda *xs: np.sum((batched(*xs) * 1.0) ** 2), wrt=sample.floating)
        assert_agrees(cr.trace(slope, *nothing), nothing)


def test_only_sorting_is_left_to_numpy():
    left = {s.row for s in ALL if not all(is_supported(g) for g in graphs(s, np.float64))}
    assert left == {"argsort"}


def trained(engine, net, sample, loss, optimizer="adam", dtype="float64", whole=False):
    """A model after two epochs of three batches, of which the last is smaller."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (14, *sample)) if whole else rng.normal(size=(14, *sample))
    model = cr.Model(net, loss, optimizer=optimizer, engine=engine, dtype=dtype)
    outputs = model.build(X.shape[1:]).output_shape
    y = rng.uniform(0.1, 0.9, (14, *outputs))
    if loss == "cross_entropy":
        y = rng.integers(0, outputs[-1], (14, *outputs[:-1]))
    elif loss == "kl_divergence":
        y = y / y.sum(-1, keepdims=True)
    elif loss in ("hinge", "squared_hinge"):
        y = np.sign(y - 0.5)
    history = model.fit(X, y, epochs=2, batch_size=5)
    return model, history


def assert_same_training(*arguments, **settings):
    (ours, history), (theirs, expected) = (
        trained(engine, *arguments, **settings) for engine in ("native", "numpy")
    )
    tolerance = 2e-3 if settings.get("dtype") == "float32" else 1e-9
    np.testing.assert_allclose(history.loss, expected.loss, rtol=tolerance)
    np.testing.assert_allclose(history.gradient_norm, expected.gradient_norm, rtol=tolerance)
    for found, wanted in ((ours.params, theirs.params), (ours.state, theirs.state)):
        assert found.keys() == wanted.keys()
        for name in wanted:
            np.testing.assert_allclose(
                found[name], wanted[name], rtol=tolerance, atol=tolerance, err_msg=name
            )


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_every_layer_trains_alike(case):
    net = cr.Sequential(case.layer, cr.Flatten(), cr.Dense(2))
    assert_same_training(net, case.sample, "mean_squared_error", whole=case.whole)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_alike(loss):
    layers = [cr.Dense(4), cr.Tanh(), cr.Dense(3)]
    if loss in ("binary_cross_entropy", "kl_divergence"):
        layers.append(cr.Softmax())
    assert_same_training(cr.Sequential(*layers), (2,), loss)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_every_optimizer_trains_alike(name, dtype, clip):
    net = cr.Sequential(cr.Dense(4), cr.ReLU(), cr.Dense(3))
    optimizer = OPTIMIZERS[name](clip_norm=clip)
    assert_same_training(net, (2,), "cross_entropy", optimizer=optimizer, dtype=dtype)


def test_an_index_outside_is_an_error_and_not_memory_of_others():
    pick = cr.compile(lambda table, place: table[place] * 2.0, engine="native")
    table = np.arange(6.0)
    np.testing.assert_array_equal(pick(table, np.array([1, -1])), [2.0, 10.0])
    with pytest.raises(IndexError, match="out of bounds"):
        pick(table, np.array([1, 6]))
    np.testing.assert_array_equal(pick(table, np.array([0])), [0.0])


def test_callers_keep_their_denormals():
    tiny = np.float32(1e-42)
    double = cr.compile(lambda x: x * 2, engine="native")
    assert double(np.full(20, tiny)).max() == 0
    assert tiny * np.float32(2) > 0


def test_numbers_that_are_used_again_and_again_are_looked_at_once():
    def iterated(x):
        for _ in range(60):  # as a tree of expressions it would have 3^60 leaves
            x = x * x - x
        return np.sum(x)

    x = np.linspace(0.1, 0.9, 20)
    found = cr.compile(cr.value_and_grad(iterated), engine="native")(x)
    expected = cr.compile(cr.value_and_grad(iterated), engine="numpy")(x)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_long_chains_of_operations():
    def iterated(x):
        for k in range(500):
            x = x * 0.99 + 0.01 * k
        return np.sum(x)

    x = np.linspace(0.1, 0.9, 20)
    found = cr.compile(cr.value_and_grad(iterated), engine="native")(x)
    np.testing.assert_allclose(found[0], iterated(x), rtol=1e-12)
    np.testing.assert_allclose(found[1], np.full(20, 0.99**500), rtol=1e-12)


# --- where it is not there -----------------------------------------------------------------------


def test_without_llvmlite_numpy_runs_and_says_so_once(tmp_path):
    script = """
import sys, warnings
sys.modules["llvmlite"] = None
import numpy as np, chainrule as cr
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for engine in (None, "native", "native"):
        assert cr.compile(lambda x: x * 2, engine=engine)(np.ones(2)).tolist() == [2, 2]
assert [str(w.message)[:29] for w in caught] == ["the native engine needs llvml"], caught
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- plans and threads ---------------------------------------------------------------------------


def test_the_processors_of_a_process_are_counted(monkeypatch):
    monkeypatch.delenv("CHAINRULE_THREADS", raising=False)
    assert 1 <= threads.thread_count() <= (os.cpu_count() or 1)
    monkeypatch.setenv("CHAINRULE_THREADS", "1")
    assert threads.thread_count() == 1
    monkeypatch.setenv("CHAINRULE_THREADS", "1000")
    assert threads.thread_count() == threads.allowed()


def test_the_arena_is_used_again():
    """Eight results of one size in a row need no more than three at a time."""

    def chain(x, w):
        for _ in range(8):
            x = np.tanh(x @ w)
        return x

    graph = cr.trace(chain, np.ones((64, 64)), np.ones((64, 64)))
    fused = program.fuse(simplify(graph), parallel=False)
    plan = make_plan(fused.kernels, set(fused.results), parallel=False)
    assert plan.arena <= 3 * 64 * 64 * 8


def test_signs_are_asked_of_what_is_kept():
    """What a positive part was made of is in memory for nobody."""

    def loss(w, x):
        return np.sum(np.maximum(x @ w, 0) @ w)

    def by_hand(w, x):
        hidden = x @ w
        delta = np.ones((30, 20)) @ w.T
        delta[hidden <= 0] = 0
        return np.maximum(hidden, 0) @ w, x.T @ delta

    def layers(w, x):
        y = rows.relu(rows.relu(x @ w) @ w)
        return np.sum(y * y)

    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(20, 20)), rng.normal(size=(30, 20))
    x[3], x[4, 5], x[6], x[7, 8] = 0.0, np.nan, -0.0, np.inf
    for function in (by_hand, cr.value_and_grad(layers), cr.value_and_grad(loss)):
        graph = cr.trace(function, w, x)
        with np.errstate(invalid="ignore"):
            assert_agrees(graph, [w, x])
    for function in (by_hand, cr.value_and_grad(layers)):
        kernels = program.fuse(rewritten(simplify(cr.trace(function, w, x))), False).kernels
        (first, *_) = [kernel for kernel in kernels if isinstance(kernel, Product)]
        assert len(first.stores) == 1


def test_engines_name_no_layer_loss_or_optimizer():
    folder = Path(native.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    names = {*LOSSES, *OPTIMIZERS, *(type(case.layer).__name__ for case in LAYERS)}
    for name in names - {"Reshape", "Sigmoid", "Tanh"}:
        assert f"{name}(" not in text, name


# --- sizes ---------------------------------------------------------------------------------------


def network_of(widths):
    def loss(weights, x):
        for number, weight in enumerate(weights):
            x = x @ weight
            if number < len(weights) - 1:
                x = np.maximum(x, 0.0) if number % 2 else np.tanh(x)
        shifted = x - x.max(axis=1, keepdims=True)
        scores = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        return -np.mean(scores[:, 0]) + 0.01 * np.mean(x.T @ x)

    return cr.value_and_grad(loss)


SIZES = [
    (1, (1, 1, 1)),
    (2, (3, 17, 1)),
    (3, (45, 46, 3)),
    (33, (17, 45, 46, 17)),
    (64, (46, 256, 10)),
    (100, (256, 512, 256)),
    (130, (300, 130, 128, 2)),
    (257, (33, 1030, 64)),
]


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize(("batch", "widths"), SIZES, ids=str)
def test_networks_of_every_size(batch, widths, work, monkeypatch):
    """Also such whose rows are a power of two apart, and products that are cut into blocks."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=pair) / np.sqrt(pair[0]) for pair in pairwise(widths)]
    x = rng.normal(size=(batch, widths[0]))
    for dtype in FLOATS:
        arguments = ([w.astype(dtype) for w in weights], x.astype(dtype))
        graph = cr.trace(network_of(widths), *arguments)
        assert_agrees(graph, [*arguments[0], arguments[1]])


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize(("batch", "units"), [(5, 3), (32, 128), (40, 33)])
def test_recurrent_networks(batch, units, work, monkeypatch):
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 2)

    def loss(params, series):
        def step(carry, x):
            h, c = carry
            gates = x @ params["x"] + h @ params["h"] + params["bias"]
            a, b, g, o = np.split(gates, 4, axis=1)
            sigmoid = lambda z: 1 / (1 + np.exp(-z))
            c = sigmoid(b) * c + sigmoid(a) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            return (h, c), h

        start = (np.zeros((batch, units)), np.zeros((batch, units)))
        (h, _), every = cr.scan(step, start, series)
        return np.mean(h**2) + np.mean(every)

    rng = np.random.default_rng(0)
    params = {
        "x": rng.normal(size=(7, 4 * units)),
        "h": rng.normal(size=(units, 4 * units)) / np.sqrt(units),
        "bias": rng.normal(size=4 * units),
    }
    series = rng.normal(size=(6, batch, 7))
    graph = cr.trace(cr.value_and_grad(loss), params, series)
    assert_agrees(graph, [*params.values(), series])


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
def test_long_sums_of_few_numbers_are_sliced(work, monkeypatch):
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4096, 5)), rng.normal(size=(4096, 9))

    def sums(x, y):
        return x.T @ y, x.sum(0), np.exp(y).sum((0, 1)), (x[:, :, None] * y[:, None, :]).sum(0)

    graph = cr.trace(sums, x, y)
    assert_agrees(graph, [x, y])
    kernels = program.fuse(simplify(graph), parallel=True).kernels
    assert sum(kernel.cut is not None for kernel in kernels) >= 3


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (20, 33, 70), (130, 2, 45), (17, 300, 1)])
def test_sums_over_any_axes(shape, work, monkeypatch):
    """Neighbouring axes as one, also of parts of arrays, and several vectors of sums together."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    x = np.random.default_rng(0).normal(size=shape)
    some = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]

    def sums(x):
        inside = x[:, :, ::2]
        turned = np.transpose(x, (2, 0, 1))
        found = [f(y, axis=a) for y in (x, inside, turned) for f in (np.sum, np.max) for a in some]
        return [*found, np.sum(x * x), np.sum(np.tanh(x), axis=0), np.mean(inside * inside)]

    for dtype in FLOATS:
        assert_agrees(cr.trace(sums, x.astype(dtype)), [x.astype(dtype)])


@pytest.mark.parametrize("size", [3, 3000])
def test_an_array_is_never_stretched_to_an_input(size):
    """Small ones, which are copied, as large ones, which are read where they lie."""
    compiled = native.compile_graph(simplify(cr.trace(lambda x: x * 2, np.ones(size))))
    assert np.array_equal(compiled([np.ones((size, 1))])[0], np.full(size, 2.0))
    for other in (np.ones(1), np.ones(()), np.ones(size + 1)):
        with pytest.raises(ValueError, match="cannot reshape"):
            compiled([other])


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
def test_rows_of_whole_numbers_and_of_nan(work, monkeypatch):
    """Joined together, too: a NaN stays in its row, and whole numbers are exact."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    rng = np.random.default_rng(0)

    def ends(x):
        return np.max(x, axis=1), np.min(x, axis=1), np.sum(x, axis=1), np.all(x > -3, axis=1)

    turned = rng.normal(size=(20, 33)).T
    with_nan = rng.normal(size=(33, 20))
    with_nan[[2, 31], [0, 19]] = np.nan
    whole = rng.integers(-4, 5, size=(33, 20))
    for x in (turned, with_nan, whole, whole.astype(np.int16), whole[:, ::-1], whole > 0):
        for found, expected in zip(cr.compile(ends, engine="native")(x), ends(x), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize("rows", [4, 5, 8, 31, 33, 70])
@pytest.mark.parametrize("columns", [5, 10, 16, 64, 130, 301])
def test_sums_of_several_rows_are_those_of_each_row(rows, columns, work, monkeypatch):
    """To the last bit: their lanes are joined together, in the order in which one row's are."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    rng = np.random.default_rng(0)

    def sums(x, w):
        normal = x - np.max(x, axis=1, keepdims=True)
        whole = (x @ w, np.sum(x * x, axis=1), np.min(x, axis=1, keepdims=True))
        return *whole, np.log(np.sum(np.exp(normal), axis=1)), np.any(x > 2, axis=1)

    for dtype in FLOATS:
        x, w = rng.normal(size=(rows, columns)).astype(dtype), rng.normal(size=columns)
        w = w.astype(dtype)
        assert_agrees(cr.trace(sums, x, w), [x, w])
        compiled = cr.compile(sums)
        together = compiled(x, w)
        for row in range(rows - 2):
            few = compiled(x[row : row + 3], w)  # so few are added up one by one
            for all_rows, three in zip(together, few, strict=True):
                assert np.array_equal(all_rows[row : row + 3], three)


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize("rows", [16, 45, 70])
@pytest.mark.parametrize("columns", [31, 46, 64])
def test_products_and_copies_of_a_few_vectors(rows, columns, work, monkeypatch):
    """Squares that are turned reach back at an edge; tiles have other shapes."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(rows, columns)), rng.normal(size=(columns, 64))

    def turned(x, w):
        both = np.stack([x, x + 1])
        return x.T + 0, np.transpose(both, (0, 2, 1)) + 0, np.transpose(both, (2, 0, 1)) + 0

    def products(x, w):
        return x @ w, x @ w[:, :10], x.T @ (x @ w), (x @ w) @ w.T, w.T @ x.T

    for dtype in FLOATS:
        for function in (turned, products):
            arguments = [x.astype(dtype), w.astype(dtype)]
            assert_agrees(cr.trace(function, *arguments), arguments)


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize("spec", ["ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik"])
@pytest.mark.parametrize("sizes", [(601, 1037, 523), (260, 129, 203), (20001, 260, 131)], ids=str)
def test_products_larger_than_the_caches(spec, sizes, work, monkeypatch):
    """Sums in parts, operands copied in parts or turned; every part has an end that is no whole.

    What is copied together is bounded: it lies on the stack.
    """
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    lengths = dict(zip("ijk", sizes, strict=True))
    rng = np.random.default_rng(0)
    left, right = spec.split("->")[0].split(",")
    arrays = [
        rng.normal(size=[lengths[x] for x in letters]).astype("f4") for letters in (left, right)
    ]
    product = cr.compile(lambda a, b: np.maximum(np.einsum(spec, a, b), 0), engine="native")
    exact = np.maximum(np.einsum(spec, *[a.astype("f8") for a in arrays], optimize=True), 0)
    np.testing.assert_allclose(product(*arrays), exact, atol=1e-3)


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_products_that_turn_an_operand_themselves(dtype, work, monkeypatch):
    """Whatever is made of their sums, and in whichever direction the operand is gone through."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    turned = []
    turn = Packing._turn_vectors
    monkeypatch.setattr(
        Packing, "_turn_vectors", lambda self, *at: turned.append(self.depth) or turn(self, *at)
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(257, 1037)).astype(dtype)
    w = rng.normal(size=(203, 1037)).astype(dtype)
    other = np.dtype("f8" if dtype == np.float32 else "f4")
    functions = [
        lambda x, w: x @ w.T,
        lambda x, w: (x @ w.T).astype(other),
        lambda x, w: (x @ w.T) > 0,
        lambda x, w: x @ w[::-1].T,
    ]
    for function in functions:
        turned.clear()
        found = cr.compile(function, engine="native")(x, w)
        assert turned
        exact = function(x.astype("f8"), w.astype("f8"))
        assert found.shape == exact.shape
        if found.dtype == bool:
            near = np.abs(x.astype("f8") @ w.T.astype("f8")) < 1e-3
            np.testing.assert_array_equal(found[~near], exact[~near])
        else:
            np.testing.assert_allclose(found, exact, atol=1e-3)
