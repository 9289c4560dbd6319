"""Loops unrolled over time: every formula of a step holds at every time, and the parts add up."""

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import recurrent
from latex_numbers import evaluate

import chainrule as cr
from chainrule.explaining.entries import Numbers
from chainrule.explaining.unrolling import loops_between
from chainrule.tex import parse, plain
from chainrule.tex.mathml import inner_mathml

CASES = [(layer, last) for layer in recurrent.LAYERS for last in (True, False)]
EVERY = pytest.mark.parametrize(("layer", "last"), CASES, ids=str)


def story(layer, last=False, **sizes):
    model, x, y = recurrent.model(layer, last=last, **sizes)
    return cr.explain(model, x, y)


def loops(found, name):
    return loops_between(found, found.record.roots.parameters[name])


@EVERY
def test_the_parts_of_all_times_add_up_to_the_gradient(layer, last):
    found = story(layer, last)
    for name in ("0.weight_x", "0.weight_h", "0.bias"):
        node = found.record.roots.parameters[name]
        parts = [loop.added(loop.shares(node)) for loop in loops(found, name)]
        assert len(parts) == (2 if isinstance(layer, recurrent.Both) else 1)
        assert all(len(part) == 4 for part in parts)
        total = np.sum([np.sum(part, axis=0) for part in parts], axis=0)
        np.testing.assert_allclose(total, found.gradients[name], rtol=1e-12, atol=1e-14)


@EVERY
def test_every_formula_holds_at_every_time(layer, last):
    """Evaluated with the numbers of that time, it gives what the step computed."""
    checked = 0
    for loop in loops(story(layer, last), "0.weight_h"):
        for time, values in enumerate(loop.values):
            names = loop.names(str(time + 1))
            numbers = Numbers(lambda s, v=values, n=names: np.asarray(v[n.nodes[s.key]]), {})
            nodes = [q.node for q in names.quantities if q.node.inputs]
            nodes += [loop.step.adjoints[n] for n in nodes if n in loop.step.adjoints]
            for node in nodes:
                if node not in values or node is loop.step.loss:
                    continue
                own = np.asarray(numbers.of(names.reader.read(node)))
                np.testing.assert_allclose(own, values[node], rtol=1e-12, atol=1e-14)
                checked += 1
    assert checked >= 12


@EVERY
def test_what_comes_back_is_what_the_next_step_hands_on(layer, last):
    for loop in loops(story(layer, last), "0.weight_h"):
        order = range(4)[::-1] if loop.reverse else range(4)
        for k in loop.carries:
            back = loop.step.adjoints[loop.body.inputs[loop.constants + k]]
            for now, later in pairwise(order):
                coming = loop.values[now][loop.step.incoming[k]]
                np.testing.assert_array_equal(coming, loop.values[later][back])


def test_the_formulas_of_an_rnn():
    (loop,) = loops(story(recurrent.RNN(), last=True), "0.weight_h")
    lines = [*loop.forward_lines(), *loop.end_lines(), *loop.backward_lines()]
    assert [plain(f"{left} = {right}") for left, right, _ in lines] == [
        "zₜ = xₜ W⁽¹⁾ₓ + hₜ₋₁ W⁽¹⁾ₕ + b⁽¹⁾",
        "hₜ = tanh zₜ",
        "yₜ = hₜ",
        "∂L/∂h₄ = ∂L/∂y₄",
        "∂L/∂hₜ = ∂L/∂yₜ + (∂L/∂zₜ₊₁) W⁽¹⁾ₕᵀ",
        "∂L/∂zₜ = ∂L/∂hₜ ⊙ tanh′(zₜ)",
    ]
    assert plain(loop.sum_over_time(1)) == "Σₜ₌₁⁴ hₜ₋₁ᵀ (∂L/∂zₜ)"


def forward(layer):
    (loop,) = loops(story(layer, last=True), "0.weight_h")
    return {plain(f"{left} = {right}") for left, right, _ in loop.forward_lines()}


def test_gates_are_called_what_the_code_calls_them():
    """Although their numbers come from a function that is called three times in a step."""
    assert forward(recurrent.LSTM(2)) >= {
        "iₜ = σ(a[t,·,1…2])",
        "fₜ = σ(a[t,·,3…4])",
        "gₜ = tanh a[t,·,5…6]",
        "oₜ = σ(a[t,·,7…8])",
        "cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ",
    }
    assert forward(recurrent.GRU(2)) >= {"rₜ = σ(q₁,ₜ)", "zₜ = σ(q₂,ₜ)", "gₜ = tanh q₃,ₜ"}


class Unnamed(recurrent.Recurrent):
    """Two gates without a variable of their own; the function that makes them is none either."""

    gates = 2

    def over_time(self, params, x):
        logistic = lambda a: 1 / (1 + np.exp(-a))

        def step(h, x):
            a = x @ params["weight_x"] + h @ params["weight_h"] + params["bias"]
            h = logistic(a[:, 3:]) * h + np.tanh(a[:, :3])
            return h, None

        h, _ = cr.scan(step, self.start(x), np.swapaxes(x, 0, 1))
        return np.repeat(h[:, None], x.shape[1], 1)


def test_gates_without_a_name_are_counted():
    assert forward(Unnamed()) >= {
        "g₁,ₜ = tanh a[t,·,1…3]",
        "g₂,ₜ = σ(a[t,·,4…6])",
        "hₜ = g₂,ₜ ⊙ hₜ₋₁ + g₁,ₜ",
    }


@EVERY
def test_paths_go_through_time(layer, last):
    """They add up to the gradient, and none crosses more than one step in one factor."""
    found = story(layer, last, times=3)
    for name in ("0.weight_x", "0.weight_h", "0.bias"):
        index = tuple(n - 1 for n in found.gradients[name].shape)
        gradient = found.gradients[name][index]
        np.testing.assert_allclose(found.paths(name, index, most=1).gradient, gradient, rtol=1e-12)
    paths = found.paths("0.weight_h", (0, 0), most=400)
    assert paths.is_complete
    np.testing.assert_allclose(sum(path.value for path in paths), paths.gradient, rtol=1e-9)
    sizes = [abs(path.value) for path in paths]
    assert sizes == sorted(sizes, reverse=True)
    for path in paths:
        times = [int(found) for factor in path.factors for found in carried(factor)]
        assert all(abs(a - b) <= 1 for a, b in pairwise(times))
    longest = max(paths, key=lambda path: len(path.factors))
    assert len({time for factor in longest.factors for time in carried(factor)}) >= 2


def carried(factor):
    """The times of what a factor is between, where they are steps of a loop."""
    keys = [key for key, _ in (factor.of, factor.wrt)]
    return [found[1] for key in keys if (found := re.fullmatch(r"[a-z]_(?:\d,)?(\d)'?", key))]


def test_a_path_names_its_factors():
    path = story(recurrent.RNN(3), last=True, samples=1).paths("0.weight_h", (0, 1))[0]
    told = [plain(f"{f.latex} = {f.formula}") for f in path.factors if f.formula]
    assert told[0] == "∂L/∂ŷ = ŷ − y"
    assert told[2] == "∂h₄,₃/∂z₄,₃ = tanh′(z₄,₃)"
    assert told[3] == "∂z₄,₃/∂h₃,₃ = w⁽¹⁾ₕ,₃₃"
    assert told[-1] == "∂z₂,₂/∂w⁽¹⁾ₕ,₁₂ = h₁,₁"


def test_a_long_loop_stays_one_function():
    found = story(recurrent.RNN(), last=True, times=600)
    assert found.written_out is None
    gradient = found.gradients["0.weight_h"][0, 0]
    np.testing.assert_allclose(found.paths("0.weight_h", (0, 0)).gradient, gradient, rtol=1e-9)


def test_a_loop_that_runs_backwards():
    """That of a gradient, which is differentiated once more: what came before is later."""

    def inner(w, xs):
        h, _ = cr.scan(lambda h, x: (np.tanh(w * h + x), None), 0.5, xs)
        return h

    def loss(w, xs):
        return cr.grad(inner)(w, xs) ** 2

    found = cr.explain(loss, 0.7, np.array([0.1, -0.4, 0.8]))
    both = loops(found, "w")
    assert {loop.reverse for loop in both} == {False, True}
    parts = [np.sum(loop.added(loop.shares(found.record.roots.parameters["w"]))) for loop in both]
    np.testing.assert_allclose(sum(parts), found.gradients["w"], rtol=1e-12)
    (backwards,) = (loop for loop in both if loop.reverse)
    (carried, *_) = backwards._letters[0].values()
    right = [plain(line[1]) for line in backwards.forward_lines()]
    assert any(f"{carried}ₜ₊₁" in text for text in right)


def test_a_loop_in_a_function():
    """Its numbers are single ones, and its step is a lambda."""

    def loss(w, xs):
        h, _ = cr.scan(lambda h, x: (np.tanh(w * h + x), None), 0.5, xs[::-1])
        return h * h

    found = cr.explain(loss, 0.7, np.array([0.1, -0.4, 0.8]))
    (loop,) = loops(found, "w")
    np.testing.assert_allclose(sum(loop.added(0)), found.gradients["w"], rtol=1e-12)
    text = found.text(100)
    assert "Σₜ₌₁³" in text
    assert "zₜ = w · hₜ₋₁ + xₜ" in " ".join(text.split())


@EVERY
def test_derivations_are_read_by_tex_and_mathml(layer, last):
    found = story(layer, last)
    for name in ("0.weight_h", "0.bias", "1.weight" if not last else "2.weight"):
        derivation = found.derivation(name)
        for section in derivation.sections:
            parse(section.latex)
            for line in section.lines:
                assert inner_mathml(line.right)
    assert "through time" in [s.heading for s in found.derivation("0.bias").sections]


def test_the_numbers_that_are_printed_add_up():
    found = story(recurrent.RNN(), last=True, times=3)
    for name in ("0.weight_h", "0.bias"):
        derivation = found.derivation(name, digits=12)
        lines = derivation.section("through time").lines
        np.testing.assert_allclose(
            evaluate(lines[-2].right).ravel(), found.gradients[name].ravel(), rtol=1e-9
        )
        np.testing.assert_allclose(
            evaluate(lines[-1].right).ravel(), found.gradients[name].ravel(), rtol=1e-9
        )
        entry = derivation.section("one entry").lines[0].right
        np.testing.assert_allclose(
            evaluate(entry), found.gradients[name][derivation.index], rtol=1e-9
        )


def test_long_sums_are_cut_and_complete():
    found = story(recurrent.RNN(), last=True, times=9)
    lines = found.derivation("0.weight_h").section("through time").lines
    assert r"\cdots" in lines[-2].right
    np.testing.assert_allclose(evaluate(lines[-1].right), found.gradients["0.weight_h"], rtol=1e-3)


def test_weights_of_two_loops():
    """Each loop adds its own sum; neither is called the whole gradient."""
    derivation = story(recurrent.Both(2)).derivation("0.weight_h")
    sections = [s for s in derivation.sections if s.heading == "through time"]
    assert len(sections) == 2
    sums = [line.left for s in sections for line in s.lines if r"\sum_{t=1}" in line.right]
    assert len(sums) == 2
    assert all("Delta" in left for left in sums)


def test_pages_and_drawings_of_loops():
    found = story(recurrent.LSTM(2))
    assert "Through time" in found.html()
    assert "step × 4" in found.svg("operations")


def test_a_step_between_is_not_a_loop():
    """Where no loop is, nothing is unrolled."""
    made = cr.Model(cr.Dense(1), "half_squared_error", cr.SGD(0.1), dtype="float64").build((2,))
    found = cr.explain(made, np.ones((1, 2)), np.ones((1, 1)))
    assert loops_between(found, found.record.roots.parameters["weight"]) == []
    assert found.shared_loop(SimpleNamespace()) is None
