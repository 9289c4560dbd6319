"""The figures: what a training did, and how good its predictions are.

Each function returns a matplotlib `Figure` that belongs to no window and no global state; show it
by naming it at the end of a notebook's cell, or call its `savefig`. matplotlib is imported when a
figure is made, never before.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import ChainruleError, ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150

# Two hues of Okabe and Ito's palette (2008), which stay apart for all kinds of colour blindness.
BLUE = "#0072B2"
ORANGE = "#D55E00"
INK = "#222222"
GREY = "#8a8a8a"
FAINT = "#e6e6e6"

_STYLE: Any = {  # matplotlib types the keys of this dictionary one by one
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
}

# From this ratio of the largest to the smallest value on, a linear axis shows a flat line.
_LOG_FROM = 20.0
_MARKERS_UP_TO = 12
_LABELLED_CLASSES = 30
_COUNTED_CLASSES = 12
_SHARED_CLASSES = 5
_SCATTERED = 5000


def plot_history(
    loss: Sequence[float],
    gradient_norm: Sequence[float],
    validation_loss: Sequence[float] | None = None,
    best_epoch: int | None = None,
    loss_name: str = "loss",
) -> "Figure":
    """The loss and the norm of the gradient, side by side, one value per epoch.

    `best_epoch`, counted from 1, is marked where it is given: the epoch whose weights were kept.
    """
    validation_loss = validation_loss or []
    with new_figure(12, 5, columns=2) as (figure, (left, right)):
        _curve(left, loss, BLUE, "training")
        if validation_loss:
            _curve(left, validation_loss, ORANGE, "validation")
        left.set_title("Loss")
        left.set_ylabel(loss_name)
        _curve(right, gradient_norm, BLUE, None)
        right.set_title("Gradient norm")
        for axes, drawn in ((left, [*loss, *validation_loss]), (right, list(gradient_norm))):
            axes.set_xlabel("epoch")
            axes.set_xlim(*_epoch_limits(len(loss)))
            axes.xaxis.get_major_locator().set_params(integer=True)
            _choose_scale(axes, drawn)
        if best_epoch is not None:
            for axes in (left, right):
                axes.axvline(best_epoch, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            left.plot([], [], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="kept weights")
        if validation_loss or best_epoch is not None:
            # on the line of the title, where no curve can pass
            left.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
    return figure


def plot_confusion(matrix: ArrayLike, classes: Sequence[str]) -> "Figure":
    """How often each true class (down) was taken for each class (across).

    matrix
        (classes, classes) numbers of rows. A cell's colour is its share of its true class.
    """
    counts = np.asarray(matrix)
    count = len(classes)
    if counts.shape != (count, count):
        raise ShapeError(f"{count} classes need a ({count}, {count}) matrix, not {counts.shape}")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    size = float(np.clip(2.6 + 0.62 * count, 4.2, 10))
    with new_figure(size, size) as (figure, axes):
        axes.grid(False)
        image = axes.imshow(shares, cmap=_blues(), vmin=0, vmax=1)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_title("Confusion matrix")
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if count <= _LABELLED_CLASSES:
            names = [_shortened(name) for name in classes]
            slanted = max(map(len, names)) * count > 45
            axes.set_xticks(
                range(count),
                names,
                rotation=45 if slanted else 0,
                ha="right" if slanted else "center",
                rotation_mode="anchor",
            )
            axes.set_yticks(range(count), names)
        axes.set_xticks(np.arange(1, count) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, count) - 0.5, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(which="minor", color="white", linewidth=1.5)
        if count <= _COUNTED_CLASSES:
            for (row, column), number in np.ndenumerate(counts):
                share = (
                    f"\n{shares[row, column]:.0%}" if number and count <= _SHARED_CLASSES else ""
                )
                axes.text(
                    column,
                    row,
                    f"{number:,}{share}" if number else "·",
                    ha="center",
                    va="center",
                    color="white" if shares[row, column] > 0.55 else INK if number else GREY,
                )
        else:
            bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
            bar.outline.set_visible(False)
            bar.ax.tick_params(length=0)
            bar.set_label("share of the true class")
    return figure


def plot_predictions(
    true: ArrayLike, predicted: ArrayLike, name: str = "", subtitle: str = ""
) -> "Figure":
    """Each row's prediction over its true value; on the diagonal they agree.

    Of very many rows, an even choice is drawn.
    """
    x, y = np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ShapeError(f"true {x.shape} and predicted {y.shape} must be one row of numbers each")
    chosen = np.linspace(0, len(x) - 1, min(len(x), _SCATTERED)).astype(int)
    low = float(min(x.min(), y.min()))
    high = float(max(x.max(), y.max()))
    margin = 0.04 * (high - low) or 1.0
    with new_figure(5.6, 5.4) as (figure, axes):
        limits = (low - margin, high + margin)
        axes.plot(limits, limits, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.plot(
            x[chosen],
            y[chosen],
            linestyle="none",
            marker="o",
            color=BLUE,
            markeredgewidth=0,
            markersize=float(np.clip(60 / np.sqrt(len(chosen) + 1), 2.5, 6)),
            alpha=float(np.clip(25 / np.sqrt(len(chosen) + 1), 0.2, 0.8)),
        )
        axes.set_xlim(*limits)
        axes.set_ylim(*limits)
        axes.set_aspect("equal")
        axes.set_title("Predicted against true" + (f"\n{subtitle}" if subtitle else ""))
        axes.set_xlabel(f"true {_shortened(name, 40)}".rstrip())
        axes.set_ylabel(f"predicted {_shortened(name, 40)}".rstrip())
        if 1e4 <= max(abs(low), abs(high)) < 1e7 and high - low > 10:
            for axis in (axes.xaxis, axes.yaxis):  # 200,000 and not 0.2, with 1e6 in the corner
                axis.get_major_locator().set_params(nbins=5)
                axis.set_major_formatter("{x:,.0f}")
    return figure


@contextmanager
def new_figure(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> Iterator[tuple["Figure", Any]]:
    """A figure in the project's style, laid out when the block ends; sizes in inches."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ModuleNotFoundError as error:
        raise ChainruleError("figures need matplotlib: pip install 'chainrule[plot]'") from error
    with matplotlib.rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.06)
        figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(rows, columns)


def _curve(axes: "Axes", values: Sequence[float], color: str, label: str | None) -> None:
    epochs = np.arange(1, len(values) + 1)
    marker = "o" if len(values) <= _MARKERS_UP_TO else None
    axes.plot(epochs, values, color=color, label=label, marker=marker, markersize=4)


def _epoch_limits(epochs: int) -> tuple[float, float]:
    margin = max(0.02 * epochs, 0.25)
    return 1 - margin, max(epochs, 1) + margin


def _choose_scale(axes: "Axes", values: Sequence[float]) -> None:
    """Logarithmic where the values span orders of magnitude, else linear from 0."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if len(finite) == 0:
        return
    if finite.min() > 0 and finite.max() > _LOG_FROM * finite.min():
        axes.set_yscale("log")
    limit_spikes(axes, finite)
    if axes.get_yscale() == "linear" and finite.min() >= 0:
        axes.set_ylim(bottom=0)


def limit_spikes(axes: "Axes", values: ArrayLike) -> None:
    """Limits of the vertical axis that a few spikes do not decide: what lies beyond is marked at
    the edge, with the number that it reaches."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    is_log = axes.get_yscale() == "log"
    scaled = np.log10(numbers[numbers > 0]) if is_log else numbers
    if len(scaled) < 20:
        return
    low, high = np.quantile(scaled, [0.02, 0.98])
    room = 0.35 * (high - low) + (0.15 if is_log else 1e-12)
    bottom, top = max(float(scaled.min()), low - room), min(float(scaled.max()), high + room)
    margin = 0.05 * (top - bottom) or 0.1
    bottom, top = bottom - margin, top + margin
    axes.set_ylim(*((10.0**bottom, 10.0**top) if is_log else (bottom, top)))
    if scaled.max() > top:
        peak = 10.0 ** scaled.max() if is_log else scaled.max()
        axes.annotate(
            f"▲ up to {peak:.2g}",
            (0.5, 0.985),
            xycoords="axes fraction",
            ha="center",
            va="top",
            color=GREY,
            fontsize=9.5,
        )


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blues", ["#f4f7fa", "#7fb3d5", BLUE])


def _shortened(name: str, most: int = 16) -> str:
    """Cut in the middle, for names that begin alike often differ at their ends."""
    if len(name) > most:
        half = (most - 1) // 2
        name = f"{name[:half]}…{name[-half:]}"
    return name.replace("$", r"\$")  # which would begin a formula
