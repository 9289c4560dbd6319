"""What must hold for all rows alike: shapes, batches, and rewriting that keeps every number."""

from itertools import product

import numpy as np
import pytest
from samples import ALL, Sample

from chainrule.engines.numpy import Program
from chainrule.graph import VOID, Graph
from chainrule.pipeline import compile, grad, vmap
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.tracing import trace

EVERY_SAMPLE = pytest.mark.parametrize("sample", ALL, ids=str)
WITH_GRADIENT = pytest.mark.parametrize("sample", [s for s in ALL if s.floating], ids=str)
FLOATS = (np.float32, np.float64)
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-13}


def loss(sample: Sample):
    """A number made of the result, so that there is a gradient."""

    def total(*xs):
        y = sample.function(*xs) * 1.0
        return np.sum(y + 0.3 * y * y)

    return total


def gradient(sample: Sample):
    return grad(loss(sample), wrt=sample.floating)


def graphs(sample: Sample, dtype) -> list[Graph]:
    """The sample's graph and, where it has one, that of its gradient."""
    inputs = sample.inputs_as(dtype)
    found = [trace(sample.function, *inputs)]
    if sample.floating:
        found.append(trace(gradient(sample), *inputs))
    return found


def assert_close(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = TOLERANCE.get(found.dtype, 0)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# --- shapes --------------------------------------------------------------------------------------


@EVERY_SAMPLE
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_node_has_the_shape_and_dtype_that_it_states(sample, dtype):
    for graph in graphs(sample, dtype):
        graph.check()
        for node, value in Program(graph).trace_values(sample.inputs_as(dtype)).items():
            if node.dtype != VOID:
                assert np.shape(value) == node.shape
                assert np.asarray(value).dtype == node.dtype


# --- rewriting -----------------------------------------------------------------------------------


@EVERY_SAMPLE
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rewrite", [stabilise, simplify], ids=["stabilise", "simplify"])
def test_rewriting_keeps_every_number(sample, dtype, rewrite):
    inputs = sample.inputs_as(dtype)
    for graph in graphs(sample, dtype):
        rewritten = rewrite(graph)
        assert rewritten.inputs == graph.inputs
        values = zip(Program(rewritten)(inputs), Program(graph)(inputs), strict=True)
        for after, before in values:
            assert_close(after, before)


@EVERY_SAMPLE
def test_rewriting_twice_changes_nothing(sample):
    for graph in graphs(sample, np.float64):
        once = simplify(stabilise(graph))
        assert len(simplify(stabilise(once)).nodes) == len(once.nodes)


# --- batches -------------------------------------------------------------------------------------

SIZE = 3


def variant(x: np.ndarray, number: int) -> np.ndarray:
    """Another input of the same shape, dtype and domain."""
    if x.dtype == np.uint32:
        return x + np.uint32(number)
    rolled = np.roll(x, number)
    return rolled * (1 - 0.05 * number) if x.dtype.kind == "f" else rolled


def batch_of(x: np.ndarray) -> np.ndarray:
    return np.stack([variant(x, number) for number in range(SIZE)])


def one_by_one(function, inputs, batched) -> list:
    """What `vmap` must give, from a loop over the samples."""
    return [
        function(*[x[i] if flag else x for x, flag in zip(inputs, batched, strict=True)])
        for i in range(SIZE)
    ]


@EVERY_SAMPLE
def test_a_batch_is_a_loop_over_its_samples(sample):
    """For every choice of the inputs that carry a batch."""
    alone = compile(sample.function)
    for batched in product((True, False), repeat=len(sample.inputs)):
        if not any(batched):
            continue
        inputs = [
            batch_of(x) if flag else x for x, flag in zip(sample.inputs, batched, strict=True)
        ]
        found = vmap(sample.function, tuple(0 if flag else None for flag in batched))(*inputs)
        assert_close(found, np.stack(one_by_one(alone, inputs, batched)))


@EVERY_SAMPLE
def test_the_batch_may_lie_on_the_last_axis(sample):
    inputs = [batch_of(x) for x in sample.inputs]
    everywhere = [True] * len(inputs)
    expected = np.stack(one_by_one(compile(sample.function), inputs, everywhere))
    found = vmap(sample.function, -1)(*[np.moveaxis(x, 0, -1) for x in inputs])
    assert_close(found, expected)


@WITH_GRADIENT
def test_a_batch_of_gradients_and_the_gradient_of_a_batch(sample):
    inputs = [batch_of(x) for x in sample.inputs]
    each = one_by_one(compile(gradient(sample)), inputs, [True] * len(inputs))
    expected = [np.stack(parts) for parts in zip(*each, strict=True)]
    batch_of_gradients = vmap(gradient(sample))(*inputs)
    gradient_of_batch = grad(lambda *xs: np.sum(vmap(loss(sample))(*xs)), wrt=sample.floating)
    for found in (batch_of_gradients, gradient_of_batch(*inputs)):
        for part, truth in zip(found, expected, strict=True):
            assert_close(part, truth)
