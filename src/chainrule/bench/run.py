"""Choose rows and peers, measure them all, and gather the report."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chainrule.bench import functions, interleave, machine, rows, start
from chainrule.bench.cores import Cores
from chainrule.bench.interleave import FULL, QUICK, Effort
from chainrule.bench.peers import OURS_ALONE, PEERS
from chainrule.bench.report import Report
from chainrule.bench.rows import PEAK, Row
from chainrule.engines import engine
from chainrule.errors import UnknownNameError

GROUPS: dict[str, tuple[Row, ...]] = {
    "training": rows.TRAINING,
    "prediction": (*rows.PREDICTION, start.ROW),
    "functions": functions.ROWS,
}
ALL = tuple(row for group in GROUPS.values() for row in group)


@dataclass(frozen=True)
class Choice:
    """What is measured, with whom, and how."""

    rows: Sequence[Row]
    peers: Sequence[str]
    threads: int = 2
    quick: bool = False
    rounds: int | None = None
    engine: str | None = None
    command: str = "chainrule bench"

    @property
    def effort(self) -> Effort:
        effort = QUICK if self.quick else FULL
        return effort if self.rounds is None else replace(effort, rounds=self.rounds)


def choose_rows(names: Sequence[str], drawn: int = 0, seed: int = 0) -> list[Row]:
    """Rows and groups of rows by name (none: all of them), then some drawn at random."""
    found: list[Row] = []
    for name in names:
        if name in GROUPS:
            found += GROUPS[name]
        elif name in (known := {row.name: row for row in ALL}):
            found.append(known[name])
        else:
            raise UnknownNameError("row", name, [*GROUPS, *known])
    if not names and not drawn:
        found = list(ALL)
    return [*dict.fromkeys(found), *rows.drawn(seed, drawn)]


def choose_peers(names: Sequence[str]) -> list[str]:
    """Ours, then these peers; all where none is named. `none` leaves ours alone."""
    if not names:
        return list(PEERS)
    if list(names) == ["none"]:
        names = []
    for name in names:
        if name not in PEERS:
            raise UnknownNameError("peer", name, [*PEERS, "none"])
    return [name for name, peer in PEERS.items() if peer.ours or name in names]


def measure(
    choice: Choice,
    tell: Callable[[str], None] = lambda text: None,
    each: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Measure everything; `tell` hears what goes on, `each` the report after every row.

    Ctrl-C ends it with the rows that are finished.
    """
    report = Report(
        command=choice.command,
        machine=machine.processor(),
        versions=machine.versions(list(choice.peers)),
        date=datetime.now(UTC).date().isoformat(),
        threads=choice.threads,
        engine=engine(choice.engine).__name__.split(".")[2],
        parity_steps=choice.effort.parity_steps,
        load=machine.load(),
        peak=_peak(choice, tell),
        cores=(),
        outcomes=(),
    )
    alone = choice.threads == 1  # then ours on one thread is ours
    peers = [name for name in choice.peers if not (alone and name == OURS_ALONE)]
    with suppress(KeyboardInterrupt), ExitStack() as opened:
        cores = None if alone else opened.enter_context(closing(Cores(choice.threads)))
        for row in choice.rows:
            asked = cores.ask() if cores else []
            arguments = (choice.threads, choice.effort, choice.engine, tell)
            if row is start.ROW:
                outcome = start.measure(peers, *arguments)
            else:
                outcome = interleave.measure(row, peers, *arguments)
            outcomes = (*report.outcomes, outcome)
            report = replace(report, outcomes=outcomes, cores=(*report.cores, *asked))
            each(report)
    return report


def _peak(choice: Choice, tell: Callable[[str], None]) -> float | None:
    """FLOP a second of one core, as the best BLAS among NumPy's and the peers' has it."""
    with_products = [name for name in ("numpy", "torch") if name in ("numpy", *choice.peers)]
    found = interleave.measure(PEAK, with_products, 1, choice.effort, None, tell)
    return rows.flops(PEAK) / found.best.seconds if found.best else None
