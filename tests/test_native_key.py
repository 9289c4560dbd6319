"""The key under which machine code is kept: equal only where the code is."""

import re
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import TRACED, programs

import chainrule as cr
from chainrule.engines.native import cache, effort, jit
from chainrule.engines.native import key as keys
from chainrule.graph import Node

X = np.linspace(0.1, 1.0, 24, dtype="f4").reshape(4, 6)
W = np.linspace(-1.0, 1.0, 30, dtype="f4").reshape(6, 5)


def scanned(x, reverse=False, factor=0.5):
    step = lambda carry, row: (np.tanh(carry * factor + row), carry)
    return cr.scan(step, np.zeros(6, "f4"), x[::-1] if reverse else x)[0]


# Functions of X and W that differ in one thing each.
VARIANTS = {
    "product": lambda x, w: x @ w,
    "another product": lambda x, w: x @ w[:, ::-1],
    "then a map": lambda x, w: np.tanh(x @ w),
    "then another map": lambda x, w: np.exp(x @ w),
    "times a number": lambda x, w: x @ w * 2.0,
    "times another number": lambda x, w: x @ w * 2.5,
    "plus constants": lambda x, w: x + np.arange(6, dtype="f4"),
    "sum over rows": lambda x, w: x.sum(0),
    "sum over columns": lambda x, w: x.sum(1),
    "largest": lambda x, w: x.max(0),
    "turned": lambda x, w: x.T.copy(),
    "a slice": lambda x, w: x[1:3] + 1,
    "another slice": lambda x, w: x[2:4] + 1,
    "picked": lambda x, w: x[np.array([0, 2])],
    "counted": lambda x, w: np.cumsum(x, 0),
    "in doubles": lambda x, w: x.astype("f8") * 2,
    "a loop": lambda x, w: scanned(x),
    "a loop backwards": lambda x, w: scanned(x, reverse=True),
    "a loop with another number": lambda x, w: scanned(x, factor=0.25),
    "random numbers": lambda x, w: x + cr.random.normal(cr.random.key(0), (4, 6)),
}


@pytest.fixture
def written(monkeypatch):
    """Pairs of a key and what was compiled under it, comments in the code left out."""
    found = []

    def compiled(text):
        return re.sub(r";.*", "", text).encode()

    def loaded(objects):
        raise Found

    monkeypatch.setattr(jit, "compiled", compiled)
    monkeypatch.setattr(jit, "Code", loaded)
    monkeypatch.setattr(cache, "keep", lambda key, data: found.append((key, data)))
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    return found


class Found(Exception):
    """What was looked for; nothing needs to run."""


def keys_of(written, function):
    written.clear()
    with pytest.raises(Found):
        cr.compile(function, engine="native")(X, W)
    return [key for key, _ in written]


def test_functions_that_differ_have_different_keys(written):
    found = {name: keys_of(written, function) for name, function in VARIANTS.items()}
    for one, other in combinations(found, 2):
        assert found[one] != found[other], (one, other)


def test_the_same_function_has_the_same_key_each_time(written):
    for function in VARIANTS.values():
        assert keys_of(written, function) == keys_of(written, function)


def test_names_do_not_count(written):
    before = keys_of(written, lambda x, w: np.tanh(x @ w))
    assert keys_of(written, lambda data, weights: np.tanh(data @ weights)) == before
    assert before


TABLE = np.ones(6, "f4")


def looked_up(x, w):
    return cr.scan(lambda c, row: (c + row * TABLE, c), np.zeros(6, "f4"), x)[0]


def test_numbers_that_are_read_at_each_call_do_not_count(written, monkeypatch):
    before = keys_of(written, looked_up)
    monkeypatch.setitem(globals(), "TABLE", np.arange(6, dtype="f4"))
    assert keys_of(written, looked_up) == before


def test_one_key_never_stands_for_two_codes(written, monkeypatch):
    codes = {}

    @settings(max_examples=60, deadline=None)
    @given(programs())
    def look(program):
        written.clear()
        work = effort.PARALLEL_WORK
        for least in (work, 0.0):
            effort.PARALLEL_WORK = least
            places = tuple(range(len(program.inputs)))
            function = cr.value_and_grad(program.function(TRACED), places)
            with suppress(Found):
                cr.compile(function, engine="native")(*program.inputs)
        effort.PARALLEL_WORK = work
        for key, code in written:
            assert codes.setdefault(key, code) == code

    monkeypatch.setattr(effort, "PARALLEL_WORK", effort.PARALLEL_WORK)
    look()
    assert len(codes) > 60


def test_a_graph_that_no_text_describes_has_no_key():
    graph = cr.trace(lambda x, w: x @ w, X, W)
    (node,) = graph.outputs
    odd = Node(node.op, node.inputs, {**node.params, "odd": object()}, node.shape, node.dtype)
    assert keys.key("run", [graph]) is not None
    assert keys.key("run", [graph.with_results([odd])]) is None


def test_other_sources_have_other_keys(monkeypatch):
    before = keys.key("run", [])
    monkeypatch.setattr(keys, "sources", lambda: "another version")
    assert keys.key("run", []) != before


def imported_by(path, package):
    """The package's own files that a file imports."""
    for module in re.findall(r"^ *(?:from|import) chainrule\.([\w.]+)", path.read_text(), re.M):
        place = package.joinpath(*module.split("."))
        yield place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def test_the_sources_of_a_key_are_all_that_code_is_made_by():
    package = Path(cr.__file__).parent
    counted = {Path(path) for path in keys.written_by()}
    reached = set()
    waiting = [package / "stabilise.py", *package.glob("engines/native/**/*.py")]
    waiting.append(package / "simplify.py")
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(imported_by(path, package))
    assert reached <= counted
    assert package / "ops" / "map.py" in reached
