"""What is true of the user's loss: its value, its gradient and every quantity between, in float64.

The loss is traced, stabilised and differentiated. Central differences of the plain Python function
stand beside it as a second witness, and alone where the function cannot be recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chainrule.checking.differences import BEST, Curve, curve, differences
from chainrule.checking.nearness import ABSOLUTE, RELATIVE
from chainrule.checking.point import Function, Point
from chainrule.checking.quantities import Quantity, gradient_program, quantities_of
from chainrule.checking.recording import graph_of
from chainrule.checking.rounding import DOUBLE, MARGIN, noise_of
from chainrule.checking.steps import Array, Program
from chainrule.errors import ChainruleError
from chainrule.graph import Graph, playing
from chainrule.ops import rows
from chainrule.stabilise import stabilise
from chainrule.tracing import wrap


@dataclass(frozen=True, eq=False)
class Truth:
    """The gradients by parameter name, and the quantities that a right computation meets.

    backward   the true gradients as a program; None where differences are the only truth
    of_update  whether `gradients` are the changes of parameters in a step
    noise      for each gradient the deviation that rounding may leave
    """

    value: float
    gradients: dict[str, Array]
    quantities: tuple[Quantity, ...]
    curve: Curve  # of central differences over their step; empty where they are the truth
    graph: Graph | None
    backward: Program | None = None
    of_update: bool = False
    noise: Mapping[str, float] = field(default_factory=dict)

    def least(self, name: str, exact: float) -> float:
        """What a deviation is held against, at least: `exact` of this size is noise."""
        return self.noise.get(name, 0.0) / exact


def truth(loss: Function, point: Point) -> Truth:
    """The true gradients of `loss`; raises what the user's own function raises on plain arrays."""
    value = float(np.asarray(point.call(loss)).reshape(()))
    try:
        graph, arrays = graph_of(loss, point)
        (output,) = graph.outputs
        if output.shape != ():
            with playing(None):
                output = rows.reshape(wrap(output), shape=()).node
            graph = Graph(graph.name, graph.inputs, (output,))
        # The loss as it is written has the user's own steps; where these overflow, the stable form.
        stable = stabilise(graph)
        backward = gradient_program(stable, arrays, point)
        as_written = gradient_program(graph, arrays, point)
        if _agree(as_written.values(), backward.values()):
            stable, backward = graph, as_written
        quantities = quantities_of(stable, arrays, point)
    except (ChainruleError, TypeError, ValueError, AttributeError):
        found = differences(loss, point)
        # Of two values of the loss, divided by twice the step.
        noise = dict.fromkeys(found, MARGIN * DOUBLE * abs(value) / BEST)
        return Truth(value, found, (), (), None, noise=noise)
    gradients = backward.values()
    witness = curve(loss, point, gradients)
    noise = noise_of(backward)
    return Truth(value, gradients, tuple(quantities), witness, graph, backward, noise=noise)


def _agree(some: dict[str, Array], others: dict[str, Array]) -> bool:
    return all(np.allclose(some[name], others[name], RELATIVE, ABSOLUTE) for name in some)
