"""What `RecordLayers` measures while a network trains, and the figures of it."""

import math
from itertools import combinations

import numpy as np
import pytest

import chainrule as cr
from chainrule.plots import plot_history
from chainrule.training_plots import _apart, plot_boundary, plot_layers

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def small(**settings) -> cr.Model:
    net = cr.Sequential(cr.Dense(6), cr.ReLU(), cr.Dense(5), cr.Sigmoid(), cr.Dense(2))
    return cr.Model(net, "cross_entropy", cr.Adam(0.01), **settings)


def fit(model, *callbacks, epochs=6) -> cr.History:
    return model.fit(X, Y, epochs=epochs, progress=False, callbacks=callbacks)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_recording_changes_no_bit_of_the_training(engine) -> None:
    plain, recorded = small(engine=engine), small(engine=engine)
    first, second = fit(plain), fit(recorded, cr.RecordLayers(X, Y))
    assert first.loss == second.loss
    assert first.gradient_norm == second.gradient_norm
    for name, value in plain.params.items():
        np.testing.assert_array_equal(value, recorded.params[name])


def test_the_numbers_of_each_layer() -> None:
    model = small(dtype="float64")
    history = fit(model, cr.RecordLayers(X, Y))
    layers = history.layers
    assert list(layers) == ["gradient_norm", "update_ratio", "dead", "saturated"]
    dense = ["0.Dense", "2.Dense", "4.Dense"]
    assert list(layers["gradient_norm"]) == list(layers["update_ratio"]) == dense
    assert list(layers["dead"]) == ["1.ReLU"]
    assert list(layers["saturated"]) == ["3.Sigmoid"]
    assert {len(column) for found in layers.values() for column in found.values()} == {6}
    slopes = model.gradients(X, Y)
    norm = math.hypot(*map(np.linalg.norm, (slopes["2.weight"], slopes["2.bias"])))
    assert layers["gradient_norm"]["2.Dense"][-1] == pytest.approx(norm)
    hidden = np.maximum(X @ model.params["0.weight"] + model.params["0.bias"], 0)
    assert layers["dead"]["1.ReLU"][-1] == np.mean(np.all(hidden == 0, axis=0))
    new, _ = model.optimizer.update(model.params, slopes, model._carry["optimizer"])
    moved = [new[name] - model.params[name] for name in ("2.weight", "2.bias")]
    length = [model.params[name] for name in ("2.weight", "2.bias")]
    expected = math.hypot(*map(np.linalg.norm, moved)) / math.hypot(*map(np.linalg.norm, length))
    assert layers["update_ratio"]["2.Dense"][-1] == pytest.approx(expected)


def test_dead_and_saturated_units_are_counted() -> None:
    net = cr.Sequential(
        cr.Dense(4, initial_bias=np.array([-99.0, 0.0, 0.0, -99.0])),
        cr.ReLU(),
        cr.Dense(2, initial_bias=np.array([99.0, 0.0])),
        cr.Tanh(),
        cr.Dense(2),
    )
    layers = fit(cr.Model(net, "cross_entropy"), cr.RecordLayers(X, Y)).layers
    assert layers["dead"]["1.ReLU"] == [0.5] * 6
    assert layers["saturated"]["3.Tanh"] == [0.5] * 6


def test_every_so_many_epochs() -> None:
    model = small()
    history = fit(model, cr.RecordLayers(X, Y, every=3))
    column = history.layers["gradient_norm"]["0.Dense"]
    assert [math.isnan(value) for value in column] == [True, True, False, True, True, False]
    history = fit(model, cr.RecordLayers(X, Y, every=4, samples=10), epochs=3)
    assert [math.isnan(v) for v in history.layers["dead"]["1.ReLU"]] == [True, False, True]
    assert len(model.history.layers["dead"]["1.ReLU"]) == 9


def test_what_is_recorded_is_saved_and_written(tmp_path) -> None:
    model = small()
    fit(model, cr.Checkpoint(tmp_path / "run"), cr.RecordLayers(X, Y))
    assert cr.load(tmp_path / "run").history.layers == model.history.layers
    model.history.to_csv(tmp_path / "history.csv")
    head = (tmp_path / "history.csv").read_text().splitlines()[0]
    assert "gradient_norm/0.Dense" in head


def test_any_callback_may_add_numbers() -> None:
    def measure(model, epoch, logs):
        logs["largest"] = np.abs(model.params["0.weight"]).max()
        logs["remark"] = "not a number"

    model = small()
    history = fit(model, measure)
    assert len(history.metrics["largest"]) == 6
    assert list(history.metrics) == ["largest"]
    assert model.history.metrics == history.metrics


def test_settings_and_data_are_checked() -> None:
    with pytest.raises(cr.SettingError, match="RecordLayers: every must be a whole number, 1 or m"):
        cr.RecordLayers(X, Y, every=0)
    with pytest.raises(cr.DataError, match="3 features instead of 2"):
        fit(small(), cr.RecordLayers(np.ones((4, 3)), [0, 1, 0, 1]))
    with pytest.raises(cr.SettingError, match=r"callbacks=\[cr.RecordLayers\(X, y\)\]"):
        fit(small()).plot_layers()


# --- figures -------------------------------------------------------------------------------------


def texts(figure) -> list:
    """All that is written, with the rectangles that it takes."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    found = []
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        legend = axes.get_legend()
        parts = [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            parts += [
                tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high
            ]
        parts += legend.get_texts() if legend else []
        shown = [part for part in parts if part.get_text() and part.get_visible()]
        found += [(part.get_text(), part.get_window_extent(renderer)) for part in shown]
    return found


def overlapping(figure) -> list:
    boxes = [(text, box.shrunk(0.98, 0.9)) for text, box in texts(figure)]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


@pytest.mark.parametrize("count", [1, 3, 8, 30])
def test_no_label_covers_another(count) -> None:
    column = np.exp(-np.arange(40) / 20)
    layers = {
        "gradient_norm": {f"{2 * k}.Dense": column * (1 + 0.01 * k) for k in range(count)},
        "update_ratio": {f"{2 * k}.Dense": column * 0.1**k for k in range(count)},
        "dead": {f"{2 * k + 1}.ReLU": 0 * column for k in range(count)},
    }
    figure = plot_layers(layers)
    assert overlapping(figure) == []
    assert [axes.get_yscale() for axes in figure.axes[:3]] == ["log", "log", "linear"]


def test_a_few_spikes_do_not_flatten_the_rest() -> None:
    column = 1 + 0.1 * np.sin(np.arange(200))
    column[3] = 15.0
    left, right = plot_history(column, column).axes
    for axes in (left, right):
        assert axes.get_ylim()[1] < 2
        assert "▲ up to 15" in [text.get_text() for text in axes.texts]
    steady = plot_history(np.linspace(2, 1, 200), np.linspace(2, 1, 200))
    assert [axes.get_ylim()[1] >= 2 for axes in steady.axes] == [True, True]
    assert [text for axes in steady.axes for text in axes.texts] == []


def test_labels_are_moved_apart_in_order() -> None:
    wanted = np.array([0.5, 0.5, 0.51, 0.02, 0.98])
    found = _apart(wanted)
    assert np.diff(np.sort(found)).min() >= 0.06
    assert np.array_equal(np.argsort(found, kind="stable"), np.argsort(wanted, kind="stable"))
    assert found.min() >= -0.05
    assert found.max() <= 1.05


@pytest.mark.parametrize(
    ("outputs", "loss", "target"),
    [
        (1, "binary_cross_entropy_with_logits", Y),
        (2, "cross_entropy", Y),
        (3, "cross_entropy", Y + (X[:, 0] > 1)),
        (7, "cross_entropy", np.arange(90) % 7),
        (1, "hinge", Y),
        (1, "mean_squared_error", X[:, 0] * X[:, 1]),
    ],
)
def test_a_boundary_is_drawn(outputs, loss, target, tmp_path) -> None:
    net = cr.Sequential(cr.Dense(8), cr.Tanh(), cr.Dense(outputs))
    model = cr.Model(net, loss, cr.Adam(0.02))
    model.fit(X, target, epochs=30, progress=False)
    figure = model.plot_boundary(X, target)
    assert overlapping(figure) == []
    axes = figure.axes[0]
    drawn = sum(len(line.get_xdata()) for line in axes.lines) or len(
        axes.collections[-1].get_offsets()
    )
    assert drawn == len(X)
    assert axes.get_xlim()[0] < X[:, 0].min()
    figure.savefig(tmp_path / "boundary.png")


def test_a_boundary_needs_two_inputs_and_one_answer() -> None:
    model = cr.Model(cr.Dense(1), "mean_squared_error")
    with pytest.raises(cr.SettingError, match=r"over two inputs, and X has the shape \(90, 3\)"):
        model.plot_boundary(np.ones((90, 3)), np.ones(90))
    model = cr.Model(cr.Dense(2), "mean_squared_error").build((2,))
    with pytest.raises(cr.SettingError, match=r"gives \(2,\) a sample"):
        plot_boundary(model, X, X)
