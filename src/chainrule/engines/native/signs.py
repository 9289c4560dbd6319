"""Signs from results that are kept anyway: relu(x) > 0 instead of x > 0.

A backward pass asks where x was positive. The result of the forward pass is in memory for others;
x itself then needs none.
"""

from chainrule.graph import Graph, Node, constant_value, with_inputs

COMPARISONS = ("greater", "less_equal")  # with 0: the same of x and of the larger of x and 0


def with_signs_of_results(graph: Graph) -> Graph:
    """The same results, where the sign of a number is asked of what `relu` makes of it."""
    kept = {node.inputs[0]: node for node in graph.nodes if _is_positive_part(node)}
    found: dict[Node, Node] = {}

    def moved(node: Node) -> Node:
        if node not in found:
            found[node] = with_inputs(node, tuple(moved(child) for child in node.inputs))
        return found[node]

    for node in graph.nodes:
        if node.op.name in COMPARISONS and constant_value(node.inputs[1]) == 0:
            x, zero = node.inputs
            found[node] = with_inputs(node, (moved(kept.get(x, x)), moved(zero)))
        else:
            moved(node)
    return graph.with_results([found[node] for node in graph.results])


def _is_positive_part(node: Node) -> bool:
    name = node.op.name
    return name == "relu" or (name == "maximum" and constant_value(node.inputs[1]) == 0)
