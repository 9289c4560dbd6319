"""`chainrule bench`: how fast chainrule is here, beside the peers that are installed."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.bench.interleave import Outcome
    from chainrule.bench.report import Report


@click.command("bench", short_help="Measure training and prediction, beside installed peers.")
@click.option("--rows", default="", help="Rows or groups, by comma: training, prediction, xor, …")
@click.option("--peers", default="", help="Peers, by comma: numpy, jax, torch, …; or none.")
@click.option("--threads", default=2, type=click.IntRange(1), show_default=True)
@click.option("--quick", is_flag=True, help="Short blocks and few rounds: a first impression.")
@click.option("--rounds", type=click.IntRange(1), help="Blocks of each peer [default: 9].")
@click.option("--engine", type=click.Choice(["native", "numpy"]), help="Ours [default: the best].")
@click.option("--random", "drawn", default=0, help="So many networks drawn at random.")
@click.option("--seed", type=click.IntRange(0), help="Which ones [default: new ones].")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A Markdown page for the tables; the plot goes into `images` beside it.",
)
@click.option("--json", "as_json", is_flag=True, help="Every number as JSON.")
def command(
    rows: str,
    peers: str,
    threads: int,
    quick: bool,
    rounds: int | None,
    engine: str | None,
    drawn: int,
    seed: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Time training steps, predictions and gradients, and compare with what is installed.

    Every peer computes the same from the same weights, in a process of its own, in turn with the
    others. Peers that are not installed are left out: pip install 'chainrule[bench]' has them.
    """
    from chainrule.bench import report as text
    from chainrule.bench import run
    from chainrule.cli.terminal import answers, remarks

    seed = int(time.time()) % 10_000 if seed is None else seed
    chosen = run.Choice(
        run.choose_rows(_names(rows), drawn, seed),
        run.choose_peers(_names(peers)),
        threads,
        quick,
        rounds,
        engine,
        _again(rows, peers, threads, quick, rounds, engine, drawn, seed, out),
    )
    console = answers()

    def after_a_row(report: "Report") -> None:
        if not as_json:
            _show(console, report.outcomes[-1])
        if out is not None:  # each time: an hour's work is not lost with its last minute
            text.write(report, out)

    with remarks().status("begin") as status:
        report = run.measure(chosen, status.update, after_a_row)
    if as_json:
        click.echo(json.dumps(text.as_json(report), indent=2))
    else:
        _summary(console, report)


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _again(
    rows: str,
    peers: str,
    threads: int,
    quick: bool,
    rounds: int | None,
    engine: str | None,
    drawn: int,
    seed: int,
    out: Path | None,
) -> str:
    """The command as it stands in the page."""
    pairs = [
        ("--rows", rows),
        ("--peers", peers),
        ("--threads", str(threads)),
        ("--rounds", str(rounds or "")),
        ("--engine", engine),
        ("--random", str(drawn) if drawn else ""),
        ("--seed", str(seed) if drawn else ""),
        ("--out", _shown_path(out)),
    ]
    words = [word for name, value in pairs if value for word in (name, value)]
    return " ".join(["python -m chainrule bench", *words, *(["--quick"] if quick else [])])


def _shown_path(path: Path | None) -> str:
    """Without the folders of this machine."""
    if path is None:
        return ""
    return path.name if path.is_absolute() else path.as_posix()


def _show(console: "Console", outcome: "Outcome") -> None:
    """A row on a line: our time, who is best, their time, the ratio."""
    from chainrule.bench import report as text
    from chainrule.bench.peers import OURS, PEERS

    ours, best = outcome.ours, outcome.best
    line = f"{outcome.row.name:22}{text.duration(ours.seconds) if ours else text.NONE:>10}"
    if ours is None:
        line += f"  {outcome.peers[OURS].reason}"
    if best is not None:
        title = PEERS[best.peer].title
        line += f"  {title:20}{text.duration(best.seconds):>10}{text.ratio(outcome.ratio):>8}"
    console.print(line + ("" if outcome.agree else "  ≠"))


def _summary(console: "Console", report: "Report") -> None:
    from chainrule.bench import report as text

    mean = report.mean()
    if mean is not None:
        console.print(f"\ngeometric mean of {mean[1]} training rows: {mean[0]:.2f}")
    for line in text.absent(report.outcomes):
        console.print(line, style="dim")
    console.print(f"{report.machine}; {report.versions}", style="dim")
