"""The line to blame for an edit: in a helper or at its call, and where a name is handed on."""

import ast
import linecache
from dataclasses import replace
from functools import lru_cache

from chainrule.checking.edit import Edit
from chainrule.checking.edits import OF_TRUTH
from chainrule.checking.pool import Pool
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
    function = None if tree is None else _function_at(tree, frame.line)
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


# --- source --------------------------------------------------------------------------------------


def tree_of(file: str) -> ast.Module | None:
    return _parsed("".join(linecache.getlines(file)))


@lru_cache(maxsize=32)
def _parsed(source: str) -> ast.Module | None:
    """By the text: a file may have changed since another check."""
    try:
        return ast.parse(source) if source else None
    except SyntaxError:
        return None


def alias_before(file: str, line: int) -> int:
    """The nearest line `name = other` before a statement that reads this name, or 0."""
    tree = tree_of(file)
    function = None if tree is None else _function_at(tree, line)
    if function is None:
        return 0
    read: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.lineno == line:
            read.add(node.id)
    found = 0
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or node.lineno >= line:
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in read:
            bare = isinstance(node.value, ast.Name)
            found = max(found, node.lineno) if bare else found
    return found


def _function_at(tree: ast.AST, line: int) -> ast.FunctionDef | None:
    """The innermost function around a line."""
    found = None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            found = node
    return found


def result_line(step: Step) -> int:
    """Where a result is put under its name: `grads["b2"] = delta`, `"b2": delta`; or 0."""
    tree = tree_of(step.frames[0].file) if step.frames else None
    if tree is None:
        return 0
    last = step.name.replace("[", ".").replace("]", "").split(".")[-1]
    functions = {frame.function for frame in step.frames}
    found = 0
    for node in ast.walk(tree):
        if not (isinstance(node, ast.FunctionDef) and node.name in functions):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Dict):
                for key, value in zip(inner.keys, inner.values, strict=True):
                    if _is_key(key, last):
                        found = value.lineno
            elif isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Subscript):
                if _is_key(inner.targets[0].slice, last):
                    found = inner.lineno
            elif isinstance(inner, ast.keyword) and inner.arg == last:
                found = inner.value.lineno
        alias = _alias_line(node, last, found)
        found = alias or found
    return found


def _is_key(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Constant) and str(node.value) == name


def _alias_line(function: ast.FunctionDef, key: str, line: int) -> int:
    """The line `db2 = delta2` of the name that is put under a key in this line."""
    names = [
        value.id
        for inner in ast.walk(function)
        if isinstance(inner, ast.Dict)
        for k, value in zip(inner.keys, inner.values, strict=True)
        if _is_key(k, key) and isinstance(value, ast.Name) and value.lineno == line
    ]
    for inner in ast.walk(function):
        if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name):
            target = inner.targets[0]
            if isinstance(target, ast.Name) and target.id in names:
                return inner.lineno
    return 0
