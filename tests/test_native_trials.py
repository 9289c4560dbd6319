"""Training runs try how many threads are best, and nothing of it shows in their results."""

from itertools import count

import numpy as np
import pytest
from agreement import use_threads

import chainrule as cr
from chainrule import training_run
from chainrule.engines.native import effort, trials
from chainrule.engines.native.compiled import Loaded
from chainrule.engines.native.trials import (
    FEWEST,
    FORGOTTEN,
    LONGEST,
    LONGEST_ALONE,
    PART,
    Trials,
    _piece,
)


class Machine:
    """Takes steps by a clock of its own: so long for a step on so many threads."""

    def __init__(self, monkeypatch, period=np.inf, **seconds):
        self.period = period  # after which a step with a tenth of the work comes
        self.now, self.seconds, self.taken, self.stop = 0.0, seconds, [], None
        monkeypatch.setattr(trials, "perf_counter", lambda: self.now)

    def take(self, threads, first, end):
        end = end if self.stop is None else min(end, max(first, self.stop))
        work = sum(
            0.1 if step % self.period == self.period - 1 else 1 for step in range(first, end)
        )
        self.now += self.seconds["alone" if threads == 1 else "together"] * work
        self.taken.append((threads, first, end))
        return end

    def call(self, choice, first=0, steps=10 * PART, threads=2):
        """The steps of a call, by the number of threads that took them."""
        self.taken = []
        period = 1 if self.period == np.inf else self.period
        assert choice.run(threads, first, first + steps, self.take, period) == first + steps
        ends = [first, *(end for _, _, end in self.taken)]
        assert ends[:-1] == [begin for _, begin, _ in self.taken]  # none twice, none left out
        return {n: sum(e - b for m, b, e in self.taken if m == n) for n in (1, threads)}


def test_all_threads_take_most_steps_where_they_are_faster(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=2.0, together=1.0), Trials()
    shares = [machine.call(choice)[1] for _ in range(100)]
    assert max(shares) == 20  # two pieces of a sixteenth
    tried = [place for place, share in enumerate(shares) if share]
    assert np.diff(tried).max() == LONGEST + 1
    assert sum(shares) < 0.012 * 100 * 10 * PART


def test_one_thread_takes_them_where_the_others_are_in_its_way(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=1.5), Trials()
    shares = [machine.call(choice)[2] for _ in range(100)]
    assert shares[0] == 20  # before it was known
    assert max(shares) == 20
    assert sum(shares) < 0.03 * 100 * 10 * PART


def test_the_choice_follows_the_machine(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=0.5), Trials()
    for _ in range(50):
        machine.call(choice)
    machine.seconds["together"] = 1.2
    assert next(k for k in count() if machine.call(choice)[1] > 5 * PART) <= LONGEST
    machine.seconds["together"] = 0.5
    assert next(k for k in count() if machine.call(choice)[2] > 5 * PART) <= LONGEST_ALONE


@pytest.mark.parametrize("alone", [0.92, 1.05])
def test_all_threads_are_preferred_where_it_matters_little(alone, monkeypatch):
    machine, choice = Machine(monkeypatch, alone=alone, together=1.0), Trials()
    for _ in range(10):
        machine.call(choice)
    assert not choice.alone


def test_calls_of_few_steps_are_tried_seldom(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=1.0), Trials()
    shares = [machine.call(choice, steps=FEWEST)[1] for _ in range(3 * LONGEST)]
    assert [place for place, share in enumerate(shares) if share] == [LONGEST, 2 * LONGEST + 1]
    assert max(shares) == 2
    machine.seconds["together"] = 9.0
    until = next(k for k in count() if machine.call(choice, steps=FEWEST)[1] == FEWEST)
    assert until <= LONGEST + 1


def test_a_few_steps_and_one_thread_are_not_tried(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=9.0), Trials()
    for _ in range(2 * LONGEST):
        assert machine.call(choice, steps=FEWEST - 1) == {1: 0, 2: FEWEST - 1}
        assert machine.call(choice, threads=1) == {1: 10 * PART}
        assert len(machine.taken) == 1


def test_one_odd_piece_is_not_believed_for_long(monkeypatch):
    """Where steps are so long that calls have few of them once one thread takes them."""
    machine, choice = Machine(monkeypatch, alone=1.0, together=3.0), Trials()
    machine.call(choice, steps=20)
    assert choice.alone
    machine.seconds["together"] = 0.6
    shares = [machine.call(choice, steps=11)[2] for _ in range(20)]
    assert sum(shares) > 0.6 * 20 * 11


def test_all_threads_return_where_there_are_no_trials_any_more(monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=3.0), Trials()
    machine.call(choice)
    assert choice.alone
    until = next(k for k in count() if machine.call(choice, steps=3)[2])
    assert until == FORGOTTEN


@pytest.mark.parametrize("period", [2, 3, 4, 5, 7, 12, 40, 100])
@pytest.mark.parametrize("seconds", [(1.0, 0.6), (1.0, 1.5)])
def test_pieces_have_the_same_work(period, seconds, monkeypatch):
    """Though the last batch of each epoch is a small one."""
    alone, together = seconds
    for steps in (8, 12, 18, 24, 30, 50, 100, 1000):
        machine, choice = Machine(monkeypatch, period, alone=alone, together=together), Trials()
        best = tried = 0
        for _ in range(200):
            shares = machine.call(choice, first=tried, steps=steps)
            tried += steps
            best += shares[1 if alone < together else 2]
        tries = any(_piece(first, first + steps, period) for first in range(0, tried, steps))
        assert best > 0.7 * tried or not (tries or alone > together)


@pytest.mark.parametrize("stop", [3, 15, 25, 100])
def test_a_step_that_stops_the_run_stops_it_there(stop, monkeypatch):
    machine, choice = Machine(monkeypatch, alone=1.0, together=1.0), Trials()
    machine.stop = stop
    assert choice.run(2, 0, 10 * PART, machine.take) == stop
    assert machine.taken[-1][2] == stop


def trained(threads, monkeypatch):
    use_threads(monkeypatch, threads)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 9)), rng.integers(0, 3, 50)
    layers = [cr.Dense(20), cr.ReLU(), cr.Dense(3)]
    model = cr.Model(cr.Sequential(*layers), "cross_entropy", optimizer=cr.Adam(), engine="native")
    model.fit(X, y, epochs=300, batch_size=16, progress=False)
    return [model.history.loss, model.history.gradient_norm, *model.params.values()]


def test_trials_leave_no_trace_in_a_run(monkeypatch):
    """Shuffled, with a smaller last batch, in calls of several epochs and of parts of one."""
    monkeypatch.setattr(effort, "PARALLEL_WORK", 0.0)  # threads divide it, however small it is
    plain = trained(1, monkeypatch)
    monkeypatch.setattr(training_run, "REPORT_SECONDS", 60.0)  # long calls, however slow the steps
    # Every call is a trial, won by turns by this choice and that.
    ticks, numbers = count(), []
    monkeypatch.setattr(trials, "perf_counter", lambda: (next(ticks) % 7) ** 2)
    monkeypatch.setattr(trials, "LONGEST", 0)
    monkeypatch.setattr(trials, "LONGEST_ALONE", 0)
    called = Loaded.call
    monkeypatch.setattr(
        Loaded, "call", lambda self, n, control=0: numbers.append(n) or called(self, n, control)
    )
    for a, b in zip(plain, trained(2, monkeypatch), strict=True):
        np.testing.assert_array_equal(a, b)
    assert numbers.count(1) > 3
    assert numbers.count(2) > 3
