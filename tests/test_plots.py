"""The figures show the numbers that they were given, and stay out of everybody's way."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from chainrule import plots
from chainrule.errors import ShapeError

LOSS = [1.0, 0.5, 0.25, 0.3]
NORM = [10.0, 1.0, 0.1, 0.01]


def curves(axes):
    """The drawn lines of more than one point, by label."""
    return {
        line.get_label(): line.get_ydata().tolist()
        for line in axes.lines
        if len(line.get_ydata()) == len(LOSS)
    }


def cells(axes):
    return [text.get_text() for text in axes.texts]


def picture(figure, path):
    figure.savefig(path)
    return imread(path)


def test_loss_and_gradient_norm_stand_side_by_side(tmp_path):
    figure = plots.plot_history(LOSS, NORM)
    left, right = figure.axes
    assert [line.get_ydata().tolist() for line in left.lines] == [LOSS]
    assert [line.get_ydata().tolist() for line in right.lines] == [NORM]
    assert left.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert left.get_position().x1 < right.get_position().x0
    assert left.get_legend() is None
    height, width, _ = picture(figure, tmp_path / "history.png").shape
    assert (width, height) == (12 * plots.DPI, 5 * plots.DPI)


def test_the_validation_loss_and_the_kept_epoch_are_marked():
    validation = [1.1, 0.7, 0.8, 0.9]
    left, right = plots.plot_history(LOSS, NORM, validation, best_epoch=2).axes
    assert curves(left) == {"training": LOSS, "validation": validation}
    for axes in (left, right):
        assert [2, 2] in [list(line.get_xdata()) for line in axes.lines]
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == ["training", "validation", "kept weights"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 0.9, 0.5], "linear"),
        ([1.0, 0.1, 0.01], "log"),
        ([1.0, 0.1, 0.0], "linear"),
        ([5.0, -1.0, 3.0], "linear"),
        ([float("nan"), float("inf")], "linear"),
        ([0.7], "linear"),
    ],
)
def test_the_scale_follows_the_values(values, scale, tmp_path):
    figure = plots.plot_history(values, values)
    assert [axes.get_yscale() for axes in figure.axes] == [scale, scale]
    assert picture(figure, tmp_path / "history.png").min() < 1


def test_the_confusion_matrix_writes_counts_and_colours_shares():
    figure = plots.plot_confusion([[8, 2], [0, 5]], ["no", "yes"])
    (axes,) = figure.axes
    assert cells(axes) == ["8\n80%", "2\n20%", "·", "5\n100%"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2], [0, 1]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["no", "yes"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


@pytest.mark.parametrize(("count", "written", "axes"), [(6, 36, 1), (13, 0, 2), (40, 0, 2)])
def test_many_classes_are_shown_by_colour_alone(count, written, axes, tmp_path):
    names = [f"$a long name$ {number}" for number in range(count)]
    figure = plots.plot_confusion(np.eye(count, dtype=int) * 7, names)
    assert len(cells(figure.axes[0])) == written
    assert len(figure.axes) == axes  # the second explains the colours
    picture(figure, tmp_path / "confusion.png")


def test_a_class_without_rows_is_no_division_by_zero(tmp_path):
    figure = plots.plot_confusion([[3, 0], [0, 0]], ["a", "b"])
    assert np.isfinite(figure.axes[0].images[0].get_array()).all()
    picture(figure, tmp_path / "confusion.png")


def test_predictions_stand_over_the_truth():
    true, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    (axes,) = plots.plot_predictions(true, predicted, "price", "R² 0.9").axes
    diagonal, points = axes.lines
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    np.testing.assert_array_equal(points.get_xdata(), true)
    np.testing.assert_array_equal(points.get_ydata(), predicted)
    assert axes.get_xlim() == axes.get_ylim()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true price", "predicted price")


@pytest.mark.parametrize(
    ("values", "label"),
    [([150_000.0, 812_000.0], "200,000"), ([-4e6, 9e6], "5,000,000"), ([0.1, 0.9], "0.2")],
)
def test_the_numbers_beside_predictions_are_written_out(tmp_path, values, label):
    figure = plots.plot_predictions(values, values)
    picture(figure, tmp_path / "predicted.png")
    (axes,) = figure.axes
    for axis in (axes.xaxis, axes.yaxis):
        assert label in [tick.get_text() for tick in axis.get_ticklabels()]
        assert axis.get_offset_text().get_text() == ""


def test_of_very_many_predictions_an_even_choice_is_drawn(tmp_path):
    values = np.arange(100_000.0)
    figure = plots.plot_predictions(values, values)
    drawn = figure.axes[0].lines[1].get_xdata()
    assert len(drawn) == 5000
    assert (drawn[0], drawn[-1]) == (0, 99_999)
    picture(figure, tmp_path / "predicted.png")


def test_a_single_value_can_be_drawn(tmp_path):
    picture(plots.plot_predictions([2.0], [2.0]), tmp_path / "predicted.png")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.plot_confusion([[1, 2]], ["a", "b"]),
        lambda: plots.plot_predictions([1.0, 2.0], [1.0]),
        lambda: plots.plot_predictions([[1.0]], [[1.0]]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(draw):
    with pytest.raises(ShapeError):
        draw()


def test_the_colours_differ_in_lightness_too():
    """So that print in grey and every kind of colour blindness keep the two curves apart."""

    def lightness(colour):
        red, green, blue = (int(to_hex(colour)[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    assert abs(lightness(plots.BLUE) - lightness(plots.ORANGE)) > 0.05


def test_figures_use_no_global_state_and_no_window():
    program = (
        "import sys\n"
        "from chainrule import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "figure = plots.plot_history([1.0, 2.0], [1.0, 2.0])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib\n"
        "assert matplotlib.rcParams['axes.spines.top'] is True\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_without_matplotlib_one_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from chainrule import plots\n"
        "from chainrule.errors import ChainruleError\n"
        "try:\n    plots.plot_confusion([[1]], ['a'])\n"
        "except ChainruleError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "figures need matplotlib: pip install 'chainrule[plot]'"
