"""`cr.run`: a step repeated over batches, against the same steps in a Python loop."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.losses import LOSSES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3))
Y = X @ np.array([1.0, -2.0, 0.5])


def descent(w, batch):
    """A step of gradient descent on the squared error; the outputs are loss and a count."""
    loss, slope = cr.value_and_grad(lambda w: np.mean((batch["x"] @ w - batch["y"]) ** 2))(w)
    return w - 0.1 * slope, {"loss": loss, "samples": batch["x"].shape[0] + 0.0}


def by_hand(w, x, y):
    error = x @ w - y
    return w - 0.1 * 2 * x.T @ error / len(x), np.mean(error**2)


@pytest.mark.parametrize("batch_size", [None, 10, 5, 4, 1])
def test_steps_in_the_order_of_the_samples(batch_size):
    """Batches have one size: where an epoch leaves fewer, the next one fills up."""
    data = {"x": X, "y": Y}
    w, outputs = cr.run(descent, np.zeros(3), data, 7, batch_size=batch_size, shuffle=False)
    expected, losses = np.zeros(3), []
    size = batch_size or 10
    for number in range(7):
        rows = (number * size + np.arange(size)) % 10
        expected, loss = by_hand(expected, X[rows], Y[rows])
        losses.append(loss)
    np.testing.assert_allclose(w, expected, rtol=1e-12)
    np.testing.assert_allclose(outputs["loss"], losses, rtol=1e-12)
    np.testing.assert_array_equal(outputs["samples"], np.full(7, float(size)))


def seen(steps, **settings):
    """The numbers of the samples in each batch."""
    _, batches = cr.run(lambda s, batch: (s, batch), 0.0, np.arange(10), steps, **settings)
    return batches


def test_every_epoch_has_each_sample_once_in_an_order_of_its_own():
    batches = seen(15, batch_size=2)
    epochs = batches.reshape(3, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
    # Batches that straddle two epochs belong to both.
    np.testing.assert_array_equal(seen(10, batch_size=3).ravel(), batches.ravel())
    assert not np.array_equal(seen(15, batch_size=2, seed=1), batches)


def test_containers_come_back_as_they_went():
    def step(state, batch):
        count, (a, b) = state
        return (count + 1, [a + np.sum(batch), b * 2.0]), None

    (count, (a, b)), outputs = cr.run(step, (0, [0.0, np.ones(2)]), np.arange(4.0), 3)
    assert (int(count), float(a), b.tolist(), outputs) == (3, 18.0, [8.0, 8.0], None)


def test_no_steps():
    w, outputs = cr.run(descent, np.ones(3), {"x": X, "y": Y}, 0)
    assert w.tolist() == [1.0, 1.0, 1.0]
    assert outputs["loss"].shape == (0,)


def test_it_is_the_same_training_as_fit():
    """The same network, loss, optimizer and start; the outputs are the history's numbers."""
    net, optimizer = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(1)), cr.Adam(0.01)
    loss = LOSSES["mean_squared_error"]
    params, state = net.init((3,), seed=5, dtype="float64")

    def step(carry, batch):
        params, moments = carry
        x, y = batch

        def objective(params):
            return loss(net(params, state, x, training=True)[0], y)

        value, gradients = cr.value_and_grad(objective)(params)
        return optimizer.update(params, gradients, moments), value

    (params, _), losses = cr.run(step, (params, optimizer.init(params)), (X, Y[:, None]), 8)
    model = cr.Model(net, loss=loss, optimizer=optimizer, seed=5, dtype="float64")
    history = model.fit(X, Y, epochs=8, batch_size=None, progress=False)
    np.testing.assert_allclose(losses, history.loss, rtol=1e-12)
    for name, value in model.params.items():
        np.testing.assert_allclose(params[name], value, rtol=1e-10)


def test_two_networks_and_two_optimizers_against_each_other():
    """A generative adversarial network (Goodfellow et al. 2014) learns where a cloud of points is.

    Each network has an optimizer of its own, and the generator's noise a key for every step.
    """
    maker = cr.Sequential(cr.Dense(8), cr.Tanh(), cr.Dense(2))
    judge = cr.Sequential(cr.Dense(16), cr.LeakyReLU(0.2), cr.Dense(1))
    makes, judges = cr.Adam(2e-3, betas=(0.5, 0.999)), cr.Adam(4e-3, betas=(0.5, 0.999))
    loss = LOSSES["binary_cross_entropy_with_logits"]
    centre = np.array([2.0, -1.0])
    points = (centre + 0.3 * RNG.normal(size=(256, 2))).astype(np.float32)
    first, none = maker.init((2,), seed=1)
    second, _ = judge.init((2,), seed=2)

    def step(state, real):
        noise = cr.random.normal(cr.random.fold_in(KEY, state["step"]), (32, 2), dtype="float32")
        ones = np.ones((32, 1), np.float32)

        def fooled(params):
            made, _ = maker(params, none, noise)
            return loss(judge(state["judge"], none, made)[0], ones)

        def told_apart(params):
            made, _ = maker(state["maker"], none, noise)
            right = loss(judge(params, none, real)[0], ones)
            return right + loss(judge(params, none, made)[0], 0 * ones)

        one, slopes = cr.value_and_grad(fooled)(state["maker"])
        other, counter = cr.value_and_grad(told_apart)(state["judge"])
        made, makes_state = makes.update(state["maker"], slopes, state["makes"])
        judged, judges_state = judges.update(state["judge"], counter, state["judges"])
        new = {"maker": made, "judge": judged, "makes": makes_state, "judges": judges_state}
        return new | {"step": state["step"] + 1}, (one, other)

    state = {
        "maker": first,
        "judge": second,
        "makes": makes.init(first),
        "judges": judges.init(second),
        "step": np.array(0),
    }
    state, (one, other) = cr.run(step, state, points, 1500, batch_size=32)
    assert np.isfinite(one).all()
    assert np.isfinite(other).all()
    assert int(state["step"]) == 1500
    before, _ = maker(first, none, RNG.normal(size=(500, 2)).astype(np.float32))
    made, _ = maker(state["maker"], none, RNG.normal(size=(500, 2)).astype(np.float32))
    assert np.linalg.norm(before.mean(axis=0) - centre) > 1.5
    assert np.linalg.norm(made.mean(axis=0) - centre) < 0.3


KEY = cr.random.key(11)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: cr.run(descent, np.zeros(3), {"x": X, "y": Y}, -1), r"run: steps must be a whole"),
        (lambda: cr.run(descent, np.zeros(3), {"x": X, "y": Y}, 2.5), r"run: steps must be a whol"),
        (
            lambda: cr.run(descent, np.zeros(3), {"x": X, "y": Y}, 1, batch_size=0),
            r"run: batch_size must be a whole number, 1 or more, not 0",
        ),
        (
            lambda: cr.run(descent, np.zeros(3), {"x": X, "y": Y}, 1, batch_size=11),
            r"run: batch_size is 11, and there are 10 samples",
        ),
        (
            lambda: cr.run(descent, np.zeros(3), {"x": X, "y": Y[:9]}, 1),
            r"data is arrays with one first axis, of samples; here they have \[9, 10\]",
        ),
        (lambda: cr.run(descent, np.zeros(3), {}, 1), r"data is arrays with one first axis"),
        (
            lambda: cr.run(lambda s, b: s, 0.0, X, 1),
            r"run: the step must return \(state, outputs\)",
        ),
        (
            lambda: cr.run(lambda s, b: ([s], None), 0.0, X, 1),
            r"run: the step returns a state of another structure than it was given",
        ),
        (
            lambda: cr.run(lambda s, b: (s + b[0], None), 0.0, X, 1),
            r"turns a state of float64\[\] into float64\[3\]; it must keep shape and dtype",
        ),
    ],
)
def test_what_cannot_be_run(act, message):
    with pytest.raises(cr.SettingError, match=message):
        act()
