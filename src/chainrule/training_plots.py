"""Figures of a training from within: each layer over the epochs, and what two inputs decide."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import SettingError
from chainrule.plots import BLUE, FAINT, GREY, INK, ORANGE, limit_spikes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

# What each panel shows: its title, what a reader should know, and whether its axis is logarithmic.
_PANELS = {
    "gradient_norm": ("Gradient norm", "of each layer's weights", True),
    "update_ratio": ("Update / weights", "about 0.001 is usual", True),
    "dead": ("Dead units", "share of each layer", False),
    "saturated": ("Saturated units", "share of each layer", False),
}
_LABELLED = 8  # curves in one panel
_SMOOTHED_FROM = 30  # measurements
_CLASS_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7A00")
_GRID = 240
_DRAWN = 1500  # samples over a boundary


def plot_layers(layers: Mapping[str, Mapping[str, Sequence[float]]]) -> "Figure":
    """A panel for each number that was recorded, a curve for each layer, from the first (dark) to
    the last (light); each curve's name stands at its end.

    Of many epochs a running mean is drawn, and what was measured pale behind it.
    """
    shown = [name for name in _PANELS if layers.get(name)]
    shown += [name for name in layers if name not in _PANELS]
    rows = -(-len(shown) // 2)
    with new_figure(12, 4.4 * rows, columns=min(len(shown), 2), rows=rows) as (figure, panels):
        for name, axes in zip(shown, np.ravel(panels), strict=False):
            title, note, is_log = _PANELS.get(name, (name, "", False))
            _panel(axes, layers[name], is_log)
            axes.set_title(title)
            axes.text(
                1,
                1.02,
                note,
                transform=axes.transAxes,
                ha="right",
                va="bottom",
                color=GREY,
                fontsize=10,
            )
        for axes in np.ravel(panels)[len(shown) :]:
            axes.set_visible(False)
    return figure


def _panel(axes: "Axes", curves: Mapping[str, Sequence[float]], is_log: bool) -> None:
    colours = _from_dark_to_light(len(curves))
    ends: list[tuple[str, float, str]] = []
    epochs, everything = 1, []
    for (name, column), colour in zip(curves.items(), colours, strict=True):
        values = np.asarray(column, np.float64)
        if is_log:
            values = np.where(values > 0, values, np.nan)
        places = np.flatnonzero(np.isfinite(values))
        if not len(places):
            continue
        found = values[places]
        everything.append(found)
        if len(found) >= _SMOOTHED_FROM:  # what was measured, and over it what it amounts to
            axes.plot(places + 1, found, color=colour, alpha=0.25, linewidth=1)
            found = _smoothed(found, is_log)
        marker = "o" if len(found) <= 12 else None
        axes.plot(places + 1, found, color=colour, marker=marker, markersize=4)
        ends.append((name, float(found[-1]), colour))
        epochs = max(epochs, len(values))
    axes.set_xlabel("epoch")
    axes.set_xlim(1 - max(0.02 * epochs, 0.25), epochs + max(0.01 * epochs, 0.1))
    axes.locator_params(axis="x", integer=True)
    if not everything:
        return
    if is_log:
        axes.set_yscale("log")
        limit_spikes(axes, np.concatenate(everything))
    else:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _name_curves(axes, ends)


def _smoothed(values: Array, is_log: bool) -> Array:
    """The mean of each value and its neighbours, a tenth of all together; in a logarithmic plot the
    geometric mean."""
    reach = max(1, len(values) // 20)
    scaled = np.log(values) if is_log else values
    total = np.concatenate([[0.0], np.cumsum(scaled)])
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means = (total[high] - total[low]) / (high - low)
    return np.asarray(np.exp(means) if is_log else means)


def _from_dark_to_light(count: int) -> list[str]:
    """Of viridis, which is even for all kinds of colour blindness, without its pale yellow end."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](share)) for share in np.linspace(0, 0.82, max(count, 1))]


def _name_curves(axes: "Axes", ends: list[tuple[str, float, str]]) -> None:
    """Names right of the curves' ends, moved apart so that none covers another."""
    if len(ends) > _LABELLED:  # the first, the last and some between
        chosen = np.unique(np.linspace(0, len(ends) - 1, _LABELLED).round().astype(int))
        ends = [ends[place] for place in chosen]
    to_share = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_share.transform((1, value))[1]) for _, value, _ in ends]
    for (name, _, colour), place in zip(ends, _apart(np.clip(wanted, 0.02, 0.98)), strict=True):
        axes.annotate(
            name,
            (1.0, place),
            xycoords="axes fraction",
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            color=INK,
            fontsize=9.5,
            annotation_clip=False,
        )
        axes.plot(
            [1.0, 1.016],
            [place, place],
            transform=axes.transAxes,
            color=colour,
            linewidth=2.5,
            clip_on=False,
            solid_capstyle="butt",
        )


def _apart(wanted: Array, least: float = 0.062) -> Array:
    """Heights as near as may be to the wanted ones, no two nearer than `least`."""
    order = np.argsort(wanted, kind="stable")
    found = np.asarray(wanted, np.float64)[order]
    for _ in range(200):
        gaps = np.diff(found)
        if len(gaps) == 0 or gaps.min() >= least - 1e-6:
            break
        short = np.maximum(least - gaps, 0) / 2
        found[:-1] -= short
        found[1:] += short
    found += max(0.0, 0.0 - float(found.min())) - max(0.0, float(found.max()) - 1.0)
    result = np.empty_like(found)
    result[order] = found
    return result


# --- two inputs ----------------------------------------------------------------------------------


def plot_boundary(model: Any, X: ArrayLike, y: ArrayLike) -> "Figure":
    """What a network of two inputs answers over the plane, with the samples on it.

    Classes have a colour each, paler where the network is less sure, and a line between them; a
    regression shows its output with lines of equal height.
    """
    points, target = np.asarray(X, np.float64), np.asarray(y)
    if points.ndim != 2 or points.shape[1] != 2:
        raise SettingError(
            f"a boundary is drawn over two inputs, and X has the shape {points.shape}; give two "
            "columns to a network of two inputs"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * np.where(high > low, high - low, 1.0)
    sides = [np.linspace(*pair, _GRID) for pair in zip(low - margin, high + margin, strict=True)]
    grid = np.stack([side.ravel() for side in np.meshgrid(*sides)], axis=-1)
    outputs = np.asarray(model.predict(grid))
    task = getattr(model.loss, "task", "regression")
    if outputs.ndim != 2 or (task != "multiclass" and outputs.shape[1] != 1):
        raise SettingError(
            f"a boundary is drawn of one output or of one class a sample, and this network gives "
            f"{outputs.shape[1:]} a sample"
        )
    rows = np.linspace(0, len(points) - 1, min(len(points), _DRAWN)).astype(int)
    points, target = points[rows], target.reshape(len(target), -1)[rows]
    with new_figure(6.4, 5.4) as (figure, axes):
        axes.grid(False)
        axes.set_xlabel("x₁")
        axes.set_ylabel("x₂")
        axes.set_xlim(sides[0][0], sides[0][-1])
        axes.set_ylim(sides[1][0], sides[1][-1])
        if task == "regression":
            _heights(figure, axes, sides, outputs.reshape(_GRID, _GRID), points, target[:, 0])
        else:
            _areas(axes, sides, _shares(model, outputs), points, _classes(target, task))
    return figure


def _shares(model: Any, outputs: Array) -> Array:
    """The probability of each class on the grid; 0 and 1 where the loss implies none."""
    if model.loss.prediction in ("probabilities", "logits"):
        found: Array = np.asarray(model.loss.probabilities(outputs), np.float64)
        if model.loss.task != "multiclass":
            found = np.hstack([1 - found, found])
        return found
    chosen = np.asarray(model.loss.classes(outputs)).reshape(-1)
    return np.stack([1.0 - chosen, 1.0 * chosen], axis=1)


def _classes(target: Array, task: str) -> Array:
    """The class of each sample, from 0 on."""
    if target.shape[1] > 1:
        target = np.argmax(target, axis=1)[:, None]
    column: Array = target[:, 0] if task == "multiclass" else target[:, 0] > 0.5
    return column.astype(np.int64)


def _areas(
    axes: "Axes", sides: Sequence[Array], shares: Array, points: Array, classes: Array
) -> None:
    from matplotlib.colors import to_rgb

    count = shares.shape[1]
    colours = [_CLASS_COLOURS[place % len(_CLASS_COLOURS)] for place in range(count)]
    rgb = np.array([to_rgb(colour) for colour in colours])
    chosen = shares.argmax(axis=1)
    sure = (shares.max(axis=1) - 1 / count) / (1 - 1 / count)
    strength = (0.10 + 0.45 * sure)[:, None]
    image = (1 - strength) + strength * rgb[chosen]
    extent = (sides[0][0], sides[0][-1], sides[1][0], sides[1][-1])
    axes.imshow(
        image.reshape(_GRID, _GRID, 3),
        origin="lower",
        extent=extent,
        aspect="auto",
        interpolation="bilinear",
    )
    for place in range(count if count > 2 else 1):
        others = np.delete(shares, place, axis=1).max(axis=1)
        lead = (shares[:, place] - others).reshape(_GRID, _GRID)
        if lead.min() < 0 < lead.max():
            axes.contour(*sides, lead, levels=[0.0], colors=[INK], linewidths=1.2)
    markers = "osD^vPX"
    for place in range(count):
        own = points[classes == place]
        axes.plot(
            own[:, 0],
            own[:, 1],
            linestyle="none",
            marker=markers[place % len(markers)],
            color=colours[place],
            markeredgecolor="white",
            markeredgewidth=0.7,
            markersize=6.5,
            label=f"class {place}",
        )
    axes.set_title("Decision boundary")
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=4,
        borderaxespad=0.2,
        handletextpad=0.2,
        columnspacing=1.0,
    )


def _heights(
    figure: "Figure",
    axes: "Axes",
    sides: Sequence[Array],
    heights: Array,
    points: Array,
    target: Array,
) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = (
        float(min(heights.min(), target.min())),
        float(max(heights.max(), target.max())),
    )
    levels = MaxNLocator(12).tick_values(low, high if high > low else low + 1)
    filled = axes.contourf(*sides, heights, levels=levels, cmap="cividis")
    axes.contour(*sides, heights, levels=levels, colors=["white"], linewidths=0.5, alpha=0.6)
    axes.scatter(
        points[:, 0],
        points[:, 1],
        c=target,
        cmap="cividis",
        vmin=levels[0],
        vmax=levels[-1],
        s=34,
        edgecolors="white",
        linewidths=0.8,
    )
    axes.set_title("Output, and the targets of the samples")
    bar = figure.colorbar(filled, ax=axes, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, color=FAINT)
