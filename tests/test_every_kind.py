"""What must hold for all rows alike: shapes, refusals, rewriting that keeps numbers, batches."""

from itertools import product

import numpy as np
import pytest
from samples import ALL, Sample

from chainrule.engines.numpy import Program
from chainrule.errors import GraphError, SettingError, ShapeError
from chainrule.graph import VOID, Graph
from chainrule.ops import TABLE
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


WHOLE = np.zeros(2, np.int64)
KEY = np.zeros(2, np.uint32)
REFUSED = {
    "add": ([np.ones(3), np.ones(2)], {}, r"\(3,\) and \(2,\) do not broadcast"),
    "reshape": ([np.ones((2, 3))], {"shape": (4,)}, r"6 numbers of shape \(2, 3\) do not fill"),
    "broadcast_to": ([np.ones((2, 3))], {"shape": (3, 3)}, r"does not stretch to \(3, 3\)"),
    "slice": (
        [np.ones(3)],
        {"start": (1,), "stop": (4,), "step": (1,)},
        "1:4:1 leaves an axis of length 3",
    ),
    "concatenate": (
        [np.ones((2, 3)), np.ones((3, 3))],
        {"axis": 1},
        r"\(2, 3\) and \(3, 3\) differ beside axis 1",
    ),
    "max": ([np.ones((2, 0))], {"axes": (1,)}, r"max of nothing: shape \(2, 0\)"),
    "contract": (
        [np.ones((2, 3)), np.ones((2, 3))],
        {"spec": "ij,jk->ik"},
        r"disagree on 'j' \(3 and 2\)",
    ),
    "scatter": ([np.ones((3, 2)), WHOLE, np.ones((2, 3))], {}, r"\(2, 3\) into \(3, 2\)"),
    "scatter_add": (
        [WHOLE, np.ones((3, 2))],
        {"rows": 3},
        r"an index of shape \(2,\) for updates \(3, 2\)",
    ),
    "random_bits": ([KEY.astype(np.int64)], {"shape": (2,)}, r"uint32 of shape \(2,\), not int64"),
    "threefry": ([KEY, np.zeros(3, np.uint32)], {}, r"not uint32\[3\]"),
    "shuffle": ([KEY[:1], WHOLE], {"count": 3}, r"not uint32\[1\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_inputs_that_do_not_fit_are_refused(name):
    arrays, params, message = REFUSED[name]
    with pytest.raises(ShapeError, match=message):
        trace(lambda *xs: TABLE[name](*xs, **params), *arrays)


@pytest.mark.parametrize("spec", ["ii,ij->j", "ij,jk->i", "ij,jk->ikk", "ij,jk->ikm"])
def test_contractions_whose_gradient_is_no_contraction_are_refused(spec):
    with pytest.raises(ShapeError, match="must stand in two parts, once in each"):
        trace(lambda a, b: TABLE["contract"](a, b, spec=spec), np.ones((2, 2)), np.ones((2, 2)))


def test_a_contraction_of_another_rank_is_refused():
    with pytest.raises(ShapeError, match=r"'ij' for shape \(2,\)"):
        trace(lambda a, b: TABLE["contract"](a, b, spec="ij,j->i"), np.ones(2), np.ones(2))


def looped(carry, xs, length=3, inputs=None):
    """A loop whose body adds vectors of length 2, over whatever it is given."""
    body = trace(lambda h, x: (h + x, h), np.ones(2), np.ones(2))
    params = {"body": body, "length": length, "reverse": False, "constants": 0, "carries": 1}
    return trace(lambda *given: TABLE["loop"](*given, **params), *(inputs or [carry, xs]))


def test_loops_over_what_their_body_does_not_take_are_refused():
    h, xs = np.ones(2), np.ones((3, 2))
    with pytest.raises(GraphError, match="a loop body of 2 inputs got 3"):
        looped(h, xs, inputs=[h, h, xs])
    with pytest.raises(ShapeError, match=r"takes float64\[2\], not float64\[4\]"):
        looped(np.ones(4), xs)
    with pytest.raises(ShapeError, match=r"takes float64\[2\], not float32\[3,2\]"):
        looped(h, xs.astype(np.float32))
    with pytest.raises(ShapeError, match="a loop of 4 steps over 3 time steps"):
        looped(h, xs, length=4)
    growing = trace(lambda h, x: (np.outer(h, x), h), h, h)
    with pytest.raises(ShapeError, match=r"carry h is float64\[2\] and becomes float64\[2,2\]"):
        trace(
            lambda h, xs: TABLE["loop"](
                h, xs, body=growing, length=3, reverse=False, constants=0, carries=1
            ),
            h,
            xs,
        )


def test_a_result_is_that_of_a_loop():
    with pytest.raises(GraphError, match="result reads a loop"):
        trace(lambda x: TABLE["result"](x, index=0), np.ones(2))
    with pytest.raises(GraphError, match="run by an engine"):
        TABLE["loop"].evaluate()


@pytest.mark.parametrize("index", [3, -4])
def test_indices_outside_the_table_are_refused_when_they_are_known(index):
    """Shapes are known while recording, numbers are not: the engine refuses, as NumPy does."""
    with pytest.raises(IndexError, match="out of bounds"):
        compile(TABLE["gather"])(np.ones((3, 2)), np.array([index]))


def test_only_one_number_has_a_gradient():
    with pytest.raises(SettingError, match=r"this has shape \(3,\)"):
        grad(lambda x: x * 2)(np.ones(3))
    with pytest.raises(SettingError, match="floating-point value, not int64"):
        grad(lambda x: np.argmax(x))(np.ones(3))


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
