"""A change in the code that the native engine makes is seen, and read, before it lands."""

import numpy as np
import pytest
from native_listings import FOLDER, GRAPHS, listing

import chainrule as cr
from chainrule.errors import SettingError, UnknownNameError


@pytest.mark.parametrize("name", GRAPHS)
def test_the_code_is_what_was_read(name):
    expected = (FOLDER / f"{name}.ll").read_text(encoding="utf-8")
    assert listing(name) == expected, "if it should change: python tests/native_listings.py"


def test_other_stages():
    graph = cr.trace(lambda x: (x + 0) * 1, 2.0)
    assert graph.show() == str(graph)
    assert graph.show("traced").count("\n") > graph.show("simplified").count("\n")
    with pytest.raises(UnknownNameError, match="no stage 'llvm'"):
        graph.show("llvm")


def test_a_graph_that_numpy_runs_has_no_native_code():
    with pytest.raises(SettingError, match="graphs that sort"):
        cr.trace(np.sort, np.ones(3)).show("native")
