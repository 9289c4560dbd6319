"""`Model.fit`: what a step, an epoch and a run do, held against a network trained by hand."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from by_hand import ByHand

import chainrule as cr
from chainrule import model as module

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3))
Y = np.sin(X.sum(axis=1, keepdims=True))


def network(**settings):
    return cr.Sequential(cr.Dense(5, **settings), cr.Tanh(), cr.Dense(1))


def regression(optimizer=None, **settings):
    """A model in float64, whose numbers can be held against those by hand."""
    net = network(**settings)
    optimizer = optimizer or cr.SGD(0.1)
    return cr.Model(net, loss="half_squared_error", optimizer=optimizer, dtype="float64").build(3)


def classifier(seed=0, **settings):
    """A network with everything that must be carried from step to step."""
    net = cr.Sequential(cr.Dense(6), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3))
    optimizer = cr.Adam(cr.schedules.cosine(0.01, steps=40), clip_norm=1.0)
    return cr.Model(net, loss="cross_entropy", optimizer=optimizer, seed=seed, **settings)


LABELS = RNG.integers(0, 3, size=22)


def assert_close(model, hand):
    assert model.params.keys() == hand.params.keys()
    for name, value in model.params.items():
        np.testing.assert_allclose(value, hand.params[name], rtol=1e-10, atol=1e-13)


def assert_same_bits(one, other):
    for mine, theirs in ((one.params, other.params), (one.state, other.state)):
        assert mine.keys() == theirs.keys()
        assert all(mine[name].tobytes() == theirs[name].tobytes() for name in mine)


# --- steps and epochs ----------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 22, 100, 11, 8, 1])
def test_every_step_is_gradient_descent(batch_size):
    """Also the last batch, which may be smaller: its loss is a mean over its own samples."""
    model = regression()
    hand = ByHand(model.params, lr=0.1)
    history = model.fit(X, Y, epochs=3, batch_size=batch_size, shuffle=False, progress=False)
    for _ in range(3):
        hand.epoch(X, Y, batch_size or 22)
    np.testing.assert_allclose(history.loss, hand.losses, rtol=1e-12)
    np.testing.assert_allclose(history.gradient_norm, hand.norms, rtol=1e-12)
    assert_close(model, hand)


def test_gradient_norm_is_that_before_clipping():
    model = regression(cr.SGD(0.1, clip_norm=0.05))
    hand = ByHand(model.params, lr=0.1, clip_norm=0.05)
    history = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, progress=False)
    for _ in range(2):
        hand.epoch(X, Y, 8)
    assert min(history.gradient_norm) > 0.05
    np.testing.assert_allclose(history.gradient_norm, hand.norms, rtol=1e-12)
    assert_close(model, hand)


def test_penalties_are_part_of_loss_and_gradient():
    model = regression(l2=0.3)
    hand = ByHand(model.params, lr=0.1, l2=0.3)
    history = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, progress=False)
    for _ in range(2):
        hand.epoch(X, Y, 8)
    np.testing.assert_allclose(history.loss, hand.losses, rtol=1e-12)
    assert_close(model, hand)
    assert model.evaluate(X, Y)["loss"] == pytest.approx(hand.loss(X, Y), rel=1e-12)


def test_an_epoch_uses_every_sample_once():
    """With one feature per sample, each use of a sample halves the error of its weight."""
    count = 37
    net = cr.Dense(1, bias=False, weight="zeros")
    optimizer = cr.SGD(0.5)
    model = cr.Model(net, loss="half_squared_error", optimizer=optimizer, dtype="float64")
    y = np.arange(1.0, count + 1)
    for epoch in range(1, 5):
        model.fit(np.eye(count), y, epochs=1, batch_size=1, progress=False)
        np.testing.assert_allclose(model.params["weight"][:, 0], y * (1 - 0.5**epoch))


def test_every_epoch_has_an_order_of_its_own():
    """One epoch at a time from the same weights: the order alone makes the results differ."""
    first = regression()
    start = first.params
    ends = []
    for _ in range(4):
        first.set_params(start)
        first.fit(X, Y, epochs=1, batch_size=1, progress=False)
        ends.append(first.params["0.weight"])
    other = cr.Model(
        network(), loss="half_squared_error", optimizer=cr.SGD(0.1), seed=1, dtype="float64"
    ).build(3)
    other.set_params(start)
    other.fit(X, Y, epochs=1, batch_size=1, progress=False)
    ends.append(other.params["0.weight"])
    assert len({end.tobytes() for end in ends}) == 5


# --- weights -------------------------------------------------------------------------------------

WEIGHTS = RNG.uniform(0.5, 3.0, size=22)


@pytest.mark.parametrize("given", [WEIGHTS, WEIGHTS[:, None], WEIGHTS.tolist()])
def test_sample_weights(given):
    model = regression()
    hand = ByHand(model.params, lr=0.1)
    settings = {"batch_size": 8, "shuffle": False, "progress": False}
    history = model.fit(X, Y, epochs=2, sample_weight=given, **settings)
    for _ in range(2):
        hand.epoch(X, Y, 8, WEIGHTS)
    np.testing.assert_allclose(history.loss, hand.losses, rtol=1e-12)
    assert_close(model, hand)
    found = model.evaluate(X, Y, sample_weight=given)["loss"]
    assert found == pytest.approx(hand.loss(X, Y, WEIGHTS), rel=1e-12)


def test_weight_0_leaves_a_sample_out():
    weight = np.where(np.arange(22) % 3 == 0, 0.0, 2.0)
    with_zeros, without = regression(), regression()
    with_zeros.fit(X, Y, epochs=3, batch_size=4, sample_weight=weight, progress=False)
    taking_part = weight > 0
    without.fit(X[taking_part], Y[taking_part], epochs=3, batch_size=4, progress=False)
    for name, value in without.params.items():
        np.testing.assert_allclose(with_zeros.params[name], value, rtol=1e-12)


def test_class_weights_are_sample_weights():
    table = {0: 1.0, 1: 5.0, 2: 0.5}
    by_class, by_sample, both = (classifier(dtype="float64") for _ in range(3))
    settings = {"epochs": 2, "batch_size": 8, "progress": False}
    by_class.fit(X, LABELS, class_weight=table, **settings)
    weights = np.array([table[label] for label in LABELS])
    by_sample.fit(X, LABELS, sample_weight=weights, **settings)
    assert_same_bits(by_class, by_sample)
    both.fit(X, LABELS, class_weight=table, sample_weight=1 / weights, **settings)
    plain = classifier(dtype="float64")
    plain.fit(X, LABELS, sample_weight=np.ones(22), **settings)
    assert_same_bits(both, plain)


def test_balanced_classes_have_equal_weight_in_all():
    labels = np.array([0] * 2 + [1] * 5 + [2] * 15)
    balanced, by_hand = classifier(dtype="float64"), classifier(dtype="float64")
    settings = {"epochs": 2, "batch_size": None, "progress": False}
    balanced.fit(X, labels, class_weight="balanced", **settings)
    by_hand.fit(X, labels, sample_weight=(22 / 3 / np.array([2, 5, 15]))[labels], **settings)
    assert_same_bits(balanced, by_hand)


# --- validation ----------------------------------------------------------------------------------


def test_validation_data_is_judged_after_the_epoch_in_evaluation():
    model, found = classifier(), []
    history = model.fit(
        X[:16],
        LABELS[:16],
        epochs=3,
        batch_size=8,
        validation_data=(X[16:], LABELS[16:]),
        callbacks=[lambda model, epoch, logs: found.append(model.evaluate(X[16:], LABELS[16:]))],
        progress=False,
    )
    assert history.validation_loss == [scores["loss"] for scores in found]
    assert history.metrics == {"validation_accuracy": [scores["accuracy"] for scores in found]}


def test_validation_data_may_be_weighted():
    model = classifier()
    weight = np.arange(len(X) - 16.0)  # the first takes no part
    held = (X[16:], LABELS[16:], weight)
    history = model.fit(X[:16], LABELS[:16], epochs=1, validation_data=held, progress=False)
    assert history.validation_loss == [model.evaluate(*held)["loss"]]
    assert history.validation_loss != [model.evaluate(*held[:2])["loss"]]
    with pytest.raises(cr.SettingError, match="or \\(X, y, sample_weight\\)"):
        model.fit(X, LABELS, epochs=1, validation_data=(X, LABELS, weight, weight))


def held_back(labels, loss, outputs, share, seed=0):
    """Which samples `validation_split` held back: with one feature per sample, those whose weights
    are as they began."""
    count = len(labels)
    net = cr.Dense(outputs, bias=False)
    model = cr.Model(net, loss=loss, optimizer=cr.SGD(0.1), seed=seed).build(count)
    before = model.params["weight"]
    history = model.fit(np.eye(count), labels, epochs=1, validation_split=share, progress=False)
    assert len(history.validation_loss) == 1
    return np.flatnonzero((model.params["weight"] == before).all(axis=1))


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((50, 30, 20), 0.2, (10, 6, 4)),
        ((10, 10, 10), 0.5, (5, 5, 5)),
        ((4,) * 10, 0.1, (1, 0, 0, 1, 0, 0, 1, 0, 1, 0)),
        ((1, 1, 40), 0.9, (0, 0, 36)),
    ],
)
def test_validation_split_takes_of_each_class_its_share(counts, share, expected):
    labels = np.repeat(np.arange(len(counts)), counts)
    held = held_back(labels, "cross_entropy", len(counts), share)
    found = np.bincount(labels[held], minlength=len(counts))
    assert sum(found) == sum(expected)
    assert abs(found - np.array(expected)).max() <= 1
    one_hot = np.eye(len(counts))[labels]
    np.testing.assert_array_equal(held_back(one_hot, "cross_entropy", len(counts), share), held)


@pytest.mark.parametrize("loss", ["binary_cross_entropy_with_logits", "hinge"])
def test_validation_split_takes_of_yes_and_no_their_shares(loss):
    labels = np.repeat([0, 1], [60, 20])
    held = held_back(labels, loss, 1, 0.25)
    assert np.bincount(labels[held]).tolist() == [15, 5]


def test_validation_split_is_random_by_the_seed():
    values = RNG.normal(size=40)
    held, again, other = (held_back(values, "mean_squared_error", 1, 0.3, s) for s in (0, 0, 1))
    assert len(held) == 12
    assert held.tolist() == again.tolist() != other.tolist()
    assert held.tolist() != list(range(28, 40))


def test_several_yes_or_no_for_each_sample_are_split_without_classes():
    answers = RNG.integers(0, 2, size=(40, 3))
    assert len(held_back(answers, "binary_cross_entropy_with_logits", 3, 0.25)) == 10


def test_what_is_held_back_keeps_its_weights():
    weights = RNG.uniform(1, 9, size=22)
    model = regression()
    history = model.fit(X, Y, epochs=1, sample_weight=weights, validation_split=0.5, progress=False)
    assert set(history.metrics) == {
        "validation_mean_absolute_error",
        "validation_root_mean_squared_error",
        "validation_r2",
    }


# --- going on ------------------------------------------------------------------------------------


def test_a_second_fit_goes_on():
    """Weights, optimizer, schedule, running means, dropout and order: as if never interrupted."""
    whole, parts = classifier(), classifier()
    settings = {"batch_size": 8, "validation_split": 0.2, "progress": False}
    history = whole.fit(X, LABELS, epochs=5, **settings)
    first = parts.fit(X, LABELS, epochs=2, **settings)
    second = parts.fit(X, LABELS, epochs=3, **settings)
    assert_same_bits(whole, parts)
    assert first.loss + second.loss == history.loss == parts.history.loss
    assert parts.history.metrics == history.metrics
    assert parts.epoch == 5


def test_same_seed_same_bits_and_another_seed_others():
    models = [classifier(seed) for seed in (3, 3, 4)]
    for model in models:
        model.fit(X, LABELS, epochs=3, batch_size=8, progress=False)
    assert_same_bits(models[0], models[1])
    assert not np.array_equal(models[0].params["0.weight"], models[2].params["0.weight"])


def test_reset_starts_again():
    model, fresh = classifier(), classifier()
    model.fit(X, LABELS, epochs=3, batch_size=8, progress=False)
    model.reset()
    assert model.epoch == len(model.history) == 0
    for trained in (model, fresh):
        trained.fit(X, LABELS, epochs=2, batch_size=8, progress=False)
    assert_same_bits(model, fresh)


def test_other_data_of_the_same_shape_is_really_used():
    """The compiled step is kept from the last call; the numbers in it must not be."""
    model, fresh = regression(), regression()
    model.fit(X, Y, epochs=1, progress=False)
    model.reset()
    for trained in (model, fresh):
        trained.fit(-X, Y + 1, epochs=1, progress=False)
    assert_same_bits(model, fresh)


def test_a_new_optimizer_begins_with_the_weights_as_they_are():
    model = regression(cr.Adam(0.01))
    model.fit(X, Y, epochs=2, batch_size=8, progress=False)
    hand = ByHand(model.params, lr=0.2)
    model.optimizer = cr.SGD(0.2)
    model.fit(X, Y, epochs=1, batch_size=8, shuffle=False, progress=False)
    hand.epoch(X, Y, 8)
    assert_close(model, hand)


def test_no_epochs_train_nothing():
    model = regression()
    before = model.params
    history = model.fit(X, Y, epochs=0, progress=False)
    assert history.loss == []
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())


def test_how_long_it_trains_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr(module, "UPDATES", 45)
    small, large = regression(), regression()
    assert len(small.fit(X, Y, batch_size=8, progress=False)) == 15  # of 3 steps
    assert len(large.fit(X, Y, batch_size=2, progress=False)) == 10  # of 11 steps


def test_defaults_in_numbers():
    assert (module.UPDATES, module.FEWEST_EPOCHS) == (5000, 10)


# --- ends ----------------------------------------------------------------------------------------


def test_ctrl_c_keeps_the_weights_so_far():
    def interrupt(model, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    stopped, whole = classifier(), classifier()
    history = stopped.fit(X, LABELS, epochs=50, batch_size=8, callbacks=[interrupt], progress=False)
    assert (len(history), history.stopped, stopped.history.stopped) == (3, *["interrupted"] * 2)
    whole.fit(X, LABELS, epochs=3, batch_size=8, progress=False)
    assert_same_bits(stopped, whole)
    stopped.fit(X, LABELS, epochs=2, batch_size=8, progress=False)
    whole.fit(X, LABELS, epochs=2, batch_size=8, progress=False)
    assert_same_bits(stopped, whole)


def test_ctrl_c_in_the_middle_of_an_epoch():
    """A real signal, into a real process: fit returns, and the process goes on."""
    program = """
        import numpy as np
        import chainrule as cr
        x = np.random.default_rng(0).normal(size=(20_000, 20))
        net = cr.Sequential(cr.Dense(50), cr.Tanh(), cr.Dense(1))
        model = cr.Model(net, loss="mean_squared_error").build(20)
        before = model.params["0.weight"]

        def ready(model, epoch, logs):
            if epoch == 0:
                print("ready", flush=True)

        settings = dict(batch_size=16, progress=False, callbacks=[ready])
        history = model.fit(x, x[:, 0], epochs=10_000, **settings)
        moved = abs(model.params["0.weight"] - before).max()
        print(history.stopped, bool(np.isfinite(moved) and moved > 0), model.epoch == len(history))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "interrupted True True\n")


def unless(limit, otherwise):
    """The input where it is below the limit, and beyond it what `otherwise` makes of it."""
    return cr.Lambda(lambda x: np.where(x < limit, x, otherwise(x)))


def test_a_batch_that_is_not_finite_is_not_applied():
    """The weights before it are good, and no update made of other batches is lost."""
    x = X.copy()
    x[-1] = 1000.0  # in the last batch
    net = cr.Sequential(unless(900, lambda x: np.log(-x)), *network().layers)
    model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(0.1), dtype="float64")
    model.build(3)
    hand = ByHand({f"{int(n[0]) - 1}{n[1:]}": v for n, v in model.params.items()}, lr=0.1)
    with pytest.raises(cr.NotFiniteError, match=r"epoch 1, step 3: the loss is nan; .* log in lay"):
        model.fit(x, Y, epochs=5, batch_size=8, shuffle=False, progress=False)
    hand.epoch(X[:16], Y[:16], 8)
    for name, value in hand.params.items():
        np.testing.assert_allclose(model.params[f"{int(name[0]) + 1}{name[1:]}"], value, rtol=1e-10)
    assert (model.epoch, model.history.stopped) == (0, "not finite")


@pytest.mark.parametrize("rate", [1e10, 1e30, 1e38])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_an_update_into_the_void_is_taken_back(rate, batch_size):
    net = cr.Sequential(cr.Dense(4), cr.ReLU(), cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error", optimizer=cr.SGD(rate)).build(3)
    with pytest.raises(
        cr.NotFiniteError, match=r"stopped in epoch \d+, step \d+: .*finite|inf|nan"
    ):
        model.fit(X, Y, epochs=9, batch_size=batch_size, shuffle=False, progress=False)
    assert np.isfinite(model.predict(X)).all()


def test_the_last_update_of_an_epoch_may_overflow_too():
    model = cr.Model(cr.Dense(1), loss="mean_squared_error", optimizer=cr.SGD(1e38)).build(3)
    before = model.params
    with pytest.raises(cr.NotFiniteError, match=r"step 1: the updated weights are not finite"):
        model.fit(X * 100, Y, epochs=1, batch_size=None, progress=False)
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (cr.Lambda(np.log), r"the loss is nan; the first .* was log in layer 1\.Lambda"),
        (
            cr.Lambda(lambda x: np.sqrt(np.maximum(x, 0))),
            r"the gradient norm is nan; the first .* was the backward pass of sqrt in layer 1\.",
        ),
        # The logarithm of what is not positive is masked out before it does any harm.
        (
            cr.Lambda(lambda x: np.where(x > 0, np.log(x), 0.0) + np.exp(1000 + x * x)),
            r"was exp in layer 1\.Lambda",
        ),
        (cr.Sequential(cr.Tanh(), cr.Lambda(np.arccosh)), r"was arccosh in layer 1\.1\.Lambda"),
    ],
)
def test_the_first_op_that_went_wrong_is_named(layer, message):
    net = cr.Sequential(cr.Dense(4), layer, cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error")
    with np.errstate(all="ignore"), pytest.raises(cr.NotFiniteError, match=message):
        model.fit(X, Y, epochs=1, progress=False)


def test_what_cannot_be_trained_is_refused_before_the_first_step():
    """Batch normalisation of the one sample that is left over at the end of an epoch."""
    model = classifier().build(3)
    before = model.params
    with pytest.raises(cr.SettingError, match=r"BatchNorm cannot train on a single number"):
        model.fit(X[:17], LABELS[:17], epochs=1, batch_size=8, progress=False)
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())


# --- what users see ------------------------------------------------------------------------------


def test_no_progress_is_silent(capfd):
    regression().fit(X, Y, epochs=3, progress=False)
    regression().fit(X, Y, epochs=3)  # no terminal
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("columns", "speed"), [(80, "/s"), (120, " steps/s")])
def test_progress_goes_to_standard_error(capfd, monkeypatch, columns, speed):
    monkeypatch.setenv("COLUMNS", str(columns))
    regression().fit(X, Y, epochs=12, validation_data=(X, Y), progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    last = err.strip().splitlines()[-1]
    for word in ("epoch 12/12", "loss 0.", "validation 0.", "gradient 0.", speed):
        assert word in last
    assert "…" not in last
