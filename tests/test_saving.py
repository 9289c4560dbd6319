"""Models in files: they go on as if nothing had happened, and anything else is refused."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace

import killed_run
import numpy as np
import pytest
from files_support import names, same_arrays

import chainrule as cr
from chainrule import losses, saving
from chainrule.errors import FileError, SettingError
from chainrule.files import Bundle, Document, read_bundle, write_bundle
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = rng.integers(0, 3, size=40)

RATE = cr.schedules.linear_warmup(cr.schedules.cosine(0.05, steps=9), steps=3)
# Settings that give an optimizer all the state that it can have.
SLOTS = {
    "SGD": {"momentum": 0.9, "dampening": 0.1},
    "Adam": {"amsgrad": True},
    "AdamW": {"amsgrad": True},
    "RMSprop": {"momentum": 0.9, "centered": True},
}


def new_model(optimizer="adam", **settings):
    net = cr.Sequential(cr.Dense(4), cr.BatchNorm(), cr.Tanh(), cr.Dropout(0.3), cr.Dense(3))
    return cr.Model(net, loss="cross_entropy", optimizer=optimizer, **settings)


def train(model, epochs, *callbacks, **settings):
    settings = {"batch_size": 20, "progress": False} | settings
    return model.fit(X, Y, epochs=epochs, callbacks=callbacks, **settings)


def save_at(epoch, path):
    def callback(model, number, logs):
        if model.epoch == epoch:
            model.save(path)

    return callback


def assert_same(found, wanted):
    """Weights, running means, history and predictions, bit for bit."""
    assert same_arrays(found.params, wanted.params)
    assert same_arrays(found.state, wanted.state)
    assert found.history == wanted.history
    assert list(found.history.columns()) == list(wanted.history.columns())
    assert found.predict(X).tobytes() == wanted.predict(X).tobytes()


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_on_from_a_file_is_going_on(name, tmp_path):
    optimizer = OPTIMIZERS[name](lr=RATE, clip_norm=0.5, **SLOTS.get(name, {}))
    straight = new_model(optimizer, seed=2**63 + 1)
    train(straight, 6, save_at(3, tmp_path / "half"))
    resumed = cr.load(tmp_path / "half")
    assert resumed.epoch == 3
    assert resumed.optimizer == optimizer
    train(resumed, 3)
    assert_same(resumed, straight)
    assert {array.dtype for array in resumed.params.values()} == {np.dtype(np.float32)}


def test_every_optional_state_is_among_the_cases():
    """Every switch that decides whether an optimizer keeps more is on in the table above."""
    for name, row in OPTIMIZERS.items():
        optimizer = row(lr=0.1, **SLOTS.get(name, {}))
        kept = set(optimizer.init(np.zeros(2)))
        for field in fields(row):
            value = getattr(optimizer, field.name)
            if value is False or (value == 0.0 and field.name == "momentum"):
                try:
                    more = replace(optimizer, **{field.name: True if value is False else 0.5})
                except SettingError:
                    continue
                assert set(more.init(np.zeros(2))) <= kept, f"{name}: {field.name}"


def test_a_smaller_last_batch_samples_in_order_and_float64(tmp_path):
    for number, settings in enumerate(
        ({"batch_size": 16}, {"batch_size": None}, {"shuffle": False})
    ):
        straight = new_model("sgd", dtype="float64", seed=3)
        train(straight, 4, save_at(2, tmp_path / str(number)), **settings)
        resumed = cr.load(tmp_path / str(number))
        train(resumed, 2, **settings)
        assert_same(resumed, straight)
        assert resumed.params["0.weight"].dtype == np.float64


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_found_again(name, tmp_path):
    net = cr.Sequential(cr.Dense(2), cr.Softmax())
    if losses.get(name).prediction != "probabilities":
        net = cr.Sequential(cr.Dense(2))
    model = cr.Model(net, loss=name).build((3,))
    model.save(tmp_path / "model")
    loaded = cr.load(tmp_path / "model")
    assert loaded.loss == model.loss
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()


def test_early_stopping_goes_on_waiting(tmp_path):
    """The best epoch lies before the interruption, the end after it."""

    def stopping():
        return cr.EarlyStopping(patience=4, min_delta=10.0)  # nothing is ever that much better

    straight, first = new_model(seed=1), stopping()
    train(straight, 20, save_at(3, tmp_path / "unused"), first, validation_split=0.25)
    interrupted = new_model(seed=1)
    train(interrupted, 3, stopping(), cr.Checkpoint(tmp_path / "run"), validation_split=0.25)
    resumed, second = cr.load(tmp_path / "run"), stopping()
    assert resumed.epoch == 3
    train(resumed, 17, second, validation_split=0.25)
    assert straight.epoch == 5
    assert straight.history.stopped == "by EarlyStopping"
    assert (second.best, second.best_epoch) == (first.best, first.best_epoch)
    assert_same(resumed, straight)


def test_early_stopping_has_kept_the_best_weights(tmp_path):
    straight = killed_run.go_on(tmp_path / "straight")
    stopping = cr.EarlyStopping(patience=12)
    assert straight.history.stopped == "by EarlyStopping"
    best = int(np.argmin(straight.history.validation_loss))
    assert best == straight.epoch - 1 - stopping.patience
    # The checkpoint holds the newest weights, and beside them what the run would end with.
    newest = cr.load(tmp_path / "straight")
    (kept,) = newest.watched.values()
    assert kept.epoch == best
    assert not same_arrays(newest.params, straight.params)
    # A run that was killed at its very end has nothing left to train.
    finished = killed_run.go_on(tmp_path / "straight")
    assert finished.history == straight.history
    assert same_arrays(finished.params, straight.params)
    assert same_arrays(finished.state, straight.state)


def test_a_run_that_was_killed_after_its_last_epoch_ends_with_the_best_weights(tmp_path):
    straight = new_model(seed=1)
    settings = {"validation_split": 0.25}
    stopping = cr.EarlyStopping(patience=9, min_delta=10.0)
    train(straight, 4, stopping, cr.Checkpoint(tmp_path / "run"), **settings)
    assert stopping.best_epoch == 0
    resumed = cr.load(tmp_path / "run")
    train(resumed, 0, cr.EarlyStopping(patience=9, min_delta=10.0), **settings)
    assert_same(resumed, straight)


def test_a_checkpoint_every_so_many_epochs(tmp_path):
    train(new_model(), 5, cr.Checkpoint(tmp_path / "run", every=2))
    assert cr.load(tmp_path / "run").epoch == 4
    train(new_model(), 1, cr.Checkpoint(tmp_path / "none", every=2))
    assert not (tmp_path / "none").exists()
    with pytest.raises(SettingError, match="every must be a whole number"):
        cr.Checkpoint(tmp_path, every=0)


def test_the_history_is_continued(tmp_path):
    """A table of a resumed run is that of one that was not interrupted, columns in order."""
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    held = (X[:10], y[:10])
    straight = cr.Model(cr.Sequential(cr.Dense(1)), loss="mean_squared_error")
    straight.fit(X, y, epochs=1, progress=False)  # not validated
    straight.fit(X, y, epochs=2, validation_data=held, progress=False)
    straight.save(tmp_path / "model")
    resumed = cr.load(tmp_path / "model")
    for model, file in ((straight, "a.csv"), (resumed, "b.csv")):
        model.fit(X, y, epochs=2, validation_data=held, progress=False)
        model.history.to_csv(tmp_path / file)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with open(tmp_path / "b.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["epoch"] for row in table] == list("12345")
    assert [row["validation_loss"] == "" for row in table] == [True] + 4 * [False]


def test_a_model_that_was_never_trained(tmp_path):
    model = new_model().build((3,))
    model.save(tmp_path / "model")
    loaded = cr.load(tmp_path / "model")
    assert loaded.epoch == 0
    train(model, 2)
    train(loaded, 2)
    assert_same(loaded, model)


def test_an_infinite_validation_loss_does_not_cost_the_weights(tmp_path):
    model = cr.Model(cr.Sequential(cr.Dense(1)), loss="mean_squared_error")
    X, y = np.ones((4, 1)), np.ones(4)
    with np.errstate(over="ignore"):
        history = model.fit(X, y, epochs=1, validation_data=(X, y * 1e30), progress=False)
    assert history.validation_loss == [np.inf]
    model.save(tmp_path / "model")
    loaded = cr.load(tmp_path / "model")
    assert loaded.history == model.history
    assert same_arrays(loaded.params, model.params)


# --- refused -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example") / "saved"
    model = new_model(seed=1)
    train(model, 1)
    model.save(folder)
    return folder


@pytest.fixture
def saved(example, tmp_path):
    return shutil.copytree(example, tmp_path / "saved")


@pytest.fixture
def hasty(monkeypatch):
    """Do not wait for the disk, which matters after a power cut only."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def rewrite(folder, change, version=saving.VERSION):
    """Let `change` edit what is in the files, and sign it anew."""
    bundle = read_bundle(folder, saving.NAME, {saving.NAME: saving.VERSION}, allow_nan=True)
    change(bundle)
    content = bundle.documents[saving.NAME].content
    documents = {saving.NAME: Document(content, version)}
    write_bundle(folder, saving.NAME, documents, bundle.arrays, allow_nan=True)


def content_of(bundle: Bundle):
    return bundle.documents[saving.NAME].content


def first_layer(bundle: Bundle):
    return content_of(bundle)["net"]["layers"][0]


def one_weights_entry(value):
    def change(bundle):
        bundle.arrays["weights"]["params/0.weight"] = value

    return change


def one_array_file(folder, part):
    (path,) = folder.glob(f"model.{part}-*.safetensors")
    return path


def cut_short(part):
    def change(folder):
        path = one_array_file(folder, part)
        path.write_bytes(path.read_bytes()[:-5])

    return change


def another_programs(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "model.json").write_text('{"architectures": ["Other"], "hidden_size": 4}')


def signed(change, **settings):
    return lambda folder: rewrite(folder, change, **settings)


WEIGHT = np.ones((3, 4), "f4")
NAN = np.where(np.eye(3, 4) > 0, np.float32("nan"), WEIGHT)

# name -> (what happens to the folder, words of the one sentence)
DAMAGE = {
    "a NaN": (signed(one_weights_entry(NAN)), "0.weight.*NaN"),
    "an infinity": (signed(one_weights_entry(WEIGHT * np.float32("inf"))), "0.weight.*infinity"),
    "a NaN in the running means": (
        signed(lambda bundle: bundle.arrays["weights"]["state/1.mean"].fill(np.nan)),
        "state/1.mean.*NaN",
    ),
    "another shape": (signed(one_weights_entry(WEIGHT[:2])), r"0.weight.*\(2, 4\), not.*\(3, 4\)"),
    "another dtype": (signed(one_weights_entry(WEIGHT.astype("f8"))), "0.weight.*float64.*float32"),
    "a missing weight": (
        signed(lambda bundle: bundle.arrays["weights"].pop("params/0.weight")),
        "no array 'params/0.weight'",
    ),
    "a weight too many": (
        signed(lambda bundle: bundle.arrays["weights"].update(other=WEIGHT)),
        "no place here, 'other'",
    ),
    "another optimizer's state": (
        signed(lambda bundle: content_of(bundle).update(optimizer={"name": "SGD", "lr": 0.1})),
        "no place here",
    ),
    "a list of the history cut": (
        signed(lambda bundle: bundle.arrays["history"].update(loss=np.zeros(7))),
        r"gradient_norm.*\(1,\), not .*\(7,\)",
    ),
    "a history of tables": (
        signed(
            lambda bundle: bundle.arrays.update(
                history={"loss": np.zeros((2, 2)), "gradient_norm": np.zeros((2, 2))}
            )
        ),
        r"loss.*\(2, 2\)",
    ),
    "half of what was watched": (
        signed(lambda bundle: bundle.arrays["watched"].update({"loss/value": np.array(1.0)})),
        "no array 'epoch'",
    ),
    "an unknown layer": (
        signed(lambda bundle: first_layer(bundle).update(name="Dence")),
        "no layer 'Dence'; did you mean 'Dense'",
    ),
    "an unknown setting": (
        signed(lambda bundle: first_layer(bundle).update(unit=4)),
        "no setting 'unit'; did you mean 'units'",
    ),
    "an unknown loss": (
        signed(lambda bundle: content_of(bundle).update(loss={"name": "cross_entropi"})),
        "cross_entropi",
    ),
    "an unknown engine": (
        signed(lambda bundle: content_of(bundle).update(engine="steam")),
        "no engine 'steam'",
    ),
    "no network": (signed(lambda bundle: content_of(bundle).pop("net")), "'net'"),
    "a newer version": (
        signed(lambda bundle: None, version=saving.VERSION + 1),
        "made by a newer chainrule.*upgrade",
    ),
    **{
        f"{part} cut short": (cut_short(part), f"model.{part}-.*cut short") for part in saving.PARTS
    },
    **{
        f"{part} missing": (
            lambda folder, part=part: one_array_file(folder, part).unlink(),
            f"model.{part}-.*no such file",
        )
        for part in saving.PARTS
    },
    "model.json cut short": (
        lambda folder: (folder / "model.json").write_bytes(
            (folder / "model.json").read_bytes()[:300]
        ),
        "not valid JSON",
    ),
    "model.json changed by hand": (
        lambda folder: (folder / "model.json").write_text(
            (folder / "model.json").read_text().replace("Tanh", "ReLU")
        ),
        "checksum",
    ),
    "model.json missing": (lambda folder: (folder / "model.json").unlink(), "no such file"),
    "no folder": (shutil.rmtree, "no such file"),
    "another program's folder": (another_programs, "not one of chainrule's files"),
    "another bundle of ours": (
        lambda folder: write_bundle(folder, "model", {"table": Document({}, 1)}, {}),
        "holds no model",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_refused_in_one_sentence(case, saved):
    damage, words = DAMAGE[case]
    damage(saved)
    with pytest.raises(FileError, match=words) as caught:
        cr.load(saved)
    text = str(caught.value)
    assert str(saved) in text
    assert "; " in text, "the way out is missing"
    assert text.isprintable()
    assert len(text) < 700


def places(value, path=()):
    """Every place in nested JSON."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, entry in enumerate(value) if isinstance(value, list) else inner:
        yield from places(entry, (*path, key))


def test_whatever_stands_in_the_description(saved, hasty):
    """It gives a model or a FileError, at every place, for values of every type."""
    start = read_bundle(saved, saving.NAME, {saving.NAME: saving.VERSION}, allow_nan=True)
    refused = 0
    for path in [*places(content_of(start))][1:]:
        for value in (None, -1, 10**20, "Lambda", [[0]], {}, {"name": "x"}):

            def change(bundle, path=path, value=value):
                inner = content_of(bundle)
                for key in path[:-1]:
                    inner = inner[key]
                inner[path[-1]] = value

            edited = saved.with_name("edited")
            shutil.copytree(saved, edited)
            rewrite(edited, change)
            try:
                cr.load(edited)
            except FileError:
                refused += 1
            shutil.rmtree(edited)
    assert refused > 150


def test_a_network_with_a_function_cannot_be_saved(saved):
    before = contents(saved)
    net = cr.Sequential(cr.Dense(3), cr.Lambda(np.tanh))
    model = cr.Model(net, loss="cross_entropy").build((3,))
    with pytest.raises(SettingError, match=r"function of your own.*cannot be saved.*; use one of"):
        model.save(saved)
    own_loss = cr.Model(cr.Sequential(cr.Dense(3)), loss=lambda p, y: np.sum(p)).build((3,))
    with pytest.raises(SettingError, match="cannot be saved"):
        own_loss.save(saved)
    own_rate = new_model(cr.SGD(lambda step: 0.1 / (step + 1.0))).build((3,))
    with pytest.raises(SettingError, match="cannot be saved"):
        own_rate.save(saved)
    with pytest.raises(SettingError, match="no parameters yet"):
        new_model().save(saved)
    assert contents(saved) == before


def test_a_checkpoint_that_cannot_be_saved_says_so_and_keeps_the_weights(tmp_path):
    net = cr.Sequential(cr.Dense(3), cr.Lambda(np.tanh))
    model = cr.Model(net, loss="cross_entropy")
    with pytest.raises(SettingError, match="cannot be saved"):
        train(model, 2, cr.Checkpoint(tmp_path / "run"))
    assert model.epoch == 1
    assert not (tmp_path / "run").exists()


def test_loading_runs_no_code(saved):
    """The audit events of Python itself (PEP 578): files are opened, and nothing is executed.

    An annotation within quotation marks in the source is evaluated when a class is asked for its
    settings; that is all.
    """
    program = """
import sys
import chainrule as cr
cr.load(sys.argv[1])  # imports what it needs
seen = set()
def note(event, arguments):
    names = arguments[0].co_names if event == "exec" else ()
    seen.add(" ".join([event, *names]))
sys.addaudithook(note)
cr.load(sys.argv[1])
print(*sorted(seen), sep="\\n")
"""
    run = subprocess.run(
        [sys.executable, "-c", program, saved],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    seen = set(run.stdout.splitlines())
    assert "open" in seen
    code = re.compile(r"exec|compile|import|marshal|pickle|os\.(exec|spawn|system)|subprocess")
    assert {event for event in seen if code.match(event)} <= {"exec Registry Any"}


# --- writes that fail, runs that are killed -------------------------------------------------------


def test_a_write_that_fails_half_way_keeps_the_old_model(saved):
    """RLIMIT_FSIZE makes the kernel refuse the write half-way, as a full disk does."""
    before = contents(saved)
    program = """
import resource, sys
import chainrule as cr
model = cr.load(sys.argv[1])
wide = cr.Model(cr.Sequential(cr.Dense(2000)), loss="mean_squared_error").build((3,))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for candidate in (model, wide):
    try:
        candidate.save(sys.argv[1])
    except cr.FileError as error:
        print(error)
"""
    sizes = sorted(len(content) for content in before.values())
    for limit in (sizes[0] // 2, sizes[-1] - 1):  # of every file; of the last one only
        run = subprocess.run(
            [sys.executable, "-c", program, saved, str(limit)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        lines = run.stdout.splitlines()
        assert len(lines) == 2, lines
        assert all("too large; raise the limit" in line for line in lines), lines
        assert contents(saved) == before


def test_runs_that_are_killed_end_with_the_same_bits(tmp_path, hasty):
    """SIGKILL at 20 random moments, in fresh runs and in resumed ones."""
    whole = killed_run.go_on(tmp_path / "whole")
    assert whole.history.stopped == "by EarlyStopping"
    chance, folder, kills = random.Random(0), tmp_path / "run", 0
    while kills < 20:
        kills += kill_one(folder, chance)
        end = tmp_path / "end"
        if folder.exists():
            shutil.copytree(folder, end)
        resumed = killed_run.go_on(end)
        assert resumed.history == whole.history
        assert same_arrays(resumed.params, whole.params)
        assert same_arrays(resumed.state, whole.state)
        shutil.rmtree(end)
        checkpoint = folder / "model.json"
        if checkpoint.exists() and cr.load(folder).epoch > whole.epoch - 5:
            shutil.rmtree(folder)  # begin anew


def kill_one(folder, chance):
    """Go on with the run in a process and kill it; False where it was over before."""
    command = [sys.executable, killed_run.__file__, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = [time.monotonic()]
        for _ in range(chance.randint(1, 5)):
            process.stdout.readline()
            told.append(time.monotonic())
        # At first most of the time is spent on compiling; later an epoch is mostly its save.
        time.sleep(chance.random() * (told[-1] - told[-2]))
        process.kill()
    return process.returncode == -signal.SIGKILL
