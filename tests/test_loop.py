"""`scan` against the same steps unrolled in Python: values, gradients, batches, nests, edges."""

import numpy as np
import pytest
from gradcheck import check_gradient

from chainrule.errors import SettingError, TraceError
from chainrule.ops import rows
from chainrule.pipeline import compile, grad, scan, value_and_grad, vmap
from chainrule.simplify import simplify
from chainrule.tracing import trace
from chainrule.trees import flatten, map_tree

RNG = np.random.default_rng(0)


def unrolled(step, carry, xs):
    """What `scan` means."""
    ys = []
    for t in range(len(flatten(xs)[0][0])):
        carry, y = step(carry, map_tree(lambda x, t=t: x[t], xs))
        ys.append(y)
    return carry, map_tree(lambda *column: np.stack(column), *ys)


# --- cells: a step made of parameters; the parameters, carry and xs to run it on -----------------


def elman(p):
    def step(h, x):
        h = np.tanh(x @ p["x"] + h @ p["h"] + p["b"])
        return h, h

    return step


def lstm(p):
    """Hochreiter and Schmidhuber 1997, with the gates i, f, g, o in one product."""

    def step(carry, x):
        i, f, g, o = np.split(x @ p["x"] + carry["h"] @ p["h"], 4, axis=-1)
        c = rows.sigmoid(f) * carry["c"] + rows.sigmoid(i) * np.tanh(g)
        h = rows.sigmoid(o) * np.tanh(c)
        return {"h": h, "c": c}, (h, c[..., :1])

    return step


def horner(p):
    """A polynomial's value: the carry is a number, and the parameter is used in every step."""

    def step(total, coefficient):
        return total * p + coefficient, total

    return step


def cyclic(p):
    """A whole number is carried beside a float, and chooses the parameter."""

    def step(carry, x):
        place, total = carry
        return (place + 1, total * p[place % 3] + x), total - p[0]

    return step


def pairs(p):
    """Two arrays over time, of which a step returns nothing."""

    def step(h, x):
        return np.tanh(h * p + x["a"] @ x["b"]), None

    return step


def draw(*shape):
    return RNG.normal(size=shape)


CELLS = {
    "elman": (
        elman,
        {"x": draw(2, 3), "h": draw(3, 3) / 2, "b": draw(3)},
        draw(4, 3),
        draw(5, 4, 2),
    ),
    "lstm": (
        lstm,
        {"x": draw(2, 12), "h": draw(3, 12) / 2},
        {"h": draw(4, 3), "c": draw(4, 3)},
        draw(5, 4, 2),
    ),
    "horner": (horner, np.array(0.7), np.array(0.5), draw(6)),
    "cyclic": (cyclic, draw(3), (np.array(0), np.array(1.0)), draw(7)),
    "pairs": (pairs, np.array(0.4), draw(3), {"a": draw(4, 3, 2), "b": draw(4, 2)}),
}
EVERY_CELL = pytest.mark.parametrize("name", CELLS)


def total(tree):
    """A number with a curvature, made of every floating-point leaf."""
    leaves = [leaf for leaf in flatten(tree)[0] if leaf.dtype.kind == "f"]
    return sum(np.sum(leaf + 0.3 * leaf * leaf) for leaf in leaves)


def whole_run(name, loop):
    """`f(parameters, floating part of the carry, xs)` to a number."""
    cell, _, example, _ = CELLS[name]

    def run(p, carry, xs):
        start = (example[0], carry) if name == "cyclic" else carry
        return total(loop(cell(p), start, xs))

    return run


def arguments(name):
    _, p, carry, xs = CELLS[name]
    return p, (carry[1] if name == "cyclic" else carry), xs


def assert_trees_close(found, expected, tolerance=1e-12):
    found, structure = flatten(found)
    expected, expected_structure = flatten(expected)
    assert structure == expected_structure
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, strict=True)


def loops_of(graph):
    return [node for node in graph.nodes if node.op is rows.loop]


# --- against the unrolled steps ------------------------------------------------------------------


@EVERY_CELL
def test_values(name):
    cell, p, carry, xs = CELLS[name]
    found = compile(lambda p, carry, xs: scan(cell(p), carry, xs))(p, carry, xs)
    assert_trees_close(found, unrolled(cell(p), carry, xs))


@EVERY_CELL
def test_gradients(name):
    given = arguments(name)
    found = value_and_grad(whole_run(name, scan), wrt=(0, 1, 2))(*given)
    expected = value_and_grad(whole_run(name, unrolled), wrt=(0, 1, 2))(*given)
    assert_trees_close(found, expected)


@EVERY_CELL
def test_first_and_second_order_against_differences(name):
    check_gradient(
        whole_run(name, scan),
        *arguments(name),
        plain=whole_run(name, unrolled),
        second_order=True,
    )


@EVERY_CELL
@pytest.mark.parametrize("wrt", [0, 1, 2])
def test_the_gradient_of_one_argument_alone(name, wrt):
    given = arguments(name)
    found = grad(whole_run(name, scan), wrt)(*given)
    assert_trees_close(found, grad(whole_run(name, unrolled), wrt)(*given))


@EVERY_CELL
def test_float32_stays_float32(name):
    given = map_tree(lambda x: x.astype(np.float32), list(arguments(name)))
    found = value_and_grad(whole_run(name, scan), wrt=(0, 1, 2))(*given)
    assert_trees_close(
        found, value_and_grad(whole_run(name, unrolled), wrt=(0, 1, 2))(*given), 1e-4
    )
    assert {leaf.dtype for leaf in flatten(found)[0]} == {np.dtype(np.float32)}


def test_reverse():
    """A loop that runs backwards is one over flipped arrays; its gradient runs forwards."""
    _, p, carry, xs = CELLS["elman"]
    body = trace(
        lambda w, v, b, h, x: elman({"x": w, "h": v, "b": b})(h, x),
        p["x"],
        p["h"],
        p["b"],
        carry,
        xs[0],
    )

    def backwards(p, carry, xs):
        loop = rows.loop(
            p["x"],
            p["h"],
            p["b"],
            carry,
            xs,
            body=body,
            length=5,
            reverse=True,
            constants=3,
            carries=1,
        )
        return rows.result(loop, index=0), rows.result(loop, index=1)

    def flipped(p, carry, xs):
        last, ys = scan(elman(p), carry, xs[::-1])
        return last, ys[::-1]

    assert_trees_close(compile(backwards)(p, carry, xs), compile(flipped)(p, carry, xs))
    both = [
        value_and_grad(lambda *a, f=f: total(f(*a)), wrt=(0, 1, 2)) for f in (backwards, flipped)
    ]
    assert_trees_close(both[0](p, carry, xs), both[1](p, carry, xs))


# --- how much work a loop is ---------------------------------------------------------------------


@EVERY_CELL
def test_a_loop_is_one_node_and_its_gradient_another(name):
    """The forward pass is not run a second time for the backward one."""
    run, given = whole_run(name, scan), arguments(name)
    assert len(loops_of(trace(run, *given))) == 1
    for function in (grad(run, (0, 1, 2)), value_and_grad(run, (0, 1, 2))):
        assert len(loops_of(simplify(trace(function, *given)))) == 2


def test_the_graph_does_not_grow_with_the_length():
    def size(length):
        graph = trace(
            grad(whole_run("horner", scan)), np.array(0.5), np.array(0.0), np.ones(length)
        )
        return len(graph.nodes)

    assert size(2) == size(2000)


def test_what_does_not_change_is_computed_before_the_loop():
    def run(w, xs):
        return scan(lambda h, x: (h + x * np.sum(np.exp(w)), None), 0.0, xs)[0]

    (loop,) = loops_of(trace(run, np.ones(3), np.ones(4)))
    assert {node.op.name for node in loop.params["body"].nodes} == {"input", "multiply", "add"}


# --- what flows in and out -----------------------------------------------------------------------


def test_outer_values_and_plain_arrays_flow_in():
    scale = np.array([1.0, 2.0])

    def run(loop, w, xs):
        bias = w * 2
        last, ys = loop(lambda h, x: (np.sin(h * bias + x * scale), h), np.zeros(2), xs)
        return total([last, ys, bias])

    w, xs = draw(2), draw(4, 2)
    check_gradient(
        lambda w, xs: run(scan, w, xs),
        w,
        xs,
        plain=lambda w, xs: run(unrolled, w, xs),
        second_order=True,
    )


def test_one_value_in_several_places():
    """The same array as constant, first carry and series: its gradients add up."""
    w = draw(3, 3) / 2

    def run(loop, w):
        return total(loop(lambda h, x: (np.tanh(h @ w + x), h[0]), w, w))

    check_gradient(lambda w: run(scan, w), w, plain=lambda w: run(unrolled, w), second_order=True)


def test_a_python_number_takes_the_dtype_that_it_becomes():
    xs = np.arange(3, dtype=np.float32)
    last, ys = scan(lambda total, x: (total + x, total), 0, xs)
    assert (last, last.dtype, ys.dtype) == (3, np.float32, np.float32)
    last, _ = scan(lambda count, x: (count + 1, None), 0, xs)
    assert (last, last.dtype) == (3, np.int64)
    last, _ = scan(lambda total, x: (total + x, None), 0.0, np.arange(4))
    assert (last, last.dtype) == (6, np.float64)


def test_results_that_nobody_reads():
    cell, p, carry, xs = CELLS["lstm"]

    def last_only(p):
        return total(scan(cell(p), carry, xs)[0]["h"])

    def first_ys_only(p):
        return total(scan(cell(p), carry, xs)[1][0][0])

    for function, plain in (
        (last_only, lambda p: total(unrolled(cell(p), carry, xs)[0]["h"])),
        (first_ys_only, lambda p: total(unrolled(cell(p), carry, xs)[1][0][0])),
    ):
        check_gradient(function, p, plain=plain)


def test_no_steps():
    def run(p, carry, xs):
        last, ys = scan(elman(p), carry, xs)
        assert ys.shape == (0, 4, 3)
        return total([last, ys])

    _, p, carry, _ = CELLS["elman"]
    xs = np.zeros((0, 4, 2))
    value, (d_p, d_carry, d_xs) = value_and_grad(run, wrt=(0, 1, 2))(p, carry, xs)
    assert value == pytest.approx(total([carry]))
    np.testing.assert_allclose(d_carry, 1 + 0.6 * carry)
    assert d_xs.shape == xs.shape
    assert not any(d.any() for d in d_p.values())
    last, _ = scan(elman(p), carry, xs)
    np.testing.assert_array_equal(last, carry)


# --- loops in loops, gradients in loops ----------------------------------------------------------


def test_nested():
    """An inner loop over the columns of each step, whose carry starts from the outer one."""

    def run(loop, w, h, xs):
        def outer(h, x):
            inner_last, inner_ys = loop(lambda g, c: (np.tanh(g * w + c + h), g), h, x)
            return inner_last, np.sum(inner_ys, axis=0)

        return total(loop(outer, h, xs))

    w, h, xs = draw(2), draw(2), draw(3, 4, 2)
    check_gradient(
        lambda *a: run(scan, *a), w, h, xs, plain=lambda *a: run(unrolled, *a), second_order=True
    )
    batched = vmap(lambda xs: run(scan, w, h, xs))(np.stack([xs, xs + 1]))
    np.testing.assert_allclose(batched, [run(unrolled, w, h, xs), run(unrolled, w, h, xs + 1)])


def descent(loop, rate, start, data):
    """Gradient descent as a loop: the steps take gradients, and the whole is differentiable."""

    def step(w, sample):
        x, y = sample
        loss, gradient = value_and_grad(lambda w: (np.tanh(x @ w) - y) ** 2)(w)
        return w - rate * gradient, loss

    return total(loop(step, start, data))


def test_a_gradient_inside_a_loop_and_of_it():
    start, data = draw(3), (draw(6, 3), draw(6))
    rate = np.array(0.1)

    def tangent(w, x, y):
        a = np.tanh(x @ w)
        return (a - y) ** 2, 2 * (a - y) * (1 - a * a) * x

    def by_hand(rate, start):
        w, losses = start, []
        for x, y in zip(*data, strict=True):
            loss, gradient = tangent(w, x, y)
            losses.append(loss)
            w = w - rate * gradient
        return total([w, np.array(losses)])

    check_gradient(
        lambda rate, start: descent(scan, rate, start, data),
        rate,
        start,
        plain=by_hand,
        second_order=True,
    )


# --- batches -------------------------------------------------------------------------------------


@EVERY_CELL
@pytest.mark.parametrize("batched", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
def test_batches_of_loops_and_of_their_gradients(name, batched):
    """A carry is batched as soon as anything batched flows into it."""
    given = list(arguments(name))
    for place, flag in enumerate(batched):
        if flag:
            given[place] = map_tree(lambda x: np.stack([x, x * 0.5, x + 0.1]), given[place])
    axes = tuple(0 if flag else None for flag in batched)
    samples = [
        [
            map_tree(lambda x, i=i: x[i], a) if flag else a
            for a, flag in zip(given, batched, strict=True)
        ]
        for i in range(3)
    ]
    run = whole_run(name, scan)
    expected = [whole_run(name, unrolled)(*sample) for sample in samples]
    np.testing.assert_allclose(vmap(run, axes)(*given), expected, rtol=1e-12)

    def each(*a):
        return grad(whole_run(name, unrolled), (0, 1, 2))(*a)

    gradients = [each(*sample) for sample in samples]
    stacked = map_tree(lambda *column: np.stack(column), *gradients)
    assert_trees_close(vmap(grad(run, (0, 1, 2)), axes)(*given), stacked)
    of_batch = grad(lambda *a: np.sum(vmap(run, axes)(*a)), (0, 1, 2))(*given)
    summed = tuple(
        part if flag else map_tree(lambda x: x.sum(0), part)
        for part, flag in zip(stacked, batched, strict=True)
    )
    assert_trees_close(of_batch, summed)


def test_steps_of_batches():
    """`vmap` inside a step."""
    w, xs = draw(3), draw(4, 5, 3)

    def run(loop, w, xs):
        dot = vmap(lambda row: np.tanh(row @ w)) if loop is scan else lambda x: np.tanh(x @ w)
        return total(loop(lambda h, x: (h + np.sum(dot(x)), h), 0.0 * np.sum(w), xs))

    check_gradient(lambda w, xs: run(scan, w, xs), w, xs, plain=lambda w, xs: run(unrolled, w, xs))


# --- what cannot be a loop -----------------------------------------------------------------------

XS = np.ones((3, 2))
REFUSED = {
    "lengths differ": (
        lambda: scan(lambda h, x: (h, None), 0.0, [XS, XS[:2]]),
        SettingError,
        r"different lengths, \[2, 3\]",
    ),
    "no time axis": (
        lambda: scan(lambda h, x: (h, None), 0.0, np.array(1.0)),
        SettingError,
        "first axis of xs",
    ),
    "nothing to run over": (
        lambda: scan(lambda h, x: (h, None), 0.0, []),
        SettingError,
        "first axis of xs",
    ),
    "one result": (lambda: scan(lambda h, x: h, 0.0, XS), TraceError, r"must return \(carry, y\)"),
    "another structure": (
        lambda: scan(lambda h, x: ([h, h], None), (0.0, 0.0), XS),
        TraceError,
        "carry of another structure",
    ),
    "another shape": (
        lambda: scan(lambda h, x: (h + x, None), np.zeros(1), XS),
        TraceError,
        r"carry 0 of shape \(1,\) and returns \(2,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
