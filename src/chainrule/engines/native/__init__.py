"""The native engine: a graph to machine code, through LLVM."""

from chainrule.engines.native.program import Program
from chainrule.graph import Graph


def compile_graph(graph: Graph) -> Program:
    """The graph as a callable: a list of input arrays to a list of result arrays."""
    return Program(graph)
