"""Threads: the same bits with any number of them, whoever else works, and memory of one's own."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from agreement import use_threads

import chainrule as cr
from chainrule.bench import layers
from chainrule.engines.native import effort, jit, lines, memory, training


@pytest.fixture
def divided(monkeypatch):
    """Work is divided among threads, however little it is."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", 0.0)


def dense_data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 30)), rng.integers(0, 10, 300)


def image_data():
    rng = np.random.default_rng(1)
    return rng.normal(size=(96, 10, 10, 2)), rng.integers(0, 5, 96)


def word_data():
    rng = np.random.default_rng(2)
    return rng.integers(0, 12, (60, 7)).astype("f4"), rng.integers(0, 12, (60, 7))


CASES = {
    "dense": (
        lambda: [cr.Dense(40), cr.ReLU(), cr.Dropout(0.2), cr.Dense(30), cr.Tanh(), cr.Dense(10)],
        dense_data,
        128,
    ),
    "batch norm": (lambda: [cr.Dense(33), cr.BatchNorm(), cr.GELU(), cr.Dense(10)], dense_data, 64),
    "convolution": (
        lambda: [
            *(layers.Convolution(6, 3), cr.ReLU(), layers.MaxPool(2)),
            *(layers.Convolution(17, 3), cr.ReLU(), cr.Flatten(), cr.Dense(5)),
        ],
        image_data,
        72,  # a block of samples and a part of one
    ),
    "recurrence": (
        lambda: [layers.Embedding(12, 5), layers.LSTM(9), cr.Dense(12)],
        word_data,
        32,
    ),
}


def bits_with(count, case, monkeypatch):
    """All that a training run leaves, in the middle of an epoch's last, smaller batch or not."""
    use_threads(monkeypatch, count)
    make, data, batch = CASES[case]
    X, y = data()
    model = cr.Model(cr.Sequential(*make()), "cross_entropy", engine="native")
    model.fit(X, y, epochs=3, batch_size=batch, progress=False)
    return [
        model.history.loss,
        model.history.gradient_norm,
        *model.params.values(),
        *model.state.values(),
        model.predict(X),
    ]


@pytest.mark.parametrize("case", CASES)
def test_the_number_of_threads_never_changes_a_bit(case, monkeypatch, divided):
    alone = bits_with(1, case, monkeypatch)
    for count in (2, 3, 8):
        for a, b in zip(alone, bits_with(count, case, monkeypatch), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", CASES)
def test_code_that_is_compiled_in_parts_has_the_same_bits(case, monkeypatch, divided):
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    whole = bits_with(1, case, monkeypatch)
    monkeypatch.setattr(lines, "LEAST_PART", 1000)
    parts = []
    compiled = jit.compiled
    monkeypatch.setattr(jit, "compiled", lambda text: parts.append(text) or compiled(text))
    for a, b in zip(whole, bits_with(5, case, monkeypatch), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(parts) > 3


def test_a_part_that_cannot_be_compiled_stops_the_others(monkeypatch, divided):
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    monkeypatch.setattr(lines, "LEAST_PART", 1000)
    begun = []
    compiled = jit.compiled

    def failing(text):
        begun.append(text)
        if len(begun) == 2:
            raise RuntimeError("no code")
        return compiled(text)

    monkeypatch.setattr(jit, "compiled", failing)
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no code"):
        bits_with(2, next(iter(CASES)), monkeypatch)
    assert threading.active_count() == before


@pytest.mark.parametrize("parallel", [True, False])
def test_parameters_are_claimed_before_they_are_overwritten(parallel, monkeypatch):
    """By the product that makes their gradient, where it is large enough to have time for it."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", 0.0 if parallel else np.inf)
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    use_threads(monkeypatch, 2)
    texts, compiled = [], jit.compiled
    monkeypatch.setattr(jit, "compiled", lambda text: texts.append(text) or compiled(text))
    X, y = np.ones((400, 300)), np.zeros(400, int)
    wide = cr.Sequential(cr.Dense(70), cr.ReLU(), cr.Dense(3))
    model = cr.Model(wide, "cross_entropy", engine="native")
    model.fit(X, y, epochs=1, batch_size=100, progress=False)
    functions = [f for text in texts for f in text.split("define ") if "store volatile" in f]
    assert len(functions) == int(parallel)
    assert all("llvm.fma" in function for function in functions)


@pytest.mark.parametrize("case", CASES)
def test_the_carry_is_written_in_place(case, monkeypatch, divided):
    monkeypatch.setenv("CHAINRULE_CACHE", "")  # what is found there is not planned
    found = []
    asked = training._Step._may_overwrite
    monkeypatch.setattr(
        training._Step,
        "_may_overwrite",
        lambda *arguments: found.append(asked(*arguments)) or found[-1],
    )
    bits_with(1, case, monkeypatch)
    assert found
    assert all(found)


def test_models_that_train_at_once(monkeypatch, divided):
    expected = {case: bits_with(2, case, monkeypatch) for case in CASES}
    found = {}

    def train(case):
        found[case] = bits_with(2, case, monkeypatch)

    threads = [threading.Thread(target=train, args=(case,)) for case in CASES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for case, arrays in expected.items():
        for a, b in zip(arrays, found[case], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_forks():
    script = """
import os, warnings
import numpy as np, chainrule as cr
from chainrule.engines.native import effort
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, about fork and threads
effort.PARALLEL_WORK = 0.0
os.environ["CHAINRULE_THREADS"] = "2"
f = cr.compile(lambda a, b: np.tanh(a @ b), engine="native")
a = np.random.default_rng(0).normal(size=(64, 64))
expected = f(a, a)
child = os.fork()
same = np.array_equal(f(a, a), expected)
if child == 0:
    os._exit(0 if same else 3)
assert same
assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


# --- memory --------------------------------------------------------------------------------------

# What compiled code may call: it has no way to ask for memory.
CALLED = re.compile(r"llvm\.[\w.]+|sched_yield|SwitchToThread")


@pytest.mark.parametrize("case", CASES)
def test_a_step_asks_for_no_memory(case, monkeypatch, divided):
    kept = []
    compiled = jit.compiled

    def remembered(text):
        kept.append(text)
        return compiled(text)

    monkeypatch.setattr(jit, "compiled", remembered)
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    bits_with(2, case, monkeypatch)
    declared, defined = (
        set(re.findall(rf"^{kind} .*@([\w.]+)\(", "\n".join(kept), re.M))
        for kind in ("declare", "define")
    )
    assert declared
    assert not [name for name in declared - defined if not CALLED.fullmatch(name)]


def test_too_little_memory_says_how_much_was_needed(monkeypatch):
    def no_memory(size, dtype):
        raise MemoryError

    monkeypatch.setattr(memory.np, "zeros", no_memory)
    with pytest.raises(MemoryError, match=r"need 3,000 MB.*smaller batch"):
        memory.aligned(3000 * 2**20)


def test_two_processes_that_compile_the_same_graph_at_once(tmp_path):
    script = """
import numpy as np, chainrule as cr
x = np.linspace(-2, 2, 50)
found = cr.compile(cr.value_and_grad(lambda x: np.sum(np.tanh(x) ** 2)), engine="native")(x)
np.testing.assert_allclose(found[0], np.sum(np.tanh(x) ** 2))
"""
    surroundings = os.environ | {"CHAINRULE_CACHE": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", script], env=surroundings, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert [path.suffix for path in tmp_path.iterdir()] == [".o"]
