"""What only the whole script shows: work that is thrown away, and values of another pass."""

import ast
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from chainrule.checking.report import Finding, Report
from chainrule.checking.scripts.reading import Slice, Step
from chainrule.checking.search import EXACT, distance
from chainrule.checking.sentences import WORDS, hints
from chainrule.checking.source import function_at, tree_of


def retold(finding: Finding, report: Report, step: Step, loss: Slice | None) -> Finding:
    """A finding in the light of what happened around it."""
    if finding.kind in ("missing-term", "unexplained"):
        return _overwritten(finding, report, step) or finding
    if finding.kind == "wrong-operand" and loss is not None and _of_another_pass(step, loss):
        said = (
            f"In line {finding.line} another pass replaces the values that the backward pass reads "
            "afterwards. Make that pass after the backward pass, or keep its values apart."
        )
        told = hints("stale-cache", finding.line, said)
        return replace(finding, kind="stale-cache", explanation=said, hints=told)
    if finding.kind == "wrong-operand":
        return _where_it_was_named(finding, step.player.file)
    return finding


def without_constant(finding: Finding) -> Finding:
    """A finding whose constant is right in one step of the training and wrong in the next."""
    said = finding.explanation
    if WORDS["unexplained"] not in said:
        said = (
            f"Line {finding.line}: {WORDS['unexplained']}, and not by a constant factor: in each "
            "training step it would have to be another one."
        )
    told = hints("unexplained", finding.line, said)
    return replace(finding, kind="unexplained", severity="wrong", explanation=said, hints=told,
                   evidence=np.inf)  # fmt: skip


def _where_it_was_named(finding: Finding, file: str) -> Finding:
    """At `patch = padded[i]`, where a name that only this line reads got the wrong value."""
    tree = tree_of(file)
    around = None if tree is None else function_at(tree, finding.line)
    if around is None:
        return finding
    bound: dict[str, list[ast.Assign]] = {}
    read: dict[str, set[int]] = {}
    sized = {id(call.args[0]) for call in ast.walk(around) if _is_length(call)}
    for node in ast.walk(around):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            bound.setdefault(node.targets[0].id, []).append(node)
        is_read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Name) and is_read and id(node) not in sized:
            read.setdefault(node.id, set()).add(node.lineno)
    lines = [
        made[0].lineno
        for name, made in bound.items()
        if len(made) == 1
        and isinstance(made[0].value, ast.Subscript)
        and read.get(name) == {finding.line}
    ]
    if len(lines) != 1:
        return finding
    told = hints(finding.kind, lines[0], finding.explanation)
    return replace(finding, line=lines[0], hints=told)


def _is_length(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _overwritten(finding: Finding, report: Report, step: Step) -> Finding | None:
    """A gradient that is computed in parts, of which only the last one is kept."""
    entries = step.tape.entries
    used = step.backward | {p.target for parts in step.gradient_slices.values() for _, p in parts}
    for first, parts in step.gradient_slices.items():
        name = step.names[first]
        if name not in finding.parameters and name != finding.parameter:
            continue
        top = parts[0][1].target
        while entries[top].op in ("np.clip", "method clip", "method copy", "np.copy"):
            top = next(entries[top].refs())
        same = [
            index
            for index in range(step.begin, step.window.end)
            if entries[index].place == entries[top].place
            and entries[index].shape == entries[top].shape
            and index not in used
        ]
        if name not in report.true:
            continue
        line = step.tape.line_of(top)
        for lost in (same, *([index] for index in _unread(step, top, used))):
            total = np.sum([step.player.value(index) for index in (*lost, top)], axis=0)
            error = min(distance(sign * total, report.true[name]) for sign in (1.0, -1.0))
            if lost and error <= EXACT:
                break
        else:
            continue
        said = f"Line {line} computes a part of the gradient of {name} {len(same) + 1} times and "
        if lost is not same:
            said = f"Line {line} overwrites the part of the gradient of {name} that line "
            said += f"{step.tape.line_of(lost[0])} computes, and "
        said += "keeps only the last. Add the parts up: += and not =."
        told = hints("not-accumulated", line, said)
        return Finding("not-accumulated", "wrong", name, line, said, told, error, (), (name,))
    return None


def _unread(step: Step, top: int, used: set[int]) -> list[int]:
    """What is computed in a step in the shape of a gradient, and read by nobody."""
    entries = step.tape.entries
    return [
        index
        for index in range(step.begin, top)
        if entries[index].shape == entries[top].shape and index not in used
        if index not in step.users and entries[index].kind == "f"
    ]


def _of_another_pass(step: Step, loss: Slice) -> bool:
    """Whether the backward pass reads what the loss's own forward pass has otherwise."""
    entries = step.tape.entries
    by_place: dict[int, list[int]] = {}
    for index in loss.order:
        by_place.setdefault(entries[index].place, []).append(index)
    for parts in step.gradient_slices.values():
        for _, part in parts:
            for index in part.order:
                twins = by_place.get(entries[index].place, ())
                if not twins or index in twins or index not in step.live:
                    continue
                value = np.asarray(step.player.value(index))
                others = [np.asarray(step.player.value(twin)) for twin in twins]
                if not any(np.array_equal(value, other) for other in others):
                    return True
    return False
