"""The line to blame for an edit: in a helper or where it is called, and where a name is handed on."""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from chainrule.checking.search import Fit
from chainrule.checking.steps import Frame, Program, Step

LEFT_OUT = ("missing-activation-derivative", "missing-term", "missing-mean", "bias-not-summed")
OF_THE_CALL = ("activation-derivative-twice", "derivative-at-wrong-point", "stale-cache")


def blamed(fit: Fit, kind: str, program: Program) -> Step:
    """The step of a fit, with the line that a reader should change."""
    site = fit.edit.site
    step = program.steps[site[0]]
    if step.op == "return" and len(program.consumers[step.inputs[0]]) > 1:
        # The value itself serves others as well: what is wrong is that it is this result.
        line = result_line(step)
        if line:
            return replace(step, line=line)
    if kind == "wrong-activation-derivative" and fit.edit.slot >= 0:
        producer = program.steps[program.steps[site[0]].inputs[fit.edit.slot]]
        if len(producer.frames) > len(step.frames):
            return producer
    step = _at_its_frame(fit, kind, program, step)
    if kind in LEFT_OUT:
        later = handed_on(step.file, step.line)
        if later:
            step = replace(step, line=later)
    return step


def _at_its_frame(fit: Fit, kind: str, program: Program, step: Step) -> Step:
    """In a helper that is called from several places, a single call is to blame for itself."""
    site, frames = fit.edit.site, step.frames
    if len(frames) < 2:
        return step
    inner = frames[-1]
    same = [
        other.frames
        for index, other in enumerate(program.steps)
        if index not in site
        and other.op == step.op
        and program.reach[index]
        and len(other.frames) == len(frames)
        and _place(other.frames[-1]) == _place(inner)
    ]
    depth = len(frames) - 1
    chosen = inner
    if len(site) == 1 and same:
        for depth in range(len(frames) - 2, -1, -1):
            if any(_place(other[depth]) != _place(frames[depth]) for other in same):
                chosen = frames[depth]
                break
    elif kind in OF_THE_CALL and not same and len(site) == 1:
        chosen = _outermost_of(frames)
    return replace(step, file=chosen.file, line=chosen.line, function=chosen.function)


def _outermost_of(frames: tuple[Frame, ...]) -> Frame:
    """The call in the user's backward function itself."""
    return frames[0]


def _place(frame: Frame) -> tuple[str, int]:
    return frame.file, frame.instruction


# --- source --------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def tree_of(file: str) -> ast.Module | None:
    lines = linecache.getlines(file)
    try:
        return ast.parse("".join(lines)) if lines else None
    except SyntaxError:
        return None


def handed_on(file: str, line: int) -> int:
    """The later line `name = other` that hands on the value assigned in this line, or 0."""
    tree = tree_of(file)
    if tree is None:
        return 0
    for block in _blocks(tree):
        for place, statement in enumerate(block):
            if not (statement.lineno <= line <= (statement.end_lineno or 0)):
                continue
            if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                continue
            target = ast.dump(statement.targets[0]).replace("Store()", "Load()")
            for later in block[place + 1 :]:
                if isinstance(later, ast.Assign):
                    if ast.dump(later.value) == target and isinstance(later.targets[0], ast.Name):
                        return later.lineno
                    written = ast.dump(later.targets[0]).replace("Store()", "Load()")
                    if written == target:
                        break
    return 0


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def result_line(step: Step) -> int:
    """Where a result is put under its name: `grads["b2"] = delta`, `"b2": delta`; or 0."""
    tree = tree_of(step.frames[0].file) if step.frames else None
    if tree is None:
        return 0
    last = step.name.replace("[", ".").replace("]", "").split(".")[-1]
    function = step.frames[0].function
    found = 0
    for node in ast.walk(tree):
        if not (isinstance(node, ast.FunctionDef) and node.name == function):
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
