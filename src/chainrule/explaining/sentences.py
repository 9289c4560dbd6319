"""What a tutor would say beside a step: read off the formula and its numbers."""
from typing import TYPE_CHECKING

from chainrule.explaining.expression import Expr
from chainrule.explaining.record import Array
from chainrule.graph import Node
from chainrule.notation import Quantity

if TYPE_CHECKING:
    from chainrule.explaining.story import Phase, Story


def sentence(
    story: "Story", phase: "Phase", quantity: Quantity, node: Node, formula: Expr | None, value: Array
) -> str:
    return ""
