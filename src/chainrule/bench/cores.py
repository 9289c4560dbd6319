"""What the machine's cores do at once, beside one of them alone: what threads can bring at most.

Where others share a machine, two processors may be two threads of one core for a second, cores that
have no cache in common in the next, and whole cores again. Asked before every row, the answers say
how much of "2 threads over 1" is the machine's.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from statistics import median

from chainrule.bench.interleave import Process, Refused
from chainrule.bench.rows import PEAK

SECONDS, TIMES = 0.03, 5  # of a block of matrix products; how many are asked for at once
BETWEEN_SECONDS = 0.1


class Cores:
    """A process for each thread, which multiplies matrices by NumPy; `close` ends them."""

    def __init__(self, threads: int) -> None:
        self._workers: list[Process] = []
        with ExitStack() as opened:
            for _ in range(threads):
                worker = Process(1, None, "")
                opened.callback(worker.close)
                worker.ask("open", "numpy", PEAK, threads)  # which may all run on any processor
                worker.ask("calibrate", SECONDS)
                self._workers.append(worker)
            self.close = opened.pop_all().close

    def ask(self) -> list[float]:
        """The products that all make at once over those of one alone, several times.

        Empty where a process has ended.
        """
        found = []
        with suppress(Refused):
            for _ in range(TIMES):
                alone = self._workers[0].ask("block", SECONDS)
                for worker in self._workers:
                    worker.tell("block", SECONDS)
                together = [worker.hear() for worker in self._workers]
                found.append(sum(alone / seconds for seconds in together))
                time.sleep(BETWEEN_SECONDS)
        return found


def spread(found: Sequence[float]) -> tuple[float, float, float]:
    """The median, and what a tenth of the answers are below and above."""
    ordered = sorted(found)
    tenth = len(ordered) // 10
    return median(ordered), ordered[tenth], ordered[-1 - tenth]
