"""What is not computed or copied twice: sigmoids that loops keep, pieces written where they go."""

import numpy as np
import pytest
from agreement import assert_agrees

import chainrule as cr
from chainrule.engines.native.fuse import fuse
from chainrule.engines.native.kept_sigmoids import with_kept_sigmoids
from chainrule.engines.native.kernels import Elementwise
from chainrule.ops import rows
from chainrule.simplify import simplify

RNG = np.random.default_rng(0)
DRIVES = np.concatenate(
    [RNG.normal(size=27) * 3, [0.0, -0.0, 17.0, -17.0, 36.0, -36.0, 80.0, -80.0]]
)


def gated(read):
    """The gradient of steps whose gate `read` may look at as well."""

    def loss(series):
        def step(h, x):
            z = x + 0.5 * h
            gate = 1 / (1 + np.exp(-z))
            return gate * h + x, read(z, gate)

        last, every = cr.scan(step, np.zeros_like(series[0]), series)
        return np.sum(last) + np.sum(every)

    return cr.grad(loss)


READS = {
    "the gate": lambda z, gate: gate,
    "its argument": lambda z, gate: z,
    "both": lambda z, gate: z * gate,
    "two gates": lambda z, gate: gate * rows.sigmoid(2 * z),
    "a gate of a gate": lambda z, gate: rows.sigmoid(3 * gate - 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", READS)
def test_gates_of_any_size(name, dtype):
    """Small derivatives keep all their digits, on either side."""
    series = np.stack([DRIVES, DRIVES[::-1], DRIVES * 0.5]).astype(dtype)
    assert_agrees(cr.trace(gated(READS[name]), series), [series])


def loops_of(function, *arguments):
    graph = with_kept_sigmoids(simplify(cr.trace(function, *arguments)))
    return [node.params["body"] for node in graph.nodes if node.op.name == "loop"]


def test_a_loop_keeps_one_number_of_a_gate():
    series = RNG.normal(size=(3, 5))
    _, back = loops_of(gated(READS["the gate"]), series)
    assert "sigmoid" not in [node.op.name for node in back.nodes]


def test_the_smaller_one_has_all_its_digits():
    """σ(x) and σ(-x) as they come back from what is kept, where 1 - σ(x) would be 0."""
    x = np.array([[40.0, -40.0, 700.0, -700.0, 1e-3]])

    def loss(series):
        step = lambda h, x: (h + rows.sigmoid(x), rows.sigmoid(x))
        return cr.scan(step, np.zeros(5), series)[0].sum()

    slope = cr.compile(cr.grad(loss))(x)
    true = np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2
    np.testing.assert_allclose(slope, true, rtol=1e-14)


def test_pieces_are_written_where_they_are_joined():
    def joined(a, b, c):
        return np.concatenate([np.tanh(a @ b), np.exp(a @ b)], axis=1) @ c

    arguments = [RNG.normal(size=shape) for shape in ((20, 5), (5, 4), (8, 6))]
    graph = cr.trace(joined, *arguments)
    kernels = fuse(simplify(graph), parallel=False).kernels
    assert not any(isinstance(kernel, Elementwise) for kernel in kernels)
    assert_agrees(graph, arguments)
