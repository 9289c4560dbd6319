"""Callbacks: when they are called, what they may do, and when early stopping stops."""

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X.sum(axis=1)


def small(**settings):
    return cr.Model(cr.Dense(1), loss="mean_squared_error", optimizer=cr.SGD(0.1), **settings)


def fit(model, *callbacks, epochs=4, **settings):
    return model.fit(X, Y, epochs=epochs, callbacks=callbacks, progress=False, **settings)


@dataclass
class Diary:
    """Writes down what it hears."""

    stop_at: int = 99
    heard: list = field(default_factory=list)

    def begin(self, model):
        self.heard.append(("begin", model.epoch))

    def __call__(self, model, epoch, logs):
        self.heard.append((epoch, model.epoch, sorted(logs)))
        return epoch == self.stop_at

    def end(self, model):
        self.heard.append(("end", model.epoch))


# --- when they are called ------------------------------------------------------------------------


def test_every_epoch_is_heard_of():
    model, diary = small(), Diary()
    fit(model, diary, epochs=2)
    names = ["gradient_norm", "loss"]
    assert diary.heard == [("begin", 0), (0, 1, names), (1, 2, names), ("end", 2)]
    diary.heard.clear()
    fit(model, diary, epochs=1, validation_split=0.5)
    (_, (epoch, trained, names), _) = diary.heard
    assert (epoch, trained) == (0, 3)
    assert {"validation_loss", "validation_r2"} < set(names)


def test_a_callback_may_be_a_function_and_end_the_training():
    calls = []

    def enough(model, epoch, logs):
        calls.append((epoch, logs["loss"]))
        return epoch == 2

    model = small()
    history = fit(model, enough, epochs=50)
    assert [loss for _, loss in calls] == history.loss
    assert (len(history), history.stopped) == (3, "by enough")


def test_all_hear_of_the_epoch_in_which_one_stops():
    first, second = Diary(stop_at=1), Diary()
    history = fit(small(), first, second, epochs=50)
    assert [entry[0] for entry in second.heard] == ["begin", 0, 1, "end"]
    assert history.stopped == "by Diary"


def test_only_true_stops():
    history = fit(small(), lambda model, epoch, logs: 1.5, lambda model, epoch, logs: np.True_)
    assert len(history) == 1  # NumPy's True is one
    assert len(fit(small(), lambda model, epoch, logs: 1)) == 4


def test_an_error_in_a_callback_reaches_the_user_and_costs_no_epoch():
    def broken(model, epoch, logs):
        if epoch == 1:
            raise RuntimeError("disk full")

    model, diary, whole = small(), Diary(), small()
    with pytest.raises(RuntimeError, match="disk full"):
        fit(model, diary, broken)
    assert diary.heard[-1] == ("end", 2)
    fit(whole, epochs=2)
    assert np.array_equal(model.params["weight"], whole.params["weight"])


def test_a_callback_may_set_weights_and_the_optimizer():
    def zero(model, epoch, logs):
        model.set_params({"weight": np.zeros((3, 1)), "bias": [0.0]})
        model.optimizer = cr.Adam(0.5)

    model, expected = small(), small()
    fit(model, zero, epochs=1)
    assert not model.params["weight"].any()
    fit(model.reset(), zero, epochs=2, batch_size=None)
    assert not model.params["weight"].any()

    expected.build(3)
    zero(expected, 0, {})
    start = fit(expected, epochs=1, batch_size=None)
    again = fit(model.reset(), zero, epochs=3, batch_size=None)
    assert again.loss[1:] == start.loss * 2


# --- early stopping ------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A model whose numbers are given, and whose weight counts its epochs."""

    epoch: int = 0
    watched: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    put_back: int | None = None

    @property
    def params(self):
        return {"weight": self.epoch}

    def set_params(self, params):
        self.put_back = params["weight"]

    def set_state(self, state):
        assert state == {}

    def train(self, stopping, values):
        """The epoch (counted from 1) after which it stops; None where it does not."""
        if stopping.begin(self):
            return 0
        for value in values:
            self.epoch += 1
            if stopping(self, self.epoch - 1, {stopping.monitor: value}):
                stopping.end(self)
                return self.epoch
        stopping.end(self)
        return None


@pytest.mark.parametrize(
    ("settings", "values", "stops", "best"),
    [
        ({"patience": 2}, [5, 4, 3, 2, 1], None, 5),
        ({"patience": 2}, [5, 4, 4, 4, 1], 4, 2),
        ({"patience": 1}, [5, 6, 1], 2, 1),
        ({"patience": 3}, [5, 6, 6, 4, 5, 5, 5], 7, 4),
        ({"patience": 2, "min_delta": 0.5}, [5, 4.6, 4.2, 1], None, 4),
        ({"patience": 2, "min_delta": 0.5}, [5, 4.6, 4.6, 1], 3, 1),
        ({"patience": 2}, [nan, nan, 1], 2, None),
        ({"patience": 2}, [nan, 3, nan, nan], 4, 2),
        ({"patience": 2}, [inf, 3, 4, 2], None, 4),
        ({"patience": 2, "monitor": "validation_accuracy"}, [0.1, 0.5, 0.4, 0.5], 4, 2),
        ({"patience": 2, "monitor": "validation_r2"}, [-9, -1, 0.2, 0.1], None, 3),
        ({"patience": 2, "monitor": "loss"}, [3, 4, 5], 3, 1),
    ],
)
def test_when_it_stops_and_what_it_puts_back(settings, values, stops, best):
    model, stopping = Scripted(), cr.EarlyStopping(**settings)
    assert model.train(stopping, values) == stops
    assert model.put_back == best
    assert stopping.best_epoch == (-1 if best is None else best - 1)
    if best is not None:
        assert stopping.best == values[best - 1]


def test_it_keeps_no_weights_where_it_should_not():
    model = Scripted()
    assert model.train(cr.EarlyStopping(2, restore_best=False), [3, 4, 5]) == 3
    assert model.put_back is None


def test_it_goes_on_waiting_where_the_last_run_was_cut_off():
    whole, cut = Scripted(), Scripted()
    values = [5, 3, 4, 4, 4, 1]
    assert whole.train(cr.EarlyStopping(3), values) == 5
    for value in values[:3]:  # the process dies: nobody calls `end`
        stopping = cr.EarlyStopping(3)
        stopping.begin(cut)
        cut.epoch += 1
        stopping(cut, 0, {"validation_loss": value})
    assert cut.train(cr.EarlyStopping(3), values[3:]) == 5
    assert cut.put_back == whole.put_back == 2
    # Killed after its end, it has nothing left to do.
    assert cut.train(cr.EarlyStopping(3), [0]) == 0


def test_early_stopping_of_a_run():
    """The weights, and running means, of the epoch with the lowest loss of held-out samples."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 10)), rng.normal(size=30)
    net = cr.Sequential(cr.Dense(30), cr.BatchNorm(), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error", optimizer=cr.Adam(0.01), seed=2)
    stopping = cr.EarlyStopping(patience=5)
    held = (rng.normal(size=(10, 10)), rng.normal(size=10))
    history = model.fit(
        x, y, epochs=500, validation_data=held, callbacks=[stopping], progress=False
    )
    best = int(np.argmin(history.validation_loss))
    assert (len(history), history.stopped) == (best + 6, "by EarlyStopping")
    assert (stopping.best_epoch, stopping.best) == (best, min(history.validation_loss))
    assert model.evaluate(*held)["loss"] == stopping.best
    again = cr.Model(net, loss="mean_squared_error", optimizer=cr.Adam(0.01), seed=2)
    again.fit(x, y, epochs=best + 1, progress=False)
    for ours, theirs in ((model.params, again.params), (model.state, again.state)):
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_second_fit_waits_anew():
    model, stopping = small(), cr.EarlyStopping(patience=2, monitor="gradient_norm", min_delta=9.0)
    assert len(fit(model, stopping, epochs=50)) == 3
    assert model.watched == {}
    assert len(fit(model, stopping, epochs=50)) == 3


def test_the_best_weights_come_back_whatever_ended_the_training():
    def interrupt(model, epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt

    model, best = small(seed=1), small(seed=1)
    stopping = cr.EarlyStopping(patience=9, monitor="loss", min_delta=1e9)
    fit(model, stopping, interrupt, epochs=9)
    fit(best, epochs=1)
    assert np.array_equal(model.params["weight"], best.params["weight"])


# --- checkpoints ---------------------------------------------------------------------------------


def test_a_checkpoint_hears_last_whatever_its_place(tmp_path):
    """What it saves is what the others have made of the epoch."""

    def zero(model, epoch, logs):
        model.set_params({"weight": np.zeros((3, 1))})

    fit(small(), cr.Checkpoint(tmp_path), zero, epochs=1)
    assert not cr.load(tmp_path).params["weight"].any()


def test_it_counts_the_epochs_of_the_whole_run(tmp_path):
    model, saved = small(), []

    class Noted(cr.Checkpoint):
        def __call__(self, model, epoch, logs):
            super().__call__(model, epoch, logs)
            saved.append(cr.load(tmp_path).epoch if (tmp_path / "model.json").exists() else 0)

    for epochs in (4, 4):
        fit(model, Noted(tmp_path, every=3), epochs=epochs)
    assert saved == [0, 0, 3, 3, 3, 6, 6, 6]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.EarlyStopping(patience=0), r"EarlyStopping: patience must be a whole number"),
        (lambda: cr.EarlyStopping(min_delta=-1), r"EarlyStopping: min_delta must be a finite numb"),
        (lambda: cr.EarlyStopping(min_delta=nan), r"EarlyStopping: min_delta must be a finite num"),
        (lambda: cr.Checkpoint("x", every=0), r"Checkpoint: every must be a whole number, 1 or mo"),
    ],
)
def test_settings_outside_their_domain(make, message):
    with pytest.raises(cr.SettingError, match=message):
        make()


def test_watching_what_is_not_measured():
    with pytest.raises(cr.SettingError, match=r"watches validation_loss, and there is no valid"):
        fit(small(), cr.EarlyStopping())
    misspelt = cr.EarlyStopping(monitor="validation_los")
    with pytest.raises(cr.UnknownNameError, match=r"did you mean 'validation_loss'\?"):
        fit(small(), misspelt, validation_split=0.5)
