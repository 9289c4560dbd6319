"""The plot: for each row, how many times faster or slower than ours every peer is."""

from typing import TYPE_CHECKING, Any

from chainrule.bench.peers import OURS, PEERS
from chainrule.bench.report import Report, against
from chainrule.plots import BLUE, GREY, INK, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's hues (2008); variants of a library share one and differ in their marker.
_MARKS = {
    "numpy": (GREY, "s"),
    "jax": (ORANGE, "o"),
    "jax-step": (ORANGE, "D"),
    "torch": ("#009E73", "o"),
    "torch.compile": ("#009E73", "D"),
    "sklearn": ("#CC79A7", "^"),
    "onnxruntime": (INK, "v"),
}


def draw(report: Report) -> "Figure | None":
    """A line for each row, a point for each peer; right of the line at 1 we are faster.

    A bar stands where the best peer has to be for the row's goal.

    None where there is no peer to compare with.
    """
    outcomes = [o for o in report.outcomes if o.ratio is not None]
    if not outcomes:
        return None
    with new_figure(9.2, 1.7 + 0.33 * len(outcomes)) as (figure, axes):
        axes.axvline(1, color=INK, linewidth=1.2, zorder=1)
        shown: dict[str, Any] = {}
        for place, outcome in enumerate(outcomes):
            found = {name: against(outcome, name) for name in _MARKS}
            ratios = {name: value for name, value in found.items() if value is not None}
            axes.plot(
                [min([1, *ratios.values()]), max([1, *ratios.values()])],
                [place, place],
                color="#d5d5d5",
                linewidth=1.2,
                zorder=1,
            )
            (goal,) = axes.plot(
                [outcome.row.must],
                [place],
                marker="|",
                color=BLUE,
                markersize=12,
                markeredgewidth=2,
                linestyle="none",
                zorder=2,
            )
            for name, value in ratios.items():
                color, marker = _MARKS[name]
                (shown[name],) = axes.plot(
                    [value],
                    [place],
                    marker=marker,
                    color=color,
                    markersize=6.5,
                    markeredgecolor="white",
                    markeredgewidth=0.6,
                    linestyle="none",
                    zorder=3,
                )
        axes.set_xscale("log")
        axes.set_yticks(range(len(outcomes)), [outcome.row.name for outcome in outcomes])
        axes.set_ylim(len(outcomes) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, 0.5), max(high, 2))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
        axes.set_xlabel(f"time of a peer over that of {OURS}: right of 1, {OURS} is faster")
        names = [name for name in _MARKS if name in shown]
        figure.legend(
            [*(shown[name] for name in names), goal],
            [*(PEERS[name].title for name in names), "the goal for the best peer"],
            loc="outside upper center",
            ncols=min(4, len(names) + 1),
            handletextpad=0.2,
            columnspacing=1.4,
        )
    return figure
