"""What a graph becomes on its way to an engine, as text: `graph.show(stage="native")`."""

from chainrule.engines import engine
from chainrule.errors import SettingError
from chainrule.graph import STAGES, Graph
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise


def _prepared(graph: Graph) -> Graph:
    return simplify(stabilise(graph))


def _simplified(graph: Graph) -> str:
    """The graph that every engine is given."""
    return str(_prepared(graph))


def _native(graph: Graph) -> str:
    """The native engine's code for this processor, in LLVM's language."""
    native = engine("native")
    if not hasattr(native, "listing"):
        raise SettingError("the native engine needs llvmlite: pip install llvmlite")
    return str(native.listing(_prepared(graph)))


STAGES.update(simplified=_simplified, native=_native)
