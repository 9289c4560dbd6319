"""The native engine against the NumPy engine, which is the definition."""

import numpy as np

from chainrule.engines import native
from chainrule.engines.native import threads
from chainrule.engines.numpy import Program as Definition
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise


def use_threads(monkeypatch, count) -> None:
    """So many threads, whether or not there are processors for them."""
    monkeypatch.setenv("CHAINRULE_THREADS", str(count))
    monkeypatch.setattr(threads, "allowed", lambda: count)


TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12}


def assert_agrees(graph, inputs) -> None:
    """Every result, to what rounding allows."""
    simple = simplify(stabilise(graph))
    expected = Definition(simple)(inputs)
    found = native.compile_graph(simple)(inputs)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        tolerance = TOLERANCE.get(theirs.dtype, 0)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
