"""Graphs: how they print, what they refuse, and that backward nodes know their forward nodes."""

import re
from textwrap import dedent
from types import MappingProxyType

import numpy as np
import pytest
from gradcheck import TOLERANCE, gradient_error

from chainrule.differentiate import differentiate
from chainrule.engines import compile_graph
from chainrule.engines.numpy import Program
from chainrule.errors import GraphError, LeakedValueError, ShapeError
from chainrule.graph import (
    CONSTANT,
    EMPTY,
    Graph,
    Node,
    constant_node,
    constant_value,
    dependents,
    input_node,
    ordered,
    rewrite,
    scope,
    substitute,
)
from chainrule.ops import rows
from chainrule.ops.registry import numerics
from chainrule.pipeline import grad, scan, value_and_grad
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.tracing import trace

FLOAT = np.dtype(np.float64)


# --- listings ------------------------------------------------------------------------------------


def listed(function, *arguments) -> str:
    """The listing of a function of this file, its lines counted from its own first one."""
    first = function.__code__.co_firstlineno
    text = str(trace(function, *arguments))
    return re.sub(r"test_graph\.py:(\d+)", lambda match: f"line {int(match[1]) - first}", text)


def neuron(w, b, x, t):
    z = x @ w + b
    a = np.tanh(z)
    return np.mean((a - t) ** 2)


def test_listing_of_a_neuron():
    assert listed(neuron, np.ones(2), 0.5, np.ones((4, 2)), np.ones(4)) == dedent("""\
        neuron(w: float64[2], b: float64[], x: float64[4,2], t: float64[4])
          %0 = contract[ik,k->i](x, w)  float64[4]  # line 1
          %1 = add(%0, b)               float64[4]  # line 1
          %2 = tanh(%1)                 float64[4]  # line 2
          %3 = subtract(%2, t)          float64[4]  # line 3
          %4 = square(%3)               float64[4]  # line 3
          %5 = sum[axes=(0,)](%4)       float64[]   # line 3
          %6 = divide(%5, 4.0)          float64[]   # line 3
          return %6""")


def step(weights, rate):
    weights["w"] -= rate * weights["w"]
    return np.sum(weights["w"]), np.argmax(weights["w"])


def test_listing_of_a_step_that_changes_its_argument():
    weights = {"w": np.ones(3, np.float32)}
    assert listed(step, weights, 0.5) == dedent("""\
        step(weights['w']: float32[3], rate: float64[])
          %0 = cast[dtype=float32](rate)   float32[]   # line 1
          %1 = multiply(%0, weights['w'])  float32[3]  # line 1
          %2 = subtract(weights['w'], %1)  float32[3]  # line 1
          %3 = sum[axes=(0,)](%2)          float32[]   # line 2
          %4 = argmax[axes=(0,)](%2)       int64[]     # line 2
          weights['w'] <- %2
          return %3, %4""")


def squared(w, x):
    return value_and_grad(lambda w: np.sum((w * x) ** 2))(w)


def test_listing_of_a_gradient():
    """Each backward line says which term of the chain rule it is, and of which forward line."""
    assert listed(squared, np.ones(2), np.ones(2)) == dedent("""\
        squared(w: float64[2], x: float64[2])
          %0 = multiply(w, x)                float64[2]  # line 1
          %1 = square(%0)                    float64[2]  # line 1
          %2 = sum[axes=(0,)](%1)            float64[]   # line 1
          %3 = reshape[shape=(1,)](1.0)      float64[1]  # line 1  adjoint of %2 · ∂%2/∂input 0
          %4 = broadcast_to[shape=(2,)](%3)  float64[2]  # line 1  adjoint of %2 · ∂%2/∂input 0
          %5 = multiply(2.0, %0)             float64[2]  # line 1  ∂%1/∂input 0
          %6 = multiply(%4, %5)              float64[2]  # line 1  adjoint of %1 · ∂%1/∂input 0
          %7 = multiply(%6, x)               float64[2]  # line 1  adjoint of %0 · ∂%0/∂input 0
          return %2, %7""")


def running(xs):
    def plus(total, x):
        return total + x, total

    return scan(plus, 0.0, xs)


def test_listing_of_a_loop():
    assert listed(running, np.ones(3)) == dedent("""\
        running(xs: float64[3])
          %0 = cast[dtype=float64](0.0)  float64[]   # line 4
          %1 = loop[plus × 3](%0, xs)    loop        # line 4
          %2 = result[index=0](%1)       float64[]   # line 4
          %3 = result[index=1](%1)       float64[3]  # line 4
          return %2, %3

        plus(carry 0: float64[], x 0: float64[])
          %0 = add(carry 0, x 0)  float64[]  # line 2
          return %0, carry 0""")


LIMITS = np.arange(3.0)


def outside(x):
    with scope("0.Dense"), scope("activation"):
        return np.where(x > LIMITS, x, -1e9)


def test_listing_of_captured_arrays_and_layers():
    assert listed(outside, np.ones(3)) == dedent("""\
        outside(x: float64[3])
          %0 = captured                     float64[3]  # line 2 [0.Dense.activation]
          %1 = greater(x, %0)               bool[3]     # line 2 [0.Dense.activation]
          %2 = where(%1, x, -1000000000.0)  float64[3]  # line 2 [0.Dense.activation]
          return %2""")


def test_listing_of_nothing():
    assert str(Graph("nothing", (), ())) == "nothing()\n  return "


# --- what a graph refuses ------------------------------------------------------------------------


def made(op, inputs, shape, dtype=FLOAT, params=EMPTY, **others):
    """A node that claims any shape and dtype."""
    return Node(op, tuple(inputs), params, shape, dtype, **others)


def graph_of(*outputs, inputs=()):
    return Graph("broken", tuple(inputs), outputs)


X = input_node("x", (3,), FLOAT)
SUM_OF_ALL = MappingProxyType({"axes": (0,)})
LATE = input_node("late", (3,), FLOAT)
BROKEN = {
    "a wrong shape": (made(rows.exp, [X], (2,)), GraphError, r"float64\[2\]; .* float64\[3\]"),
    "a wrong dtype": (
        made(rows.exp, [X], (3,), np.dtype(np.float32)),
        GraphError,
        r"float32\[3\]; its op says float64\[3\]",
    ),
    "a sum that keeps its axis": (
        made(rows.sum, [X], (3,), params=SUM_OF_ALL),
        GraphError,
        r"its op says float64\[\]",
    ),
    "inputs that do not fit": (
        made(rows.add, [X, constant_node(np.ones(2))], (3,)),
        ShapeError,
        r"\(3,\) and \(2,\) do not broadcast",
    ),
    "a length of another type": (
        made(rows.sum, [made(rows.exp, [X], (np.int64(3),))], (), params=SUM_OF_ALL),
        GraphError,
        "not a Python int",
    ),
    "a value of another function": (
        made(rows.exp, [input_node("theirs", (3,), FLOAT)], (3,)),
        LeakedValueError,
        "uses 'theirs', a value traced for another function",
    ),
    "a node that stands before its input": (
        made(rows.exp, [LATE], (3,), serial=LATE.serial - 1),
        GraphError,
        "before one of its inputs",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_catches(name):
    node, error, message = BROKEN[name]
    with pytest.raises(error, match=message):
        graph_of(node, inputs=(X, LATE)).check()


def test_check_looks_at_updates_and_returns_the_graph():
    good = made(rows.exp, [X], (3,))
    graph = Graph("good", (X,), (good,), updates=((0, good),))
    assert graph.check() is graph
    with pytest.raises(GraphError):
        Graph("bad", (X,), (good,), updates=((0, BROKEN["a wrong shape"][0]),)).check()


def test_every_pass_checks_what_it_made():
    with pytest.raises(GraphError):
        graph_of(made(rows.exp, [X], (3,)), inputs=(X,)).with_results([BROKEN["a wrong shape"][0]])


def test_a_value_kept_from_another_trace_is_refused():
    kept = []
    trace(lambda x: kept.append(x) or x, np.ones(3))
    with pytest.raises(LeakedValueError, match="keep no traced value"):
        trace(lambda y: kept[0] + y, np.ones(3))


# --- walking and rewriting -----------------------------------------------------------------------


def diamond():
    x = input_node("x", (2,), FLOAT)
    left = made(rows.exp, [x], (2,))
    right = made(rows.sin, [x], (2,))
    return x, left, right, made(rows.add, [left, right], (2,))


def test_every_node_stands_after_its_inputs_and_once():
    x, left, right, top = diamond()
    assert ordered([top, left, top]) == [x, left, right, top]


def test_dependents():
    x, left, right, top = diamond()
    assert dependents([top], [left]) == {left, top}
    assert dependents([left], [right]) == {right}
    assert dependents([top], [x]) == {x, left, right, top}


def test_rewriting_nothing_keeps_every_node():
    *_, top = diamond()
    assert all(new is old for old, new in rewrite([top], lambda node: node).items())


def test_substituting_rebuilds_only_what_stands_above():
    _, left, right, top = diamond()
    other = input_node("other", (2,), FLOAT)
    (found,) = substitute([top], {left: other})
    assert found.inputs == (other, right)
    assert top.inputs == (left, right)
    assert found.serial > top.serial


def test_constants_are_copies_that_nobody_can_write_to():
    array = np.ones(3)
    node = constant_node(array)
    array[0] = 7
    np.testing.assert_array_equal(node.params["value"], np.ones(3))
    assert not node.params["value"].flags.writeable
    assert constant_value(constant_node(2.5)) == 2.5
    assert constant_value(node) is None
    assert constant_value(X) is None


# --- roles ---------------------------------------------------------------------------------------


def shared(w, b, x, t):
    """Values used twice, broadcast, selected, and gathered."""
    hidden = np.tanh(x @ w + b) * b
    chosen = np.where(hidden > 0, hidden, 0.1 * hidden)[:, None] * w
    return np.mean((np.max(chosen, axis=1) - t) ** 2) + np.sum(chosen[[0, 0, 1]] ** 2)


def logistic(w, b, x, t):
    """Rewritten before it is differentiated."""
    p = 1 / (1 + np.exp(-(x @ w + b)))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


RNG = np.random.default_rng(0)
POINT = (RNG.normal(size=2), RNG.normal(size=4), RNG.normal(size=(4, 2)), RNG.uniform(size=4))


@pytest.fixture(params=[neuron, shared, logistic], ids=lambda f: f.__name__)
def backward(request):
    """The graph of a loss and its gradients."""
    return trace(lambda *point: value_and_grad(request.param, (0, 1, 2))(*point), *POINT)


def test_every_node_is_forward_or_knows_its_term(backward):
    forward = set(ordered([backward.outputs[0]]))
    assert all(node.role is None for node in forward)
    for node in backward.nodes:
        if node not in forward:
            assert node.role.of in forward
            assert node.source == node.role.of.source or node.op is CONSTANT
        if node.role is not None and node.role.term in ("local", "product"):
            assert node.role.wrt in range(len(node.role.of.inputs))


def test_the_seed_is_the_loss_by_itself(backward):
    seeds = [node for node in backward.nodes if node.role and node.role.term == "seed"]
    assert [constant_value(seed) for seed in seeds] == [1]
    assert seeds[0].role.of is backward.outputs[0]


def by_term(graph, term):
    """The last node of each term: the whole local derivative, product or sum."""
    return {
        (node.role.of, node.role.wrt): node
        for node in graph.nodes
        if node.role is not None and node.role.term == term
    }


def test_local_derivatives_are_those_of_the_table(backward):
    values = Program(backward).trace_values(POINT)
    found = by_term(backward, "local")
    assert found
    for (of, wrt), node in found.items():
        partials = of.op.derivative(numerics, values[of], *[values[x] for x in of.inputs])
        np.testing.assert_allclose(values[node], np.broadcast_to(partials[wrt], node.shape))


def test_adjoints_are_the_gradients_of_the_loss_by_the_nodes_they_name(backward):
    """The products over all uses of a node add up to the loss's derivative by that node."""
    values = Program(backward).trace_values(POINT)
    products, sums = by_term(backward, "product"), by_term(backward, "sum")
    loss, checked = backward.outputs[0], 0
    for node in ordered([loss]):
        uses = [
            (user, place)
            for user in ordered([loss])
            for place, child in enumerate(user.inputs)
            if child is node and user.dtype.kind == "f"
        ]
        # A use whose local derivative is 1 hands its own adjoint on, and makes no product.
        if not uses or not all(use in products for use in uses):
            continue
        adjoint = sum(values[products[use]] for use in uses)
        point = input_node("point", node.shape, node.dtype)
        (rest,) = substitute([loss], {node: point})
        program = Program(Graph("rest", (*backward.inputs, point), (rest,)))

        def from_here(value, program=program):
            return program([*POINT, value])[0]

        assert gradient_error(from_here, values[node], adjoint) < TOLERANCE
        if len(uses) > 1:
            np.testing.assert_allclose(values[sums[node, None]], adjoint)
        checked += 1
    assert checked >= 5


def test_the_terms_of_a_loop_name_the_nodes_of_its_body():
    def run(w, xs):
        return scan(lambda h, x: (np.tanh(h * w + x), None), 0.0, xs)[0]

    graph = trace(lambda w, xs: value_and_grad(run)(w, xs), 0.5, np.ones(3))
    loops = [node for node in graph.nodes if node.op is rows.loop]
    forward = loops[0].params["body"]
    steps = [loop.params["body"] for loop in loops if loop.params["reverse"]]
    assert len(steps) == 1
    named = {node.role.of for node in steps[0].nodes if node.role is not None}
    assert {node.op.name for node in named} >= {"tanh", "multiply"}
    assert named <= {*forward.nodes, *forward.inputs, *loops}


def test_the_terms_of_a_second_derivative_name_nodes_of_the_first():
    graph = trace(grad(grad(lambda x: np.sin(x) ** 3)), 0.5)
    nested = [n for n in graph.nodes if n.role is not None and n.role.of.role is not None]
    assert nested


def test_passes_work_on_finished_graphs() -> None:
    """stabilise, differentiate and simplify are graph to graph, outside of any recording."""
    x, w = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0.3, -0.2])
    graph = trace(lambda w, x: np.sum(np.log(1 / (1 + np.exp(-(x @ w))))), w, x)
    whole = simplify(differentiate(stabilise(graph), [0]))
    value, gradient = compile_graph(whole)([w, x])
    p = 1 / (1 + np.exp(-(x @ w)))
    np.testing.assert_allclose(value, np.log(p).sum(), rtol=1e-14)
    np.testing.assert_allclose(gradient, (1 - p) @ x, rtol=1e-14)
