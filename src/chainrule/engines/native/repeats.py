"""One loop as a kernel: a program that is repeated, and what it reads and writes at each step."""

from typing import TYPE_CHECKING

from chainrule.engines.native.access import Buffer, whole
from chainrule.engines.native.kernels import Repeat
from chainrule.engines.native.loop_constants import with_turned_constants
from chainrule.graph import Node
from chainrule.ops.loop import Result

if TYPE_CHECKING:
    from chainrule.engines.native.fuse import Fuser


def add_loop(fuser: "Fuser", node: Node) -> None:
    """Append the kernel that repeats the body of a loop."""
    prepared = with_turned_constants(node)
    params = prepared.params
    constants, carries = params["constants"], params["carries"]
    body = fuser.of_body(params["body"], constants)
    inner = body.inputs
    outer = [
        fuser.as_constant(child, buffer) if place < constants else fuser.dense(child)
        for place, (child, buffer) in enumerate(zip(prepared.inputs, inner, strict=True))
    ]
    repeat = Repeat((), program=body, length=params["length"], reverse=params["reverse"])
    split = constants + carries
    repeat.constants = list(zip(outer[:constants], inner[:constants], strict=True))
    repeat.series = list(zip(outer[split:], inner[split:], strict=True))
    outputs = params["body"].outputs
    made = []
    for k, result in enumerate(outputs):
        if k < carries:
            final = Buffer(result.shape, result.dtype, "carry")
            spare = Buffer(result.shape, result.dtype, "spare")
            source = outer[constants + k]
            repeat.carries.append((source, final, spare, inner[constants + k]))
            made.append(final)
        else:
            stack = Buffer((params["length"], *result.shape), result.dtype, "stack")
            repeat.stacks.append((stack, body.results[k]))
            made.append(stack)
    repeat.made = made
    fuser.append(repeat)
    for user in fuser.nodes:
        if isinstance(user.op, Result) and user.inputs[0] is node:
            fuser.views[user] = whole(made[user.params["index"]])
    fuser.program.captured += body.captured
    fuser.program.constants += body.constants
