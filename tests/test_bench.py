"""`chainrule bench`: our own rows run without any peer, and compute what NumPy by hand computes."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.bench import cores, functions, interleave, layers, report, rows, run, start
from chainrule.bench.figure import draw
from chainrule.bench.interleave import Effort, Measured, Outcome
from chainrule.bench.peers import ENGINE, OURS, OURS_ALONE, PEERS, LeftOut, Peer, by_hand, ours
from chainrule.bench.rows import Row, find
from chainrule.cli import main

BRIEF = Effort(rounds=2, seconds=0.002, parity_steps=2)
ROWS = {row.name: row for row in rows.TRAINING}
# Rows whose steps take long are tested on fewer samples.
FEW = {"ae": 16, "mnist": 16, "wide": 4, "simplechains": 50, "lenet": 4, "lstm": 3}


def small(name: str) -> Row:
    row = ROWS[name]
    return replace(row, batch=FEW.get(name, row.batch), batches=min(row.batches, 2))


# --- our side against NumPy by hand --------------------------------------------------------------


@pytest.mark.parametrize("name", ["xor", "tab", "digits", "mnist", "ae", "simplechains"])
def test_training_is_that_of_numpy_by_hand(name: str) -> None:
    row = small(name)
    steps = 10 * row.batches
    mine, theirs = ours.Training(row).parity(steps), by_hand.Training(row).parity(steps)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4)


@pytest.mark.parametrize("name", ["lenet", "lstm"])
def test_provisional_layers_learn(name: str) -> None:
    session = ours.Training(small(name))
    losses = session.parity(40)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.9 * losses[0]


def test_blocks_begin_with_the_first_weights() -> None:
    session = ours.Training(small("tab"))
    once = session.parity(4)
    session.run(10)
    assert session.parity(4) == once


def test_predictions_are_those_of_numpy_by_hand() -> None:
    for row in (rows.PREDICTION[0], replace(rows.PREDICTION[1], batch=10_000)):
        mine, theirs = ours.Prediction(row).run(1), by_hand.Prediction(row).run(1)
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_numpy_by_hand_leaves_out_what_it_has_not() -> None:
    with pytest.raises(LeftOut, match="dense"):
        by_hand.Training(small("lenet"))


# --- provisional layers --------------------------------------------------------------------------


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_convolution_is_the_sum_over_its_window() -> None:
    x, weight = rng().normal(size=(2, 6, 7, 3)), rng().normal(size=(3, 3, 3, 4))
    bias = rng().normal(size=4)
    y, _ = layers.Convolution(4, 3)({"weight": weight, "bias": bias}, {}, x)
    assert y.shape == (2, 4, 5, 4)
    for i in range(4):
        for j in range(5):
            window = x[:, i : i + 3, j : j + 3, :].reshape(2, -1)
            np.testing.assert_allclose(y[:, i, j], window @ weight.reshape(-1, 4) + bias)


def test_pooling_takes_the_largest() -> None:
    x = rng().normal(size=(2, 6, 4, 3))
    y, _ = layers.MaxPool(2)({}, {}, x)
    np.testing.assert_array_equal(y, x.reshape(2, 3, 2, 2, 2, 3).max(axis=(2, 4)))


def test_embedding_looks_up() -> None:
    table, words = rng().normal(size=(5, 3)), np.array([[0, 4], [2, 2]])
    y, _ = layers.Embedding(5, 3)({"weight": table}, {}, words.astype(np.float32))
    np.testing.assert_array_equal(y, table[words])


def test_lstm_is_its_recurrence() -> None:
    x = rng().normal(size=(2, 5, 3))
    weights = {"weight_x": rng().normal(size=(3, 16)), "weight_h": rng().normal(size=(4, 16))}
    params = weights | {"bias": rng().normal(size=16)}
    y, _ = layers.LSTM(4)(params, {}, x)
    h = cell = np.zeros((2, 4))
    for t in range(5):
        z = x[:, t] @ params["weight_x"] + h @ params["weight_h"] + params["bias"]
        i, f, g, o = np.split(z, 4, axis=1)
        cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(cell) / (1 + np.exp(-o))
        np.testing.assert_allclose(y[:, t], h)


# --- functions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_gradients_are_slopes(name: str) -> None:
    """The derivative along a direction, against a central difference."""
    _, function, data = functions.FUNCTIONS[name]
    first, *others = data(rng())
    value, gradient = cr.value_and_grad(function)(first, *others)
    np.testing.assert_allclose(value, function(first, *others), rtol=1e-10)
    names = sorted(gradient) if isinstance(gradient, dict) else [None]
    size, along, slope = 1e-6, {}, 0.0
    for key in names:
        g = gradient if key is None else gradient[key]
        along[key] = rng().normal(size=np.shape(g))
        slope += float(np.sum(along[key] * g))

    def moved(step: float) -> Any:
        if names == [None]:
            return first + step * along[None]
        return {key: first[key] + step * along[key] for key in names}

    numeric = (function(moved(size), *others) - function(moved(-size), *others)) / (2 * size)
    np.testing.assert_allclose(slope, numeric, rtol=1e-4, atol=1e-6 * max(1.0, abs(value)))


def test_functions_run_in_single_precision() -> None:
    for row in functions.ROWS:
        value, gradient = ours.Value(row).run(1)
        leaves = gradient.values() if isinstance(gradient, dict) else [gradient]
        assert {np.asarray(leaf).dtype for leaf in [value, *leaves]} == {np.dtype("float32")}


def test_rebound_functions_compute_the_same() -> None:
    function, arguments = functions.find("kalman-filter")
    again = functions.rebound(function, np, cr.scan)
    assert again(*arguments) == function(*arguments)


# --- rows ----------------------------------------------------------------------------------------


def test_work_of_a_step() -> None:
    found = {name: rows.flops(row) for name, row in ROWS.items()}
    assert found["tab"] == 32 * (6 * (13 * 64 + 64 * 64 + 64) - 2 * 13 * 64)
    assert found["lenet"] == pytest.approx(0.19e9, rel=0.1)
    assert found["lstm"] == pytest.approx(1.3e9, rel=0.1)


def test_data_suits_its_row() -> None:
    for row in map(small, ROWS):
        x, y = rows.samples(row)
        assert x.shape == (row.batch * row.batches, *row.input)
        assert len(y) == len(x)
        assert rows.PARITY_STEPS % ROWS[row.name].batches == 0


def test_drawn_rows_are_drawn_by_their_seed() -> None:
    assert rows.drawn(3, 4) == rows.drawn(3, 4)
    assert rows.drawn(3, 4) != rows.drawn(4, 4)
    firsts = {row.parts[0][0] for row in rows.drawn(3, 30)}
    assert firsts == {"dense", "conv", "embedding"}


def test_drawn_rows_are_what_others_train_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = [row for row in rows.drawn(5, 8) if row.parts[0][0] == "dense"][:3]
    for row in dense:
        mine, theirs = ours.Training(row).parity(10), by_hand.Training(row).parity(10)
        np.testing.assert_allclose(mine, theirs, rtol=1e-3)
    for kind in ("conv", "embedding"):
        row = next(row for row in rows.drawn(5, 30) if row.parts[0][0] == kind)
        mine = ours.Training(row).parity(10)
        monkeypatch.setenv(ENGINE, "numpy")
        np.testing.assert_allclose(mine, ours.Training(row).parity(10), rtol=1e-3)
        monkeypatch.delenv(ENGINE)


def test_choosing() -> None:
    assert [row.name for row in run.choose_rows(["xor", "prediction"])] == [
        *("xor", "predict-one", "predict-million", "start-to-xor")
    ]
    assert run.choose_rows([]) == list(run.ALL)
    assert run.choose_peers(["none"]) == [OURS, OURS_ALONE]
    assert run.choose_peers(["jax", "numpy"]) == [OURS, OURS_ALONE, "numpy", "jax"]
    with pytest.raises(cr.UnknownNameError, match="lenet"):
        run.choose_rows(["lenett"])
    with pytest.raises(cr.UnknownNameError, match="torch"):
        run.choose_peers(["torc"])


# --- measuring -----------------------------------------------------------------------------------


def test_workers_take_turns() -> None:
    outcome = interleave.measure(ROWS["xor"], [OURS, "numpy"], 1, BRIEF)
    for name in (OURS, "numpy"):
        found = outcome.peers[name]
        assert not found.reason
        assert len(found.times) == 2
        assert 0 < found.seconds < 0.1
        assert found.memory > 1 << 20
    assert outcome.peers[OURS].cached is not None
    assert outcome.agree
    assert outcome.ratio == outcome.peers["numpy"].seconds / outcome.peers[OURS].seconds


def test_cores_are_asked_what_they_do_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "SECONDS", 0.002)
    with closing(cores.Cores(2)) as both:
        found = both.ask()
        both._workers[1]._popen.kill()
        both._workers[1]._popen.wait()
        assert both.ask() == []
    assert len(found) == cores.TIMES
    assert all(0 < value < 10 for value in found)
    assert cores.spread([*range(1, 21)]) == (10.5, 3, 18)


def test_who_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Peer("jax", "jax", "scan", ("no_such_package",), "JAX")
    monkeypatch.setitem(PEERS, "jax", absent)
    outcome = interleave.measure(ROWS["xor"], ["jax"], 1, BRIEF)
    assert outcome.peers["jax"].reason == "no_such_package is not installed"
    assert outcome.ratio is None
    assert report.absent([outcome]) == ["no_such_package is not installed"]


def test_a_peer_that_cannot_or_fails_is_left_out() -> None:
    outcome = interleave.measure(small("lenet"), ["numpy"], 1, BRIEF)
    assert outcome.peers["numpy"].reason == "written for dense networks only"
    assert not outcome.peers["numpy"].failed
    broken = replace(ROWS["xor"], parts=(("dense", 3), ("sigmoid",)))  # for targets of one column
    outcome = interleave.measure(broken, [OURS], 1, BRIEF)
    assert outcome.peers[OURS].failed
    assert outcome.peers[OURS].reason.startswith("DataError")


def test_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "STEPS", 20)
    outcome = start.measure([OURS, "numpy", "sklearn"], 1, BRIEF)
    assert outcome.agree
    assert outcome.ratio is not None
    assert outcome.peers["sklearn"].reason == start.LEFT_OUT


# --- reports -------------------------------------------------------------------------------------


def made_up(name: str, mine: float, theirs: float, value: float = 1.0) -> Outcome:
    row = find(name, run.ALL)
    return Outcome(
        row,
        {
            OURS: Measured(OURS, [mine] * 3, 0.2, 4, 0.01, 1 << 26, [1.0]),
            "jax": Measured("jax", [theirs], 1.5, 4, None, 1 << 28, [value]),
            "numpy": Measured("numpy", [9 * theirs], 0.1, 4, None, 1 << 25, [1.0]),
            "torch": Measured("torch", reason="torch is not installed"),
        },
    )


def made_up_report() -> report.Report:
    outcomes = [made_up("xor", 1e-6, 4e-6), made_up("tab", 2e-6, 2e-6, 1.02)]
    return report.Report(
        command="command",
        machine="machine",
        versions="versions",
        date="today",
        threads=2,
        engine="numpy",
        parity_steps=100,
        load=0.1,
        peak=2e11,
        cores=[1.0, 1.9, 2.0],
        outcomes=outcomes,
    )


def test_page() -> None:
    text = report.markdown(made_up_report(), "images/x.png")
    assert "| xor | 1.00 µs | 4.00 µs | JAX | 4.00 | 8 | 20 | 0e+00 | 0.1 |" in text
    assert "| tab ≠ |" in text  # 2 % off
    assert "(2): **2.00**" in text  # √(4 · 1)
    assert "2 processes at once made 1.90 times as many products of matrices as one" in text
    assert "Left out. torch is not installed." in text
    assert "| xor | 1.00 µs | 36.0 µs | 4.00 µs |" in text
    assert "| xor | 200 ms | 10.0 ms | 99.9 ms | 1.50 s |" in text
    assert "| xor | 64 MB | 32 MB | 256 MB |" in text


def test_page_keeps_what_stands_around_the_results(tmp_path: Path) -> None:
    first = report.written(None, "one\n")
    assert report.written(first + "\nbelow\n", "two\n") == first.replace("one", "two") + "\nbelow\n"
    page = tmp_path / "page.md"
    page.write_text("# Speed\n\nAbove.\n", encoding="utf-8")
    report.write(made_up_report(), page)
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# Speed\n\nAbove.\n\n<!-- bench -->\n")
    assert "(images/page.png)" in written
    assert {path.name for path in (tmp_path / "images").iterdir()} == {"page.png", "page.svg"}


def test_plot_shows_every_peer() -> None:
    figure = draw(made_up_report())
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["xor", "tab"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("NumPy by hand", "JAX", "the goal for the best peer")
    ]
    alone = replace(made_up_report(), outcomes=[])
    assert draw(alone) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.374e-6, "1.37 µs"), (9.996e-5, "100 µs"), (0.0132, "13.2 ms"), (0.9996, "1.00 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", BRIEF)
    command = ["bench", "--rows", "xor", "--peers", "none", "--quick", "--threads", "1"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found["rows"]] == ["xor"]
    assert found["rows"][0]["peers"][OURS]["seconds"] > 0
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("xor ")
    assert main(["bench", "--rows", "exor"]) == 2
    assert "there is no row 'exor'" in capsys.readouterr().err
