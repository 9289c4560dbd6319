"""The native engine: a graph to machine code, through LLVM."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chainrule.engines.native.program import Program
from chainrule.engines.native.program import listing as _listing
from chainrule.engines.native.support import MOST_NODES, is_supported
from chainrule.engines.native.threads import thread_count
from chainrule.engines.native.training import Layout, Training, prepared
from chainrule.errors import SettingError
from chainrule.graph import Graph


def compile_graph(graph: Graph) -> Any:
    """The graph as a callable: a list of input arrays to a list of result arrays.

    A graph that holds what is not compiled (sorting, long doubles) is run by NumPy.
    """
    if not is_supported(graph):
        from chainrule.engines import numpy

        return numpy.compile_graph(graph)
    return Program(graph)


def listing(graph: Graph) -> str:
    """The code of a graph in LLVM's language, each kernel below a line that says what it does.

    Raises SettingError for a graph that NumPy runs.
    """
    if not is_supported(graph):
        raise SettingError(
            "this graph has no native code: NumPy runs graphs that sort, hold long doubles or "
            f"have more than {MOST_NODES:,} nodes"
        )
    return _listing(graph)


def compile_training(
    recorded: Sequence[Graph], simple: Callable[[], Sequence[Graph]], layout: tuple[int, int, bool]
) -> Training | None:
    """The steps of a training run as one function; None where they are not compiled.

    recorded  the graph of full batches, and of a smaller last one where there is one
    simple    gives the same graphs simplified, which are needed only for what is not yet compiled
    """
    return prepared(recorded, simple, Layout(*layout))


def workers() -> int:
    """How many threads may call it at a time to advantage."""
    return thread_count()


@contextmanager
def exclusive() -> Iterator[None]:
    """Nothing: compiled code has threads and rounding of its own."""
    yield
