"""The public surface, line by line: names, shapes and meanings that users rely on."""

import inspect

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(7)
X = RNG.normal(size=(20, 2)).astype(np.float32)
T = (X[:, :1] * X[:, 1:] + 0.1).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)


def regressor(**settings) -> cr.Model:
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1))
    return cr.Model(net, **({"loss": "mean_squared_error", "optimizer": cr.SGD(0.1)} | settings))


def quiet_fit(model: cr.Model, *data, **settings) -> cr.History:
    return model.fit(*data, progress=False, **settings)


def test_parameters_are_named_by_position() -> None:
    net = cr.Sequential(
        cr.Dense(4), cr.Tanh(), cr.Dense(3, bias=False), cr.Sequential(cr.Dense(2)), cr.BatchNorm()
    )
    model = cr.Model(net, loss="mean_squared_error").build((5,))
    shapes = {name: value.shape for name, value in model.params.items()}
    assert shapes == {
        "0.weight": (5, 4),
        "0.bias": (4,),
        "2.weight": (4, 3),
        "3.0.weight": (3, 2),
        "3.0.bias": (2,),
        "4.scale": (2,),
        "4.bias": (2,),
    }
    assert set(model.state) == {"4.mean", "4.variance"}


def test_dense_computes_x_weight_plus_bias() -> None:
    model = cr.Model(cr.Dense(3), loss="mean_squared_error").build((2,))
    model.set_params({"bias": np.array([1.0, 2.0, 3.0])})
    expected = X @ model.params["weight"] + np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("activation", [cr.ReLU, cr.LeakyReLU, cr.ELU, cr.GELU, cr.SiLU])
def test_weights_before_a_relu_of_any_sort_begin_as_hes(activation) -> None:
    wide = cr.Sequential(cr.Dense(400), activation(), cr.Dense(400), cr.Tanh())
    params, _ = wide.init((300,), seed=0)
    assert np.std(params["0.weight"]) == pytest.approx(np.sqrt(2 / 300), rel=0.02)
    limit = np.sqrt(6 / 800)
    assert np.abs(params["2.weight"]).max() == pytest.approx(limit, rel=0.01)
    assert not params["0.bias"].any()


def test_the_functional_form_is_the_model() -> None:
    model = regressor().build((2,))
    params, state = model.net.init((2,), seed=0)
    y, state = model.net(params, state, X, training=False, key=None)
    np.testing.assert_allclose(y, model.predict(X), rtol=1e-5, atol=1e-6)
    optimizer = cr.Adam()
    grads = cr.grad(lambda p: np.mean(model.net(p, {}, X)[0] ** 2))(params)
    new, _ = optimizer.update(params, grads, optimizer.init(params))
    assert new.keys() == params.keys()


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps_before_their_updates() -> None:
    model = regressor().build((2,))
    losses, norms = [], []
    params = model.params
    for rows in (slice(0, 8), slice(8, 16), slice(16, 20)):  # the last batch is smaller

        def loss(p, rows=rows):
            return np.mean((model.net(p, {}, X[rows])[0] - T[rows]) ** 2)

        value, slopes = cr.value_and_grad(loss)(params)
        losses.append(value)
        norms.append(np.sqrt(sum(np.sum(g**2) for g in slopes.values())))
        params = {name: params[name] - np.float32(0.1) * slopes[name] for name in params}
    history = quiet_fit(model, X, T, epochs=1, batch_size=8, shuffle=False)
    assert history.loss == pytest.approx([np.mean(losses)], rel=1e-5)
    assert history.gradient_norm == pytest.approx([np.mean(norms)], rel=1e-5)
    for name, value in model.params.items():
        np.testing.assert_allclose(value, params[name], rtol=1e-4, atol=1e-6)


def test_the_gradient_norm_is_that_before_clipping() -> None:
    free, clipped = regressor(), regressor(optimizer=cr.SGD(0.1, clip_norm=1e-3))
    norms = [quiet_fit(m, X, T, epochs=1, batch_size=None).gradient_norm for m in (free, clipped)]
    assert norms[0] == pytest.approx(norms[1])


def test_targets_of_one_axis_and_of_one_column_are_the_same() -> None:
    flat, column = regressor(), regressor()
    assert quiet_fit(flat, X, T[:, 0], epochs=3).loss == quiet_fit(column, X, T, epochs=3).loss


def test_weighted_losses_are_divided_by_the_sum_of_weights() -> None:
    weights = np.arange(20.0)
    model = regressor().build((2,))
    error = (model.predict(X) - T)[:, 0] ** 2
    found = model.evaluate(X, T, sample_weight=weights)["loss"]
    assert found == pytest.approx(np.sum(weights * error) / np.sum(weights), rel=1e-5)


def test_weights_of_two_are_samples_twice() -> None:
    once, twice = regressor(), regressor()
    weights = np.where(np.arange(20) < 5, 2.0, 1.0)
    first = quiet_fit(once, X, T, epochs=4, batch_size=None, sample_weight=weights)
    doubled = np.concatenate([X, X[:5]]), np.concatenate([T, T[:5]])
    second = quiet_fit(twice, *doubled, epochs=4, batch_size=None)
    assert first.loss == pytest.approx(second.loss, rel=1e-5)


def test_class_weights_weigh_the_samples_of_a_class() -> None:
    net = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(3))
    by_class, by_sample = (cr.Model(net, "cross_entropy", cr.SGD(0.1)) for _ in range(2))
    table = {0: 1.0, 1: 3.0, 2: 0.5}
    first = quiet_fit(by_class, X, LABELS, epochs=3, batch_size=None, class_weight=table)
    weights = np.array([table[label] for label in LABELS])
    second = quiet_fit(by_sample, X, LABELS, epochs=3, batch_size=None, sample_weight=weights)
    assert first.loss == second.loss


def test_penalties_add_to_the_loss() -> None:
    plain = cr.Model(cr.Dense(1), "mean_squared_error").build((2,))
    fined = cr.Model(cr.Dense(1, l1=0.5, l2=0.25), "mean_squared_error").build((2,))
    fined.set_params(plain.params)
    weight = plain.params["weight"]
    extra = 0.5 * np.abs(weight).sum() + 0.25 * np.square(weight).sum()
    difference = fined.evaluate(X, T)["loss"] - plain.evaluate(X, T)["loss"]
    assert difference == pytest.approx(extra, rel=1e-5)
    slope = fined.gradients(X, T)["weight"] - plain.gradients(X, T)["weight"]
    np.testing.assert_allclose(slope, 0.5 * np.sign(weight) + 0.5 * weight, rtol=1e-4, atol=1e-6)


def test_a_second_fit_goes_on_from_the_first() -> None:
    settings = {"loss": "mean_squared_error", "optimizer": cr.Adam(0.01)}
    whole, parts = regressor(**settings), regressor(**settings)
    straight = quiet_fit(whole, X, T, epochs=6, batch_size=8)
    first = quiet_fit(parts, X, T, epochs=2, batch_size=8)
    second = quiet_fit(parts, X, T, epochs=4, batch_size=8)
    assert straight.loss == first.loss + second.loss
    for name, value in whole.params.items():
        np.testing.assert_array_equal(value, parts.params[name])


def test_reset_starts_again() -> None:
    model = regressor()
    first = quiet_fit(model, X, T, epochs=3, batch_size=8)
    assert quiet_fit(model.reset(), X, T, epochs=3, batch_size=8).loss == first.loss


def test_the_seed_decides_everything() -> None:
    def losses(seed: int) -> list[float]:
        net = cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dropout(0.3), cr.Dense(1))
        model = cr.Model(net, "mean_squared_error", "adam", seed=seed)
        return quiet_fit(model, X, T, epochs=3, batch_size=8).loss

    assert losses(3) == losses(3) != losses(4)


def test_a_validation_share_is_stratified_and_by_the_seed() -> None:
    net = cr.Sequential(cr.Dense(3))
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    x = RNG.normal(size=(100, 2))
    histories = [
        quiet_fit(cr.Model(net, "cross_entropy"), x, labels, epochs=2, validation_split=0.2)
        for _ in range(2)
    ]
    assert histories[0].validation_loss == histories[1].validation_loss
    assert len(histories[0].validation_loss) == 2
    assert set(histories[0].metrics) == {"validation_accuracy"}


def test_early_stopping_restores_the_best_weights() -> None:
    model = regressor(optimizer=cr.SGD(0.5))
    noise = RNG.normal(size=(20, 1)).astype(np.float32)
    stop = cr.EarlyStopping(patience=5)
    history = quiet_fit(
        model, X, T, epochs=400, batch_size=4, validation_data=(X, noise), callbacks=[stop]
    )
    assert len(history) < 400
    assert history.stopped
    best = min(history.validation_loss)
    assert model.evaluate(X, noise)["loss"] == pytest.approx(best, rel=1e-6)


def test_what_the_loss_implies() -> None:
    net = cr.Sequential(cr.Dense(3))
    model = cr.Model(net, "cross_entropy").build((2,))
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict_classes(X), p.argmax(axis=1))
    binary = cr.Model(cr.Dense(1), "binary_cross_entropy_with_logits").build((2,))
    np.testing.assert_allclose(
        binary.predict_proba(X), 1 / (1 + np.exp(-binary.predict(X))), rtol=1e-6
    )
    np.testing.assert_array_equal(binary.predict_classes(X), binary.predict(X)[:, 0] > 0)


def test_gradients_are_named_and_shaped_like_params() -> None:
    model = regressor(dtype="float64").build((2,))
    slopes = model.gradients(X, T)
    assert {n: g.shape for n, g in slopes.items()} == {n: p.shape for n, p in model.params.items()}
    step = 1e-6
    for name, value in model.params.items():
        nudge = np.zeros_like(value)
        nudge.flat[0] = step
        up, down = (
            cr.Model(model.net, "mean_squared_error", dtype="float64").build((2,)) for _ in "ud"
        )
        up.set_params(model.params | {name: value + nudge})
        down.set_params(model.params | {name: value - nudge})
        difference = up.evaluate(X, T)["loss"] - down.evaluate(X, T)["loss"]
        assert slopes[name].flat[0] == pytest.approx(difference / (2 * step), rel=1e-6, abs=1e-9)


def test_a_loss_may_be_a_function() -> None:
    named = regressor()
    own = regressor(loss=lambda prediction, target: np.mean((prediction - target) ** 2))
    assert quiet_fit(named, X, T, epochs=3).loss == pytest.approx(
        quiet_fit(own, X, T, epochs=3).loss, rel=1e-6
    )


def test_ctrl_c_keeps_the_weights_so_far() -> None:
    def interrupt(model, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model, other = regressor(), regressor()
    history = quiet_fit(model, X, T, epochs=50, callbacks=[interrupt])
    assert history.stopped == "interrupted"
    quiet_fit(other, X, T, epochs=3)
    for name, value in model.params.items():
        np.testing.assert_array_equal(value, other.params[name])


def test_run_trains_two_networks_against_each_other() -> None:
    """A GAN on numbers: a generator that shifts noise, a critic that tells it from data."""
    make, judge = cr.Sequential(cr.Dense(1)), cr.Sequential(cr.Dense(8), cr.Tanh(), cr.Dense(1))
    maker, _ = make.init((1,), seed=1)
    critic, _ = judge.init((1,), seed=2)
    optimizer = cr.Adam(0.01)
    data = (RNG.normal(size=(256, 1)) + 3).astype(np.float32)
    noise = RNG.normal(size=(256, 1)).astype(np.float32)

    def step(state, batch):
        maker, critic, maker_state, critic_state = state
        real, z = batch

        def critic_loss(critic):
            fake = make(maker, {}, z)[0]
            score = np.logaddexp(0, -judge(critic, {}, real)[0])
            return np.mean(score) + np.mean(np.logaddexp(0, judge(critic, {}, fake)[0]))

        def maker_loss(maker):
            return np.mean(np.logaddexp(0, -judge(critic, {}, make(maker, {}, z)[0])[0]))

        loss, slopes = cr.value_and_grad(critic_loss)(critic)
        critic, critic_state = optimizer.update(critic, slopes, critic_state)
        _, slopes = cr.value_and_grad(maker_loss)(maker)
        maker, maker_state = optimizer.update(maker, slopes, maker_state)
        return (maker, critic, maker_state, critic_state), loss

    state = (maker, critic, optimizer.init(maker), optimizer.init(critic))
    before = float(np.mean(make(maker, {}, noise)[0]))
    (maker, *_), losses = cr.run(step, state, (data, noise), 600, batch_size=64)
    assert losses.shape == (600,)
    after = float(np.mean(make(maker, {}, noise)[0]))
    assert abs(after - 3) < 0.5 * abs(before - 3)


def test_the_signature_of_fit() -> None:
    parameters = inspect.signature(cr.Model.fit).parameters
    names = [
        "self",
        "X",
        "y",
        "epochs",
        "batch_size",
        "shuffle",
        "validation_data",
        "validation_split",
    ]
    names += ["sample_weight", "class_weight", "callbacks", "progress"]
    assert list(parameters) == names
    assert parameters["batch_size"].default == 32
    assert parameters["shuffle"].default is True


def test_silence_when_asked(capsys) -> None:
    quiet_fit(regressor(), X, T, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_summary_and_repr() -> None:
    model = regressor().build((2,))
    assert "17" in model.summary()
    assert "Dense(units=4)" in repr(model)
    assert eval(repr(model.net), vars(cr) | {n: getattr(cr, n) for n in cr.__all__}) == model.net
