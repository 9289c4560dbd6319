"""A process that holds one peer's program for one row, and works when it is told to.

`python -m chainrule.bench.worker` reads commands from standard input and answers on standard
output, both pickled; only its parent writes to it. Between commands it waits in a read and takes
no time from the others. What libraries print goes to standard error.
"""

import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

from chainrule.bench.peers import PEERS, LeftOut, Session
from chainrule.bench.rows import Row

FEWEST_SECONDS = 1e-9


class Worker:
    """The commands: each public method is one."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._step = 0.0  # seconds, as far as is known

    def open(self, name: str, row: Row, threads: int) -> tuple[float, int]:
        """Make the program and run it once: the seconds of that first call, and its steps."""
        _use_processors(threads)
        self._session = PEERS[name].open(row, threads)
        self._session.restart()
        start = time.perf_counter()
        self._session.run(self._session.unit)
        return time.perf_counter() - start, self._session.unit

    def parity(self, steps: int) -> list[float]:
        return self._now().parity(steps)

    def calibrate(self, seconds: float) -> float:
        """Find out how long a step takes, so that a block lasts about this long."""
        session, count = self._now(), self._now().unit
        session.restart()
        while True:
            start = time.perf_counter()
            session.run(count)
            elapsed = time.perf_counter() - start
            if elapsed > seconds / 4:
                break
            count *= 2
        self._step = elapsed / count
        return self._step

    def block(self, seconds: float) -> float:
        """Seconds per step over a block that lasts about this long, from the first weights."""
        session = self._now()
        unit = session.unit
        count = unit * max(1, round(seconds / max(self._step, FEWEST_SECONDS) / unit))
        session.restart()
        start = time.perf_counter()
        session.run(count)
        self._step = (time.perf_counter() - start) / count
        return self._step

    def memory(self) -> int:
        """The most bytes of memory that this process has held."""
        return peak_memory()

    def _now(self) -> Session:
        assert self._session is not None, "open comes first"
        return self._session


def peak_memory() -> int:
    """Of this process alone, in bytes; 0 where the system does not tell.

    A new process inherits getrusage's number from its parent on Linux, so that comes second.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _use_processors(threads: int) -> None:
    """Keep to as many processors as threads: some libraries take one per processor."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, set(allowed[:threads]) if threads < len(allowed) else allowed)


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker()
    while True:
        try:
            command, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[str, Any]
        try:
            answer = ("ok", getattr(worker, command)(*arguments))
        except LeftOut as reason:
            answer = ("left out", str(reason))
        except Exception as error:  # the parent names the peer and goes on without it
            answer = ("failed", f"{type(error).__name__}: {error}")
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
