"""`story.at(step)`: any step of a training taken again, to the bit."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from test_every_layer import CASES

import chainrule as cr
from chainrule.callbacks import Callbacks
from chainrule.errors import DataError, SettingError
from chainrule.optimizers import OPTIMIZERS
from chainrule.replay import moment
from chainrule.trees import flatten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype(np.float32)
Y = RNG.integers(0, 3, size=22)
ENGINES = pytest.mark.parametrize("engine", ["native", "numpy"])
RECORDED = pytest.mark.parametrize("recorded", [True, False])


def network():
    """Everything that is carried from step to step, or drawn in each."""
    return cr.Sequential(cr.Dense(6), cr.BatchNorm(), cr.Tanh(), cr.Dropout(0.3), cr.Dense(3))


def small(optimizer=None, net=None, **settings):
    optimizer = optimizer or cr.Adam(0.02)
    return cr.Model(net or network(), "cross_entropy", optimizer, **settings)


def fit(model, epochs=3, x=X, y=Y, recorded=True, batch_size=8, **settings):
    callbacks = [*settings.pop("callbacks", []), *([cr.RecordSteps()] if recorded else [])]
    settings = {"callbacks": callbacks, "progress": False} | settings
    model.fit(x, y, epochs=epochs, batch_size=batch_size, **settings)
    return model


def assert_bits(carry, model):
    """The arrays before a step are those of a model that stopped there."""
    assert_same(carry, model._built())


def assert_same(one, other):
    for a, b in zip(flatten(one)[0], flatten(other)[0], strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


# --- the bits ------------------------------------------------------------------------------------


@RECORDED
@ENGINES
def test_every_step_is_that_of_a_run_that_stopped_there(engine, recorded):
    """Whole epochs of 3 steps, the last of them smaller, and then the first batches of one more."""
    model = fit(small(engine=engine), 4, shuffle=False, recorded=recorded)
    assert model.trail.steps == 12
    for epochs in (0, 3) if engine == "native" else range(4):
        for batches in range(3):
            stopped = fit(small(engine=engine), epochs, shuffle=False, recorded=False)
            if batches:
                rows = slice(8 * batches)
                fit(stopped, 1, X[rows], Y[rows], recorded=False, shuffle=False)
            found = moment(model, 3 * epochs + batches, X, Y)
            assert_bits(found.before, stopped)
            assert (found.epoch, found.place, found.places) == (epochs, batches, 3)
            np.testing.assert_array_equal(found.x, X[found.rows])
            np.testing.assert_array_equal(found.rows, np.arange(22)[8 * batches : 8 * batches + 8])


@ENGINES
def test_shuffled_epochs_and_losses(engine):
    model = small(engine=engine)
    history = model.fit(X, Y, epochs=6, batch_size=8, callbacks=[cr.RecordSteps(keep=2)])
    seen = [moment(model, step, X, Y) for step in range(model.trail.steps)]
    for epoch in range(6):
        own = seen[3 * epoch : 3 * epoch + 3]
        assert sorted(np.concatenate([m.rows for m in own]).tolist()) == list(range(22))
        assert np.mean([m.loss for m in own]) == pytest.approx(history.loss[epoch], rel=1e-12)
        assert_bits(own[0].before, fit(small(engine=engine), epoch))
    for one, following in pairwise(seen):
        assert_same(one.after, following.before)
    assert_bits(seen[-1].after, model)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name):
    made = OPTIMIZERS[name]
    model = fit(small(made(clip_norm=0.5)), 4)
    assert_bits(moment(model, 9, X, Y).before, fit(small(made(clip_norm=0.5))))
    assert_bits(moment(model, -1, X, Y).after, model)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer(case):
    x = RNG.normal(size=(10, *case.sample))
    if case.whole:
        x = RNG.integers(-1, 3, size=x.shape)
    y = RNG.normal(size=10)

    def trained(epochs, *callbacks):
        net = cr.Sequential(case.layer, cr.Flatten(), cr.Dense(1))
        model = cr.Model(net, "mean_squared_error", cr.SGD(0.001, momentum=0.5), engine="numpy")
        model.fit(x, y, epochs=epochs, batch_size=4, callbacks=callbacks, progress=False)
        return model

    model = trained(2, cr.RecordSteps())
    assert_bits(moment(model, 3, x, y).before, trained(1))
    story = cr.explain(model, x, y).at(5)
    for name, value in model.params.items():
        np.testing.assert_array_equal(story.step(name, "update").value, value)


# --- the story -----------------------------------------------------------------------------------


@ENGINES
def test_the_story_of_a_step(engine):
    """Its weights and its update are the run's own bits; its gradients explain the update."""
    model = fit(small(cr.SGD(0.1), engine=engine), 4)
    story = cr.explain(model, X[:1], Y[:1])
    past, following = story.at(7), story.at(8)
    assert "step 7: batch 2 of 3 in epoch 3" in past.title
    assert past.title in past.text(100).replace("\n  ", " ")
    assert past.rows.shape == (8,)
    assert past.loss == moment(model, 7, X, Y).loss
    for name, before in moment(model, 7, X, Y).before["params"].items():
        after = past.step(name, "update").value
        np.testing.assert_array_equal(past.values[name], before)
        np.testing.assert_array_equal(after, following.values[name])
        moved = before - np.float32(0.1) * past.gradients[name]
        np.testing.assert_allclose(after, moved, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(past.at(8).values["0.weight"], following.values["0.weight"])
    paths = past.paths("0.weight", (1, 2))
    assert paths.gradient == pytest.approx(float(past.gradients["0.weight"][1, 2]), rel=1e-3)


def test_weights_of_samples_count():
    weight = RNG.uniform(0.0, 2.0, size=22)
    weight[3] = 0  # takes no part
    model = fit(small(), 3, sample_weight=weight)
    shorter = fit(small(), 2, sample_weight=weight, recorded=False)
    found = moment(model, 6, X, Y)
    assert_bits(found.before, shorter)
    np.testing.assert_array_equal(
        found.weights, np.delete(weight, 3)[found.rows].astype(np.float32)
    )
    story = cr.explain(model, X, Y).at(0)  # Adam's first step is as long for every weight
    moved = story.step("4.bias", "update").value - story.values["4.bias"]
    np.testing.assert_array_equal(np.sign(moved), -np.sign(story.gradients["4.bias"]))


@RECORDED
def test_data_held_back_take_no_part(recorded):
    model = fit(small(), 3, validation_split=0.3, recorded=recorded)
    shorter = fit(small(), 2, validation_split=0.3, recorded=False)
    assert_bits(moment(model, 4, X, Y).before, shorter)


# --- several fits --------------------------------------------------------------------------------


@RECORDED
@ENGINES
def test_a_second_fit_goes_on_counting(engine, recorded):
    """With other batches, and a third one with those of the first."""
    model = small(engine=engine)
    for batch, epochs in ((8, 2), (11, 2), (11, 1), (8, 2)):
        fit(model, epochs, batch_size=batch, recorded=recorded)
    assert model.trail.steps == 6 + 4 + 2 + 6
    assert [leg.steps for leg in model.trail.legs] == [6, 6, 6]  # the third went on as the second

    stopped = fit(small(engine=engine), 2)
    assert_bits(moment(model, 6, X, Y).before, stopped)
    fit(stopped, 2, batch_size=11)
    assert_bits(moment(model, 10, X, Y).before, stopped)
    fit(stopped, 1, batch_size=11)
    assert_bits(moment(model, 12, X, Y).before, fit(stopped, 0))


@RECORDED
def test_weights_that_were_set_between(recorded):
    model = fit(small(), 2, recorded=recorded)
    model.set_params({"4.bias": [1.0, 2.0, 3.0]})
    before = model.params
    fit(model, 1, recorded=recorded)
    found = moment(model, 6, X, Y)
    assert all(np.array_equal(found.before["params"][name], before[name]) for name in before)
    assert_bits(moment(model, 3, X, Y).before, fit(small(), 1))
    model.set_params({"4.bias": [0.0, 0.0, 0.0]})
    fit(model, 1, recorded=recorded)
    if recorded:
        assert moment(model, 6, X, Y).before["params"]["4.bias"].tolist() == [1.0, 2.0, 3.0]
    else:
        with pytest.raises(SettingError, match=r"set by hand.*RecordSteps"):
            moment(model, 7, X, Y)


@RECORDED
def test_another_optimizer_in_between(recorded):
    model = fit(small(), 1, recorded=recorded)
    model.optimizer = cr.SGD(0.1)
    fit(model, 1, recorded=recorded)
    assert moment(model, 2, X, Y).task.optimizer == cr.Adam(0.02)
    assert moment(model, 4, X, Y).task.optimizer == cr.SGD(0.1)
    assert model.trail.steps == 6


def test_callbacks_that_change_the_weights():
    def shrink(model, epoch, logs):
        if epoch == 1:
            model.set_params({name: value / 2 for name, value in model.params.items()})

    model = fit(small(), 4, callbacks=[shrink])
    shorter = fit(small(), 3, callbacks=[shrink], recorded=False)
    assert_bits(moment(model, 9, X, Y).before, shorter)
    assert_bits(moment(model, 3, X, Y).before, fit(small(), 1))
    assert_bits(moment(model, -1, X, Y).after, model)


@RECORDED
@ENGINES
def test_weights_that_a_callback_sets_stay_known_however_long_it_goes_on(engine, recorded):
    """The optimizer's memory of then is part of them, and its arrays are not written to again."""

    def shrink(model, epoch, logs):
        if epoch == 1:
            model.set_params({"0.weight": model.params["0.weight"] / 2})

    model = fit(small(engine=engine), 12, callbacks=[shrink], recorded=recorded)
    shorter = fit(small(engine=engine), 2, callbacks=[shrink], recorded=False)
    assert_bits(moment(model, 6, X, Y).before, shorter)
    assert_bits(moment(model, -1, X, Y).after, model)


@ENGINES
def test_a_story_told_while_training_goes_on_keeps_its_numbers(engine):
    kept = []

    def tell(model, epoch, logs):
        if epoch == 1:
            story = cr.explain(model, X, Y)
            kept.append((story, {name: np.array(value) for name, value in story.values.items()}))

    fit(small(engine=engine), 12, callbacks=[tell], recorded=False)
    ((story, values),) = kept
    for name, value in values.items():
        np.testing.assert_array_equal(story.record.value(story.quantity(name).node), value)


def test_early_stopping_puts_weights_back_and_the_steps_stay():
    stopping = cr.EarlyStopping(patience=2, monitor="loss", min_delta=10.0)
    model = fit(small(), 9, callbacks=[stopping])
    assert (model.epoch, model.trail.steps) == (3, 9)
    assert_bits(moment(model, 6, X, Y).before, fit(small(), 2))


@RECORDED
def test_a_run_from_a_file(tmp_path, recorded):
    """Steps before the file are walked through again from the first weights."""
    fit(small(), 2, recorded=recorded, callbacks=[cr.Checkpoint(tmp_path)])
    model = cr.load(tmp_path)
    assert_bits(moment(model, 3, X, Y).before, fit(small(), 1))
    fit(model, 2, recorded=recorded)
    assert_bits(moment(model, 9, X, Y).before, fit(small(), 3))
    model.save(tmp_path)
    again = cr.load(tmp_path)
    assert again.trail.steps == 12
    assert_bits(moment(again, 9, X, Y).before, fit(small(), 3))


def test_copies_of_a_model_know_the_steps_and_hold_no_data():
    model = fit(small(), 3)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.trail.legs[0].data is None
    assert_bits(moment(copy, 6, X, Y).before, fit(small(), 2))


def test_a_new_start_has_no_steps():
    model = fit(small(), 1)
    model.reset()
    assert model.trail.steps == 0
    fit(model, 2)
    assert_bits(moment(model, 3, X, Y).before, fit(small(), 1))


@ENGINES
def test_an_epoch_that_was_cut_short_is_begun_anew(engine):
    """Numbers that grow until a step cannot be applied, in the middle of an epoch."""
    target = Y[:, None] * 1.0
    model = cr.Model(cr.Dense(1), "mean_squared_error", cr.SGD(2.0), engine=engine)
    with pytest.raises(cr.NotFiniteError):
        fit(model, 500, X, target)
    steps = model.trail.steps
    assert steps == int(model._built()["optimizer"]["step"])
    assert steps > 3 * model.epoch > 0
    assert_bits(moment(model, -1, X, target).after, model)
    model.optimizer = cr.SGD(1e-30)
    kept = model.params
    fit(model, 1, X, target)
    found = moment(model, steps, X, target)
    assert (found.epoch, found.place) == (model.epoch - 1, 0)
    assert_same(found.before["params"], kept)


# --- memory --------------------------------------------------------------------------------------


@ENGINES
@pytest.mark.parametrize("keep", [2, 5, 32])
def test_checkpoints_are_few_and_at_equal_distances(engine, keep):
    model = small(engine=engine)
    model.fit(X, Y, epochs=320, batch_size=8, callbacks=[cr.RecordSteps(keep)], progress=False)
    (leg,) = model.trail.legs
    places = [place for place, _ in leg.checkpoints]
    assert places[0] == 0
    assert len(places) <= keep
    if engine == "numpy":  # of native steps, many are taken at once
        assert set(np.diff(places)) == {model.trail.spacing}
        assert len(places) > min(keep // 2, 15)
    assert_bits(moment(model, 300, X, Y).before, fit(small(engine=engine), 100))


def test_old_data_are_given_up():
    model = small()
    for number in range(4):
        rows = RNG.permutation(22)[:16]
        fit(model, 1, X[rows], Y[rows], callbacks=[cr.RecordSteps(keep=2)], recorded=False)
        assert sum(leg.data is not None for leg in model.trail.legs) == min(number + 1, 2)
    assert moment(model, 5, X, Y).step == 5
    with pytest.raises(DataError, match=r"all data of the training"):
        moment(model, 1, X, Y)


def test_unasked_nothing_is_held():
    model = fit(small(), 3, recorded=False)
    (leg,) = model.trail.legs
    assert (leg.data, leg.checkpoints) == (None, [])
    for _ in range(3):
        fit(model, 1, recorded=False)
    assert len(model.trail.legs) == 1


def test_recording_changes_no_bit_and_no_pace():
    """Epochs are still taken many at once: nobody hears of them one by one."""
    plain, recorded = fit(small(), 5, recorded=False), fit(small(), 5)
    assert_bits(plain._built(), recorded)
    assert not Callbacks([cr.RecordSteps()]).listen
    assert Callbacks([cr.RecordSteps(), cr.Checkpoint("nowhere")]).listen
    with pytest.raises(SettingError, match="neither a function"):
        fit(small(), 1, callbacks=["early stopping"])


# --- what cannot be done -------------------------------------------------------------------------


def test_other_data_are_noticed():
    model = fit(small(), 3, recorded=False)
    other = X.copy()
    other[21] += 1
    story = cr.explain(model, other, Y)
    with pytest.raises(DataError, match=r"not the data of the training.*epoch 1 had the loss"):
        story.at(0)
    with pytest.raises(DataError, match=r"had 22 samples, and X gives 5"):
        cr.explain(model, X[:5], Y[:5]).at(0)
    assert cr.explain(model, X, Y).at(0).rows.shape == (8,)


def test_data_changed_in_place_are_noticed():
    x = X.copy()
    model = fit(small(), 2, x)
    x[0] += 1
    with pytest.raises(DataError, match=r"changed since"):
        cr.explain(model, X, Y).at(3)


def test_steps_that_do_not_exist():
    story = cr.explain(small().build(3), X, Y)
    with pytest.raises(SettingError, match=r"has not been trained"):
        story.at(0)
    story = cr.explain(fit(small(), 2), X, Y)
    for step in (6, -7, 99):
        with pytest.raises(SettingError, match=r"step"):
            story.at(step)
    with pytest.raises(SettingError, match=r"whole number"):
        story.at(1.5)
    with pytest.raises(SettingError, match=r"a function has no training"):
        cr.explain(lambda w: np.sum(w * w), np.ones(2)).at(0)
    model = fit(small(), 1, recorded=False, sample_weight=np.arange(1.0, 23.0))
    with pytest.raises(SettingError, match=r"weights of samples.*RecordSteps"):
        cr.explain(model, X, Y).at(0)
