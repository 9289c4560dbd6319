"""Convolutions and pooling in compiled code: samples innermost, zeros left out, sums in lanes."""

from itertools import product

import numpy as np
import pytest
from agreement import assert_agrees, use_threads
from numpy.lib.stride_tricks import sliding_window_view

import chainrule as cr
from chainrule.engines import native
from chainrule.engines.native import dots, effort, program
from chainrule.engines.native.access import ARENA
from chainrule.engines.native.kernels import Product, Reduction, Special
from chainrule.engines.native.layouts import SAMPLES_TOGETHER
from chainrule.engines.native.plan import make_plan
from chainrule.engines.native.rewrites import rewritten
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise


def convolved(x, w, pad, stride):
    """x (samples, height, width, channels), w (height, width, channels, filters)."""
    x = np.pad(x, ((0, 0), pad, pad, (0, 0)))
    windows = sliding_window_view(x, w.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nhwcij,ijcf->nhwf", windows, w)


def pooled(x, size):
    windows = sliding_window_view(x, (size, size), axis=(1, 2))
    return windows[:, ::size, ::size].max(axis=(-2, -1))


def network(pad, stride, size):
    def loss(params, x):
        a = np.maximum(convolved(x, params["u"], pad, stride) + params["b"], 0)
        return np.mean(np.tanh(convolved(pooled(a, size), params["v"], (1, 1), 1)) ** 2)

    return loss


def graph_of(samples, filters, pad, stride, size, dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 11, 12, 3)).astype(dtype)
    params = {
        "u": rng.normal(size=(3, 3, 3, filters)).astype(dtype),
        "b": rng.normal(size=filters).astype(dtype),
        "v": rng.normal(size=(2, 3, filters, 4)).astype(dtype),
    }
    graph = cr.trace(cr.value_and_grad(network(pad, stride, size), wrt=(0, 1)), params, x)
    return graph, [params["u"], params["b"], params["v"], x]


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize(("samples", "filters"), [(1, 6), (5, 17), (32, 1), (45, 6), (96, 17)])
@pytest.mark.parametrize(("pad", "stride"), [((0, 0), 1), ((2, 0), 1), ((1, 1), 2)])
def test_shapes_of_every_sort(samples, filters, pad, stride, work, monkeypatch):
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    graph, arrays = graph_of(samples, filters, pad, stride, 2, "float64")
    assert_agrees(graph, arrays)


def test_single_precision():
    assert_agrees(*graph_of(64, 6, (1, 1), 1, 3, "float32"))


@pytest.mark.parametrize("work", [0.0, 1e30], ids=["divided", "whole"])
@pytest.mark.parametrize(("samples", "filters"), [(45, 6), (96, 17)])
def test_sums_that_wait_in_memory_have_the_same_bits(samples, filters, work, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", "")  # limits of what waits are no part of a key
    monkeypatch.setattr(effort, "PARALLEL_WORK", work)
    use_threads(monkeypatch, 3)
    graph, arrays = graph_of(samples, filters, (1, 1), 1, 2, "float32")
    simple, written, results = simplify(stabilise(graph)), [], []
    for least in (0, 10**9):
        monkeypatch.setattr(dots, "LEAST_READ", least)
        written.append(program.listing(simple))
        results.append(native.compile_graph(simple)(arrays))
    assert written[0] != written[1]
    for waiting, at_once in zip(*results, strict=True):
        np.testing.assert_array_equal(waiting, at_once)


def blocks_of(graph):
    """How many samples lie together, in the buffers that the kernels for threads write."""
    fused = program.fuse(rewritten(simplify(stabilise(graph))), parallel=True)
    return {view.buffer.block for kernel in fused.kernels for view in kernel.writes} - {0}


def test_ties_of_a_maximum_are_counted_beside_it():
    graph, _ = graph_of(96, 6, (1, 1), 1, 2, "float32")
    fused = program.fuse(rewritten(simplify(stabilise(graph))), parallel=True)
    few = [kernel for kernel in fused.kernels if isinstance(kernel, Reduction)]
    few = [kernel for kernel in few if kernel.summed == (2, 2)]
    assert [(kernel.how, len(kernel.stores)) for kernel in few] == [("max", 2)]


def test_what_is_read_for_the_last_time_makes_room():
    graph, _ = graph_of(96, 6, (1, 1), 1, 2, "float32")
    fused = program.fuse(rewritten(simplify(stabilise(graph))), parallel=True)
    make_plan(fused.kernels, set(fused.results), parallel=True)
    replaced = {
        (read.buffer.name, written.buffer.name)
        for kernel in fused.kernels
        for read, written in product(kernel.reads, kernel.writes)
        if ARENA == read.buffer.slot == written.buffer.slot
        and written.buffer not in fused.results
        and read.buffer is not written.buffer
        and read.buffer.offset == written.buffer.offset
    }
    assert ("contract", "where") in replaced  # the sums of a convolution by their gradients


CUTS = {
    "all": lambda y: y,
    "turned": lambda y: y.transpose(1, 2, 0, 3),
    "some": lambda y: y[:70],
    "every other": lambda y: y[1::2],
    "backwards": lambda y: y[::-1],
    "paired": lambda y: y.reshape(2, -1, *y.shape[1:]),
    "joined": lambda y: y.reshape(y.shape[0] * y.shape[1], -1),
    "windows": lambda y: sliding_window_view(y, 3, axis=0),
    "Gram": lambda y: np.einsum("nhwc,mhwc->nm", y, y),
    "running": lambda y: np.cumsum(y, axis=0),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("samples", [72, 130])
def test_samples_in_blocks_however_they_are_taken(cut, samples, monkeypatch):
    monkeypatch.setattr(effort, "PARALLEL_WORK", 0.0)
    use_threads(monkeypatch, 3)

    def loss(w, x):
        y = np.tanh(convolved(x, w, (0, 0), 1))
        return np.mean(np.square(CUTS[cut](y))) + np.mean(y)

    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(3, 3, 2, 4)), rng.normal(size=(samples, 7, 8, 2))]
    graph = cr.trace(cr.value_and_grad(loss, wrt=(0, 1)), *arrays)
    assert_agrees(graph, arrays)
    if cut in ("all", "turned"):
        assert blocks_of(graph) == {SAMPLES_TOGETHER}


def test_sequences():
    """Over one axis."""
    rng = np.random.default_rng(0)

    def loss(w, x):
        windows = sliding_window_view(np.pad(x, ((0, 0), (2, 2), (0, 0))), 5, axis=1)
        return np.sum(np.tanh(np.einsum("ntci,icf->ntf", windows, w)))

    w, x = rng.normal(size=(5, 3, 7)), rng.normal(size=(33, 20, 3))
    assert_agrees(cr.trace(cr.value_and_grad(loss, wrt=(0, 1)), w, x), [w, x])


def test_nothing_is_spread_out_in_memory():
    graph, _ = graph_of(64, 6, (1, 1), 1, 2, "float32")
    fused = program.fuse(rewritten(simplify(stabilise(graph))), parallel=True)
    names = {k.node.op.name for k in fused.kernels if isinstance(k, Special)}
    assert "overlap_add" not in names
    products = [kernel for kernel in fused.kernels if isinstance(kernel, Product)]
    assert any(kernel.clips for kernel in products)  # zeros left out
    assert any(kernel.lanes >= len(kernel.shape) for kernel in products)  # sums in lanes
    assert any(kernel.cut is not None for kernel in products)  # slices of samples
    largest = max(b.bytes for k in fused.kernels for b in (v.buffer for v in k.writes))
    assert largest <= 64 * 13 * 14 * 6 * 4  # one value for each place, sample and filter
