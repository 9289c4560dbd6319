"""What one step of a loop does, in a line: `h ← tanh(w h + xₜ)`."""

from collections.abc import Mapping

from chainrule.explaining.expression import Symbol
from chainrule.explaining.marks import scripted
from chainrule.explaining.printing import Printer
from chainrule.explaining.reading import MOST_OPERATIONS, Reader
from chainrule.graph import Graph, Node
from chainrule.ops.loop import Loop
from chainrule.tex import plain

CARRIES = "hcsuv"  # what is carried from step to step


def loops_in(node: Node, known: Mapping[Node, Symbol]) -> list[Node]:
    """The loops that a node is computed from without passing a named one."""
    found: dict[Node, None] = {}
    stack, seen = [node], set()
    while stack:
        here = stack.pop()
        if here in seen or (here in known and here is not node):
            continue
        seen.add(here)
        if isinstance(here.op, Loop):
            found[here] = None
        else:
            stack.extend(here.inputs)
    return list(found)


def one_step(loop: Node, known: Mapping[Node, Symbol]) -> str:
    """The new carries of a step, as text; empty where they are too long for a line."""
    params = loop.params
    body: Graph = params["body"]
    constants, carries = params["constants"], params["carries"]
    names: dict[Node, Symbol] = {}
    for place, (inner, outer) in enumerate(zip(body.inputs, loop.inputs, strict=True)):
        own = known.get(outer)
        if place < constants:
            latex = own.latex if own else "C"
        elif place < constants + carries:
            latex = CARRIES[(place - constants) % len(CARRIES)]
        else:
            latex = scripted(own.latex if own else "x", "t")
        names[inner] = Symbol(f"loop {place}", latex, inner.shape)
    reader = Reader(names, {})
    lines = []
    for place, output in enumerate(body.outputs[:carries]):
        formula = reader.read(output)
        if formula.weight() > MOST_OPERATIONS:
            return ""
        name = CARRIES[place % len(CARRIES)]
        lines.append(plain(rf"{name} \leftarrow {Printer().show(formula)}"))
    return ", ".join(lines)
