"""Rounds over the peers of a row: each round times a block of every one of them in turn.

A machine that others share, or that changes its clock, then slows all peers alike. Each peer is a
process of its own, so that neither memory nor pools of threads are shared.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from chainrule.bench.peers import ENGINE, OURS, OURS_ALONE, PEERS
from chainrule.bench.rows import PARITY_STEPS, Row

SETTLE_SECONDS = 0.25  # after a block: pools of threads look for more work, some for 0.1 s
# The relative difference of losses up to which two peers did the same. Adam's first steps are as
# long as its rate even where a gradient is nothing but rounding, and wide networks carry that on.
PARITY = 1e-2
ENDS_IN_SECONDS = 5.0

# Read when a library is loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS")
# The first two would run everybody's matrix products with the kernels of another processor; with
# the last, every start would compile a checkout's Python, and what is installed has its bytecode.
_LEFT_OUT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Effort:
    """How long everything takes."""

    rounds: int = 9
    starts: int = 3  # processes, of whose first calls the median stands
    seconds: float = 0.3
    parity_steps: int = PARITY_STEPS


FULL, QUICK = Effort(), Effort(rounds=3, starts=1, seconds=0.05, parity_steps=20)


@dataclass
class Measured:
    """One peer on one row; a `reason` stands where it was left out or failed."""

    peer: str
    times: list[float] = field(default_factory=list)  # seconds per step, one a round
    first: float = 0.0  # seconds of the first call, with its compilation
    unit: int = 0  # steps of that call
    cached: float | None = None  # as `first`, in a process that finds compiled code on the disk
    memory: int = 0  # bytes at the peak
    values: list[float] = field(default_factory=list)  # what must agree
    reason: str = ""
    failed: bool = False

    @property
    def seconds(self) -> float:
        return median(self.times)

    @property
    def compiling(self) -> float:
        """What the first call took beyond its steps, in seconds."""
        return max(self.first - self.unit * self.seconds, 0.0)

    @property
    def loading(self) -> float | None:
        """The same where compiled code was on the disk."""
        return None if self.cached is None else max(self.cached - self.unit * self.seconds, 0.0)


@dataclass
class Outcome:
    """All peers on one row."""

    row: Row
    peers: dict[str, Measured]

    @property
    def ours(self) -> Measured | None:
        found = self.peers.get(OURS)
        return found if found and found.times else None

    @property
    def best(self) -> Measured | None:
        """The fastest of the others."""
        others = [m for m in self.peers.values() if not PEERS[m.peer].ours and m.times]
        return min(others, key=lambda m: m.seconds, default=None)

    @property
    def ratio(self) -> float | None:
        """The best peer's time over ours."""
        if self.ours is None or self.best is None:
            return None
        return self.best.seconds / self.ours.seconds

    def difference(self, peer: str) -> float | None:
        """How far a peer's values are from ours at most, relative to the largest of ours."""
        ours, theirs = self.ours, self.peers.get(peer)
        if ours is None or theirs is None or not theirs.values:
            return None
        largest = max(map(abs, ours.values)) or 1.0
        pairs = zip(ours.values, theirs.values, strict=True)
        return max(abs(a - b) for a, b in pairs) / largest

    @property
    def speedup(self) -> float | None:
        """Our time on one thread over that on all."""
        alone = self.peers.get(OURS_ALONE)
        if self.ours is None or alone is None or not alone.times:
            return None
        return alone.seconds / self.ours.seconds

    @property
    def farthest(self) -> float | None:
        """The largest difference of any peer."""
        found = [self.difference(name) for name in self.peers if not PEERS[name].ours]
        return max((value for value in found if value is not None), default=None)

    @property
    def agree(self) -> bool:
        """Whether every peer that was timed did the same as we did."""
        return self.farthest is None or self.farthest <= PARITY


class Refused(Exception):
    """A worker's answer other than a result."""

    def __init__(self, text: str, failed: bool) -> None:
        super().__init__(text)
        self.failed = failed


class Process:
    """The parent's end of a worker."""

    def __init__(self, threads: int, engine: str | None, cache: str) -> None:
        # Not in a `with`: it is open as long as the worker runs, and `close` closes it.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "chainrule.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=surroundings(threads, cache) | {ENGINE: engine or ""},
        )

    def ask(self, *command: Any) -> Any:
        """Send a command and wait for its result; Refused where there is none."""
        self.tell(*command)
        return self.hear()

    def tell(self, *command: Any) -> None:
        """Send a command, whose result is to be heard."""
        assert self._popen.stdin is not None
        try:
            pickle.dump(command, self._popen.stdin)
            self._popen.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def hear(self) -> Any:
        """The result of the command that was sent; Refused where there is none."""
        assert self._popen.stdout is not None
        try:
            kind, value = pickle.load(self._popen.stdout)
        except EOFError:
            raise self._ended() from None
        if kind != "ok":
            raise Refused(value, failed=kind == "failed")
        return value

    def _ended(self) -> Refused:
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        return Refused(f"the process ended: {' '.join(last)}", failed=True)

    def close(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._popen.wait(ENDS_IN_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._log.close()


def surroundings(threads: int, cache: str) -> dict[str, str]:
    """The environment of every process that is measured; `cache` is for our compiled code."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    return kept | dict.fromkeys(_THREADS, str(threads)) | {"CHAINRULE_CACHE": cache}


def measure(
    row: Row,
    peers: Iterable[str],
    threads: int,
    effort: Effort,
    engine: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """All of these peers on one row. A peer that cannot take part says why in its `reason`."""
    outcome = Outcome(row, {name: Measured(name) for name in peers})
    workers: dict[str, Process] = {}
    caches = tempfile.TemporaryDirectory()  # empty, so that first calls compile
    try:
        for name, found in outcome.peers.items():
            missing = PEERS[name].missing()
            if missing:
                found.reason = f"{missing} is not installed"
                continue
            tell(f"{row.name}: {PEERS[name].title} begins")
            own = PEERS[name].threads or threads
            cache = os.path.join(caches.name, name)
            workers[name] = Process(own, engine, cache)
            _begin(workers[name], found, row, own, effort)
            if not found.reason and name != OURS_ALONE:  # whose first call no table shows
                _starts(found, row, own, effort, engine, cache)
        for number in range(effort.rounds):
            tell(f"{row.name}: round {number + 1} of {effort.rounds}")
            _round(workers, outcome, number, effort)
        for name, found in outcome.peers.items():
            if found.times:
                found.memory = workers[name].ask("memory")
    finally:
        for worker in workers.values():
            worker.close()
        caches.cleanup()
    return outcome


def _starts(
    found: Measured, row: Row, threads: int, effort: Effort, engine: str | None, cache: str
) -> None:
    """First calls in further processes; of ours also with what the first of all has kept.

    A peer that fails in one of them keeps what has been measured.
    """
    first = partial(_first_call, found.peer, row, threads, engine)
    with contextlib.suppress(Refused):
        more = [first(f"{cache}-{number}") for number in range(1, effort.starts)]
        found.first = median([found.first, *more])
        if found.peer == OURS:
            found.cached = median(first(cache) for _ in range(effort.starts))


def _first_call(peer: str, row: Row, threads: int, engine: str | None, cache: str) -> float:
    """The seconds of a first call in a new process."""
    worker = Process(threads, engine, cache)
    try:
        seconds, _ = worker.ask("open", peer, row, threads)
    finally:
        worker.close()
    return float(seconds)


def _begin(worker: Process, found: Measured, row: Row, threads: int, effort: Effort) -> None:
    try:
        found.first, found.unit = worker.ask("open", found.peer, row, threads)
        steps = -(-effort.parity_steps // row.batches) * row.batches
        found.values = worker.ask("parity", steps)
        worker.ask("calibrate", effort.seconds)
    except Refused as refusal:
        found.reason, found.failed = str(refusal), refusal.failed


def _round(workers: dict[str, Process], outcome: Outcome, number: int, effort: Effort) -> None:
    """One block of every peer, beginning with another one each round."""
    names = [name for name in workers if not outcome.peers[name].reason]
    for place in range(len(names)):
        name = names[(place + number) % len(names)]
        found = outcome.peers[name]
        try:
            found.times.append(workers[name].ask("block", effort.seconds))
        except Refused as refusal:
            found.reason, found.failed = str(refusal), refusal.failed
            found.times.clear()
        time.sleep(SETTLE_SECONDS)
