"""The line to blame for an edit: in a helper or at its call, and where a name is handed on."""

from dataclasses import replace

from chainrule.checking.edit import Edit
from chainrule.checking.edits import OF_TRUTH
from chainrule.checking.pool import Pool
from chainrule.checking.source import alias_before, function_at, result_line, tree_of
from chainrule.checking.steps import Frame, Program, Step

LEFT_OUT = ("missing-activation-derivative", "missing-term", "missing-mean", "bias-not-summed")
OF_THE_CALL = ("activation-derivative-twice",)


def blamed(edit: Edit, kind: str, program: Program, pool: Pool) -> tuple[Step, bool]:
    """The step of an edit with the line that a reader should change, and whether that is bare.

    Bare is a statement `a = b`, in which something is left out.
    """
    index = edit.site[0]
    step = program.steps[index]
    shared = step.op == "return" and len(program.consumers[step.inputs[0]]) > 1
    if shared:
        # The value itself serves others as well: what is wrong is that it is this result.
        line = result_line(step)
        if line:
            return replace(step, line=line), True
    if "use" in edit.detail and kind in LEFT_OUT:
        line = alias_before(step.file, step.line)
        if line:
            return replace(step, line=line), True
    if edit.slot >= 0 and (edit.new is not None or edit.action == "reshape"):
        index, step = _maker_of_the_operand(edit, kind, program, pool)
    if step.op == "return":
        index = step.inputs[0]
        step = replace(program.steps[index], name=step.name)
    if step.op == "copy" and kind in LEFT_OUT:
        return step, True
    step = _at_its_frame(edit, index, kind, program, step)
    if kind in LEFT_OUT:
        later = _handed_on(program, index, step)
        if later:
            return replace(step, line=later), True
    return step, False


def _maker_of_the_operand(edit: Edit, kind: str, program: Program, pool: Pool) -> tuple[int, Step]:
    """Where an operand was made that is not what it should be: there, or where it is used."""
    index = edit.site[0]
    step = program.steps[index]
    made = step.inputs[edit.slot]
    maker = program.steps[made]
    if not maker.inputs or not maker.frames:
        return index, step
    if edit.new is None:
        return (made, maker) if made in pool.carrying else (index, step)
    if edit.new.role in OF_TRUTH:
        return made, maker
    if edit.new.role not in ("local", "part") or pool.is_true(maker.value):
        return index, step
    deeper = len(maker.frames) > len(step.frames)
    if deeper and kind != "wrong-activation-derivative":
        return index, step  # the helper is right, and is called with something else
    return made, maker


def _at_its_frame(edit: Edit, index: int, kind: str, program: Program, step: Step) -> Step:
    """In a helper that is called from several places, a single call is to blame for itself."""
    frames = step.frames
    if len(frames) < 2:
        return step
    inner = frames[-1]
    same = [
        other.frames
        for place, other in enumerate(program.steps)
        if place not in edit.site
        and place != index
        and other.op == step.op
        and program.reach[place]
        and len(other.frames) == len(frames)
        and _place(other.frames[-1]) == _place(inner)
    ]
    chosen = inner
    if same:
        for depth in range(len(frames) - 2, -1, -1):
            if any(_place(other[depth]) != _place(frames[depth]) for other in same):
                chosen = frames[depth]
                break
    elif kind in OF_THE_CALL and _is_formula(inner):
        chosen = frames[0]
    return replace(step, file=chosen.file, line=chosen.line, function=chosen.function)


def _is_formula(frame: Frame) -> bool:
    """Whether a function is a helper of a few statements, which knows nothing of the network."""
    tree = tree_of(frame.file)
    function = None if tree is None else function_at(tree, frame.line)
    return function is not None and len(function.body) <= 3


def _place(frame: Frame) -> tuple[str, int]:
    return frame.file, frame.instruction


def _handed_on(program: Program, index: int, step: Step) -> int:
    """The line of a bare `name = other` through which the readers of a value get it, or 0."""
    for user in program.consumers[index]:
        reader = program.steps[user]
        if program.reach[user] and reader.op != "return" and reader.frames:
            line = alias_before(reader.file, reader.line)
            if line and not (reader.function == step.function and line < step.line):
                return line
    return 0
