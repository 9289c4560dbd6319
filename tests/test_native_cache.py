"""What is kept on disk: found again without its kernels, and never anything else than it was."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import training
from chainrule.engines.native import cache, jit, program
from chainrule.engines.native import training as steps
from chainrule.engines.native.compiled import Compiled

X = np.linspace(0.1, 1.0, 24, dtype="f4").reshape(4, 6)
Y = np.linspace(-1.0, 1.0, 4, dtype="f4").reshape(4, 1)
OUTSIDE = np.linspace(0.5, 2.0, 6, dtype="f4")

FUNCTIONS = {
    "one constant": lambda x: np.tanh(x) + 0.125,
    "an array of constants": lambda x: x * np.arange(6, dtype="f4") + np.arange(4.0)[:, None],
    "an array from outside": lambda x: x @ OUTSIDE,
    "nothing computed": lambda x: x,
    "a loop": lambda x: cr.scan(lambda c, row: (c * 0.5 + row, c + OUTSIDE), x[0], x),
    "random numbers": lambda x: x + cr.random.normal(cr.random.key(3), (4, 6)),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    return tmp_path


def forbidden(*given, **settings):
    raise AssertionError("this was to be found, not made")


@pytest.fixture
def only_found(monkeypatch):
    """Whoever asks from now on must not make kernels or code."""

    def forbid():
        for module in (program, steps):
            monkeypatch.setattr(module, "fuse", forbidden)
        monkeypatch.setattr(training, "simplify", forbidden)
        monkeypatch.setattr(training, "stabilise", forbidden)
        monkeypatch.setattr(jit, "compiled", forbidden)

    return forbid


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_found_again(name, folder, only_found):
    before = cr.compile(FUNCTIONS[name], engine="native")(X)
    only_found()
    after = cr.compile(FUNCTIONS[name], engine="native")(X)
    np.testing.assert_equal(after, before)


def trained(batch):
    net = cr.Sequential(cr.Dense(5), cr.BatchNorm(), cr.Dropout(0.5), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", cr.Adam(0.1), seed=1, engine="native")
    rows = np.resize(X, (10, 6)), np.resize(Y, (10, 1))
    model.fit(*rows, epochs=3, batch_size=batch, progress=False)
    return [model.history.loss, *model.params.values(), *model.state.values()]


@pytest.mark.parametrize("batch", [4, 5, 10])
def test_a_training_run_is_found_again(batch, folder, only_found):
    before = trained(batch)
    only_found()
    for a, b in zip(before, trained(batch), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_run_that_was_found_explains_what_is_not_finite(folder):
    said = set()
    for _ in range(2):
        model = cr.Model(cr.Dense(1), "mean_squared_error", cr.SGD(1e30), engine="native")
        with pytest.raises(cr.NotFiniteError, match="the first to give NaN or infinity") as error:
            model.fit(X, Y, epochs=5, progress=False)
        said.add(str(error.value))
    assert len(said) == 1


def test_arrays_from_outside_are_those_of_this_process(folder, monkeypatch):
    for numbers in (np.ones(6, "f4"), np.arange(6, dtype="f4")):
        monkeypatch.setitem(globals(), "OUTSIDE", numbers)
        found = cr.compile(FUNCTIONS["an array from outside"], engine="native")(X)
        np.testing.assert_allclose(found, X @ numbers, rtol=1e-6)
    assert len([*folder.iterdir()]) == 1


def test_an_entry_is_read_as_it_was_written():
    arrays = [np.arange(6.0).reshape(2, 3), np.array(True), np.zeros((0, 2), "i4")]
    written = Compiled(
        code=[b"first", b"", b"third"],
        parallel=True,
        entries=9,
        arena=640,
        inputs=[1, 2],
        results=[3],
        constants=[*enumerate(arrays, 4)],
        captured=[(7, 0), (8, 1)],
    )
    read = Compiled.unpack(written.pack())
    assert read.pack() == written.pack()
    assert (read.code, read.inputs, read.results) == (written.code, [1, 2], [3])
    for (_, a), (_, b) in zip(written.constants, read.constants, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


def compiled_in(folder, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(folder))
    x = np.arange(3.0)
    found = cr.compile(lambda x: np.exp(x) + 0.125, engine="native")(x)
    np.testing.assert_allclose(found, np.exp(x) + 0.125)
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_damaged_entry_is_made_again(tmp_path, monkeypatch):
    (entry,) = compiled_in(tmp_path, monkeypatch)
    whole = entry.read_bytes()
    places = (33, 40, 60, len(whole) // 2, len(whole) - 1)
    changed = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in places]
    for damaged in (b"", whole[:32], whole[:50], whole[:-1], whole + b"?", *changed):
        entry.write_bytes(damaged)
        assert compiled_in(tmp_path, monkeypatch) == [entry]
        assert entry.read_bytes() == whole


def test_a_folder_that_cannot_be_written_gives_one_warning(tmp_path, monkeypatch):
    cache._warn_once.cache_clear()
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="CHAINRULE_CACHE"):
        compiled_in(tmp_path / "file" / "folder", monkeypatch)
    compiled_in(tmp_path / "file" / "folder", monkeypatch)


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    cr.compile(FUNCTIONS["one constant"], engine="native")(X)
    assert not [*tmp_path.iterdir()]
