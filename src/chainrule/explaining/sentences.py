"""What a tutor would say beside a step: read off the formula and its numbers.

Nothing here knows a layer. A sentence follows from what a formula does with its symbols: it weighs
them by a parameter, bends them by a function, hands a gradient on, adds up what comes back.
"""

from typing import TYPE_CHECKING

from chainrule.explaining.backward_sentences import Backward
from chainrule.explaining.changes import moved
from chainrule.explaining.entries import Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.forward_sentences import Forward
from chainrule.explaining.record import Array
from chainrule.graph import Node
from chainrule.notation import Quantity

if TYPE_CHECKING:
    from chainrule.explaining.story import Phase, Story


def sentence(
    story: "Story",
    phase: "Phase",
    quantity: Quantity,
    node: Node,
    formula: Expr | None,
    value: Array,
    index: Index,
) -> str:
    """One or two short sentences; empty where the formula says it all."""
    if phase == "update":
        return moved(story, quantity, node)
    if phase == "backward":
        return Backward(story, quantity, node, formula, value, index).backward()
    speaker = Forward(story, quantity, node, formula, value, index)
    tell = {"given": speaker.given, "forward": speaker.forward, "loss": speaker.loss}
    return tell[phase]()
