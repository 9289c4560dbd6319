"""What a recording of a user's function sees: views, changes in place, rounds, calls and state."""

import linecache
import math

import numpy as np
import pytest

from chainrule.checking.point import at
from chainrule.checking.recording import record, results
from chainrule.checking.steps import Program

RNG = np.random.default_rng(3)
PARAMS = {"W": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)}
X = RNG.normal(size=(4, 3))
state = {"calls": 0}


def views(p, x):
    g = np.zeros((3, 2))
    row = g[0]
    row += p["b"]
    g[1:] = x[:2, :2]
    g.T[1] *= 2
    return {"W": g, "b": row + g[2]}


def fancy(p, x):
    g = np.zeros_like(p["W"])
    np.add.at(g, [0, 0, 2], p["W"][[1, 1, 0]])
    g[g < 0] = 0.0
    return {"W": g, "b": np.array([g.sum(), float(g[0, 0])])}


def scalars(p, x):
    total = 0.0
    for row in p["W"]:
        for value in row:
            total += math.exp(value) if value > 0 else -value
    return {"W": total * p["W"], "b": np.stack([total, max(0.0, total)])}


def counting(p, x):
    state["calls"] += 1
    return {"W": p["W"] * state["calls"], "b": p["b"]}


@np.vectorize
def bent(z):
    return z if z > 0 else 0.1 * z


def lists(p, x):
    parts = [bent(x @ p["W"] + p["b"]) for _ in range(2)]
    return {"W": x.T @ parts[1], "b": np.mean(parts[0], axis=0)}


def replayed(program: Program) -> dict[str, np.ndarray]:
    """The results, computed again from the inputs."""
    values: list[np.ndarray] = []
    for step in program.steps:
        values.append(np.asarray(step.call(*(values[i] for i in step.inputs))))
    return {name: values[index] for name, index in program.outputs.items()}


@pytest.mark.parametrize("function", [views, fancy, scalars, counting, lists])
def test_a_recording_is_the_function_and_can_be_run_again(function) -> None:
    point = at(PARAMS, (X,))
    plain = results(point, function)
    program = record(function, point)
    again = replayed(program)
    for name, value in plain.items():
        np.testing.assert_allclose(program.values()[name], value, rtol=1e-12)
        np.testing.assert_allclose(again[name], value, rtol=1e-12)


@pytest.mark.parametrize("function", [views, scalars, lists])
def test_results_depend_on_what_they_were_made_of(function) -> None:
    program = record(function, at(PARAMS, (X,)))
    inputs = {
        i for i, step in enumerate(program.steps) if step.op == "input" and step.name != "data"
    }
    assert any(program.reach[i] for i in inputs)


def test_what_a_function_changes_around_it_is_put_back() -> None:
    before = state["calls"]
    record(counting, at(PARAMS, (X,)))
    assert state["calls"] == before


def test_steps_know_their_line_and_their_calls() -> None:
    program = record(lists, at(PARAMS, (X,)))
    (contract, *_) = [step for step in program.steps if step.op == "contract"]
    assert "x @ p" in linecache.getline(contract.file, contract.line)
    assert contract.frames[0].function == "lists"
