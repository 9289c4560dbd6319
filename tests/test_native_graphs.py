"""A part of what `native_graphs.py` looks at, in every run of the tests."""

from agreement import use_threads
from native_graphs import examine

from chainrule.engines.native import effort


def test_random_graphs_agree(monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", "")
    use_threads(monkeypatch, 2)
    monkeypatch.setattr(effort, "PARALLEL_WORK", effort.PARALLEL_WORK)  # put back at the end
    outcomes, _, failures = examine(300)
    assert not failures, failures[:3]
    assert outcomes.total() >= 250
