"""The history of a run: its lists, its table and its figure."""

import csv
import math

import matplotlib
import pytest

import chainrule as cr

matplotlib.use("Agg")


@pytest.fixture
def mixed():
    """Two epochs, then one with validation, then one without."""
    history = cr.History()
    history.append(loss=3.0, gradient_norm=1.0)
    history.append(loss=2.5, gradient_norm=0.1 + 0.2)
    history.append(loss=2.0, gradient_norm=0.5, validation_loss=2.25, validation_accuracy=0.5)
    history.append(loss=1.5, gradient_norm=0.25)
    return history


def test_lists_have_an_entry_for_every_epoch(mixed):
    assert len(mixed) == 4
    columns = mixed.columns()
    assert list(columns) == ["loss", "gradient_norm", "validation_loss", "validation_accuracy"]
    assert {len(column) for column in columns.values()} == {4}
    for name in ("validation_loss", "validation_accuracy"):
        assert [math.isnan(value) for value in columns[name]] == [True, True, False, True]
    mixed.append(loss=1.0, gradient_norm=0.1, validation_loss=2.0)
    assert mixed.validation_loss[2::2] == [2.25, 2.0]
    assert math.isnan(mixed.validation_loss[3])


def test_without_validation_there_is_none():
    history = cr.History()
    history.append(loss=3.0, gradient_norm=1.0)
    assert history.validation_loss == []
    assert list(history.columns()) == ["loss", "gradient_norm"]


def test_table(mixed, tmp_path):
    path = tmp_path / "history.csv"
    mixed.to_csv(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [float(row["gradient_norm"]) for row in rows] == mixed.gradient_norm  # to the last bit
    assert [row["validation_loss"] for row in rows] == ["", "", "2.25", ""]
    assert path.read_bytes().count(b"\r") == 0


def test_figure_has_loss_and_gradient_norm_side_by_side(mixed):
    figure = mixed.plot()
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == mixed.loss
    assert right.lines[0].get_ydata().tolist() == mixed.gradient_norm
    assert len(left.lines[1].get_ydata()) == 4
    assert left.get_position().y0 == right.get_position().y0
    assert left.get_position().x1 < right.get_position().x0


def test_nothing_to_plot():
    with pytest.raises(cr.SettingError, match="nothing to plot: no epoch has been trained"):
        cr.History().plot()
