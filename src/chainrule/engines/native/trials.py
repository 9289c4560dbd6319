"""How many threads are fastest here and now, found by trying while a training run goes on.

What a second thread brings depends on where the system has put it. Two cores with one cache pass a
number on in a tenth of a microsecond, those of different caches in half of one; two threads of one
core share its arithmetic, and a core that another program wants is late at every barrier. None of
this is known beforehand, and it changes within seconds. Steps have the same bits on any number of
threads, so the clock may choose between all of them and one without a trace in the result.
"""

from collections.abc import Callable
from time import perf_counter

PART = 16  # a trial is four pieces, each such a part of a call, or one step
FEWEST = 8  # pieces that a call with a trial must have room for
CLEARLY = 0.9  # one thread is preferred where it takes less than this part of the time of all
# Calls between two trials, after several that changed nothing: of all threads, and of one, which
# misses more where it stays for too long.
LONGEST, LONGEST_ALONE = 16, 4
FORGOTTEN = 32  # calls without a trial, as they have too few steps, after which all threads return

# take(threads, first, end): take the steps from `first` to `end`, and say where it stopped.
Take = Callable[[int, int, int], int]


class Trials:
    """The choice between all threads and one, for one training run."""

    def __init__(self) -> None:
        self.alone = False
        self._pause = 0  # calls between two trials
        self._since = 0  # calls since the last one

    def run(self, threads: int, first: int, end: int, take: Take, period: int = 1) -> int:
        """Take the steps from `first` to `end` on as many threads as is best: where it stopped.

        period  after how many steps a smaller one comes, the last of an epoch; 1 if all are alike
        """
        piece = _piece(first, end, period)
        self._since += 1
        if threads > 1 and piece and self._is_due(end - first):
            self._since = 0
            first, goes_on = self._trial(threads, first, piece, take)
            if not goes_on:
                return first
        if self._since > FORGOTTEN:
            self.alone = False
        return take(1 if self.alone else threads, first, end)

    def _is_due(self, steps: int) -> bool:
        longest = LONGEST_ALONE if self.alone else LONGEST
        # A trial is a large part of a call of few steps, so there it is always a long time coming.
        return self._since > (longest if steps < PART else min(self._pause, longest))

    def _trial(self, threads: int, first: int, steps: int, take: Take) -> tuple[int, bool]:
        """Compare both choices on some steps: where that has led, and whether it was all well."""
        mine, other = (1, threads) if self.alone else (threads, 1)
        times = []
        for number in (mine, mine, other, other):  # at first, threads may have to be woken
            begun = perf_counter()
            stop = take(number, first, first + steps)
            times.append(perf_counter() - begun)
            if stop < first + steps:
                return stop, False
            first = stop
        faster = times[3] < (1.0 if self.alone else CLEARLY) * times[1]
        self._pause = 1 if faster else 2 * self._pause + 1
        self.alone ^= faster
        return first, True


def _piece(first: int, end: int, period: int) -> int:
    """Steps of a piece, so that all pieces have the same work; 0 where there can be none."""
    steps = max((end - first) // PART, 1)
    if steps >= period:  # each with as many smaller steps as any other
        steps -= steps % period
    else:  # all before the next smaller one, or whole epochs
        inside = (period - 1 - first % period) // 4
        steps = min(steps, inside) or period
    return steps if FEWEST * steps <= end - first else 0
