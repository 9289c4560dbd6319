"""The results as text: on the terminal, as a page of the documentation, and as JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import exp, log
from pathlib import Path
from typing import Any

from chainrule.bench import functions, rows
from chainrule.bench.cores import spread
from chainrule.bench.interleave import PARITY, Measured, Outcome
from chainrule.bench.peers import OURS_ALONE, PEERS
from chainrule.bench.rows import flops

BEGIN, END = "<!-- bench -->", "<!-- end -->"
DRAWN = "drawn-"
NONE, MISSING = "–", "is not installed"
BUSY = 0.3  # load from which it is said that the machine was not ours alone


@dataclass(frozen=True)
class Report:
    """All outcomes, with what is needed to read them."""

    command: str
    machine: str
    versions: str
    date: str
    threads: int
    engine: str
    parity_steps: int
    load: float  # of others, before we began
    peak: float | None  # FLOP a second of one core
    cores: Sequence[float]  # work of all at once over that of one, asked before every row
    outcomes: Sequence[Outcome]

    def group(self, kind: str) -> list[Outcome]:
        return [o for o in self.outcomes if group_of(o.row.name) == kind]

    def mean(self, peer: str | None = None) -> tuple[float, int] | None:
        """The geometric mean over the training rows that count, and of how many it is.

        Of the ratios against one peer, or against the best of each row.
        """
        counted = [row.name for row in rows.TRAINING[: rows.IN_THE_MEAN]]
        return geometric([o for o in self.outcomes if o.row.name in counted], peer)


def group_of(name: str) -> str:
    if name in [row.name for row in functions.ROWS]:
        return "functions"
    if name in [row.name for row in rows.TRAINING]:
        return "training"
    return "drawn" if name.startswith(DRAWN) else "prediction"


def geometric(outcomes: Sequence[Outcome], peer: str | None = None) -> tuple[float, int] | None:
    """The geometric mean of the ratios that there are; against one peer, or the best of each."""
    found = [o.ratio if peer is None else against(o, peer) for o in outcomes]
    logs = [log(ratio) for ratio in found if ratio is not None]
    return (exp(sum(logs) / len(logs)), len(logs)) if logs else None


def against(outcome: Outcome, peer: str) -> float | None:
    """A peer's time over ours."""
    ours, theirs = outcome.ours, outcome.peers.get(peer)
    if ours is None or theirs is None or not theirs.times:
        return None
    return theirs.seconds / ours.seconds


# --- numbers as text -----------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """`1.37 µs`, `13.2 ms`, `0.35 s`: three digits."""
    if seconds <= 0:
        return "0"
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds)} s"


def _three(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"


def ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def _time(found: Measured | None) -> str:
    if found is None or not found.times:
        return "failed" if found is not None and found.failed else NONE
    return duration(found.seconds)


def _rate(report: Report, outcome: Outcome) -> str:
    """GFLOP/s of a core in our program."""
    work = flops(outcome.row) if outcome.row.parts else 0.0
    if not work or outcome.ours is None:
        return NONE
    return f"{work / outcome.ours.seconds / report.threads / 1e9:.1f}"


def _mean_text(found: tuple[float, int] | None, what: str, goal: str) -> str:
    if found is None:
        return ""
    return f"Geometric mean of {what} ({found[1]}): **{found[0]:.2f}**; the goal is {goal}."


# --- tables --------------------------------------------------------------------------------------

Cells = list[list[str]]


def ratios(report: Report, outcomes: Sequence[Outcome]) -> Cells:
    """The table that is held against the goals; its first line is the head."""
    head = ["row", "chainrule", "best peer", "", "ratio", "must", "aim", "differ by"]
    further = [
        ("GFLOP/s a core", [_rate(report, o) for o in outcomes]),
        (f"{report.threads} threads over 1", [ratio(o.speedup) for o in outcomes]),
    ]
    further = [(title, cells) for title, cells in further if set(cells) != {NONE}]
    lines = [[*head, *(title for title, _ in further)]]
    for place, o in enumerate(outcomes):
        best = o.best
        mark = "" if o.agree else " ≠"
        lines.append(
            [
                o.row.name + mark,
                _time(o.ours),
                _time(best),
                PEERS[best.peer].title if best else "",
                ratio(o.ratio),
                f"{o.row.must:g}",
                f"{o.row.aim:g}" if o.row.aim > o.row.must else "",
                NONE if o.farthest is None else f"{o.farthest:.0e}",
                *(cells[place] for _, cells in further),
            ]
        )
    return lines


def everyone(outcomes: Sequence[Outcome], value: Any = _time) -> Cells:
    """One column for each peer that took part in any of these rows."""
    names = [n for n in PEERS if any(n in o.peers and o.peers[n].times for o in outcomes)]
    names = [name for name in names if name != OURS_ALONE]
    lines = [["row", *(PEERS[name].title for name in names)]]
    lines += [[o.row.name, *(value(o.peers.get(name)) for name in names)] for o in outcomes]
    return lines


def compile_times(outcomes: Sequence[Outcome]) -> Cells:
    """The second column is ours where compiled code is on the disk."""
    found = [o for o in outcomes if any(m.unit and m.times for m in o.peers.values())]
    lines = everyone(found, lambda m: duration(m.compiling) if m and m.times else NONE)
    loading = [o.ours.loading if o.ours else None for o in found]
    cells = [NONE if seconds is None else duration(seconds) for seconds in loading]
    for line, cell in zip(lines, ["from its cache", *cells], strict=True):
        line.insert(2, cell)
    return lines


def memories(outcomes: Sequence[Outcome]) -> Cells:
    found = [o for o in outcomes if any(m.memory for m in o.peers.values())]
    return everyone(found, lambda m: f"{m.memory / 2**20:.0f} MB" if m and m.memory else NONE)


def absent(outcomes: Sequence[Outcome]) -> list[str]:
    """Which packages are not installed, and what failed where."""
    everything = [m for outcome in outcomes for m in outcome.peers.values()]
    missing = sorted({m.reason for m in everything if m.reason.endswith(MISSING)})
    return missing + [
        f"{PEERS[m.peer].title} on {outcome.row.name} failed: {m.reason}"
        for outcome in outcomes
        for m in outcome.peers.values()
        if m.failed
    ]


# --- markdown ------------------------------------------------------------------------------------


def markdown(report: Report, picture: str | None) -> str:
    """The part of a page between the marks."""
    parts = [
        f"```sh\n{report.command}\n```",
        f"Measured on {report.date}: {report.machine}; {report.versions}; engine {report.engine}, "
        f"float32, {report.threads} threads for everyone."
        + _peak_text(report)
        + _cores(report)
        + _load(report),
        "A ratio is the time of the best peer over ours. Peers differ by at most what is stated: "
        f"relative, of the losses of {report.parity_steps} steps (or of one epoch, where that is "
        "longer) from the same weights on the same batches, or of predictions, or of values and "
        "gradients; rows where this is more than "
        f"{PARITY:g} are marked ≠.",
    ]
    if picture:
        parts.append(f"![The best peer's time over ours, row by row]({picture})")
    parts += _section(report, "training", "Training, per step")
    parts += _section(report, "prediction", "Prediction and start")
    parts += _section(report, "functions", "Value and gradient of NumPy functions")
    parts += _section(report, "drawn", "Networks drawn at random")
    missing = absent(report.outcomes)
    if missing:
        parts.append("Left out. " + "; ".join(missing) + ".")
    return "\n\n".join(parts) + "\n"


def _peak_text(report: Report) -> str:
    if report.peak is None:
        return ""
    return (
        f" The fastest product of two 1024×1024 matrices that a peer's BLAS makes on one core runs "
        f"at {report.peak / 1e9:.0f} GFLOP/s."
    )


def _cores(report: Report) -> str:
    if not report.cores:
        return ""
    middle, low, high = spread(report.cores)
    return (
        f" Asked before every row, {report.threads} processes at once made {middle:.2f} times as "
        f"many products of matrices as one alone ({low:.2f} to {high:.2f}, but for a tenth at "
        "either end); threads can hardly bring more than that."
    )


def _load(report: Report) -> str:
    if report.load < BUSY:
        return ""
    return f" Others used the machine as well: its load was {report.load:.1f} before we began."


def _section(report: Report, kind: str, title: str) -> list[str]:
    outcomes = report.group(kind)
    if not outcomes:
        return []
    parts = [f"## {title}", _listing(outcomes), table(ratios(report, outcomes))]
    if kind == "training":
        means = [
            _mean_text(report.mean(), "the rows before simplechains", "2.05, better 2.8"),
            _mean_text(report.mean("torch"), "the same over PyTorch eager", "10"),
        ]
        parts.append(" ".join(filter(None, means)))
    elif kind != "prediction":  # whose rows have nothing in common
        goal = f"{outcomes[0].row.must:g}" + (" for each" if kind == "drawn" else "")
        parts.append(_mean_text(geometric(outcomes), "these rows", goal))
    if len(everyone(outcomes)[0]) > 2:
        parts += ["Time of each:", table(everyone(outcomes))]
    parts += ["What the first call takes beyond its steps:", table(compile_times(outcomes))]
    parts += ["Peak memory of the process:", table(memories(outcomes))]
    return [part for part in parts if part]


def _listing(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(f"- {o.row.name}: {o.row.about}" for o in outcomes)


def table(lines: Cells) -> str:
    rule = [":---", *("---:" for _ in lines[0][1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def written(page: str | None, part: str) -> str:
    """A page with its part between the marks replaced; a new page where there was none."""
    if page is None:
        page = f"# Performance\n\n{BEGIN}\n{END}\n"
    marked = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", flags=re.S)
    if not marked.search(page):
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    return marked.sub(lambda found: f"{found[1]}\n{part}\n{found[2]}", page)


def write(report: Report, path: Path) -> None:
    """The page, and its plot in the folder `images` beside it where matplotlib is installed."""
    from chainrule.bench.figure import draw

    pictures = path.parent / "images"
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = draw(report) if find_spec("matplotlib") else None
    if drawn is not None:
        pictures.mkdir(exist_ok=True)
        drawn.savefig(pictures / f"{path.stem}.png")
        drawn.savefig(pictures / f"{path.stem}.svg", metadata={"Date": None})
    picture = f"images/{path.stem}.png" if drawn is not None else None
    page = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(written(page, markdown(report, picture)), encoding="utf-8")


def as_json(report: Report) -> dict[str, Any]:
    """Every number, for programs."""
    mean = report.mean()
    return {
        "machine": report.machine,
        "versions": report.versions,
        "threads": report.threads,
        "engine": report.engine,
        "load": report.load,
        "peak_flops_per_core": report.peak,
        "cores_at_once": list(report.cores),
        "geometric_mean": mean and mean[0],
        "rows": [
            {
                "name": o.row.name,
                "about": o.row.about,
                "ratio": o.ratio,
                "must": o.row.must,
                "aim": o.row.aim,
                "agree": o.agree,
                "flops": flops(o.row) if o.row.parts else None,
                "peers": {
                    m.peer: {
                        "seconds": m.seconds if m.times else None,
                        "times": m.times,
                        "first_call_seconds": m.first,
                        "first_call_steps": m.unit,
                        "first_call_from_cache_seconds": m.cached,
                        "peak_bytes": m.memory,
                        "difference": o.difference(m.peer),
                        "reason": m.reason or None,
                    }
                    for m in o.peers.values()
                },
            }
            for o in report.outcomes
        ],
    }
