"""How the user wrote a value: the expression in the source that belongs to a recorded step.

Of several operations of one kind in a line, the first that is computed is the first in the tree:
both instructions and expressions are ordered as Python evaluates them.
"""

import ast
from collections import defaultdict
from functools import lru_cache

import numpy as np

from chainrule.checking.recorder import OPS
from chainrule.checking.source import text_of, tree_of
from chainrule.checking.steps import Array, Program, Step

OPERATORS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Add: ("add",),
    ast.Sub: ("subtract",),
    ast.Mult: ("multiply",),
    ast.Div: ("divide",),
    ast.MatMult: ("contract",),
    ast.Pow: ("power", "square", "sqrt", "reciprocal"),
    ast.USub: ("negative",),
    ast.Gt: ("greater",),
    ast.GtE: ("greater_equal",),
    ast.Lt: ("less",),
    ast.LtE: ("less_equal",),
}
MODULES = ("np", "numpy", "math")
LONGEST = 60  # characters of an expression that is quoted
MOST = 24  # values of which products are tried


def expression(program: Program, index: int) -> ast.AST | None:
    """The node of the user's source that computes a step; None where it is not certain."""
    step = program.steps[index]
    if step.op == "return":
        return expression(program, step.inputs[0])
    if not step.frames:
        return None
    here = step.frames[-1]
    nodes = _by_line(tree_of(here.file)).get(here.line, [])
    nodes = [node for node in nodes if step.op in _ops(node)]
    ops = {op for node in nodes for op in _ops(node)}
    twins = {
        other.frames[-1].instruction
        for other in program.steps
        if other.frames and other.op in ops
        if (other.frames[-1].file, other.frames[-1].line) == (here.file, here.line)
    }
    if len(nodes) == 1:
        return nodes[0]
    if not nodes or len(nodes) != len(twins):
        return None  # some were not recorded: which of them this is, is not certain
    return nodes[sorted(twins).index(here.instruction)]


def operand(program: Program, index: int, slot: int) -> str:
    """The text of an operand of a step, "" where it is not known."""
    node = expression(program, index)
    parts = operands(node) if node is not None else []
    if slot >= len(parts):
        return ""
    return _text(program.steps[index].frames[-1].file, parts[slot])


def whole(program: Program, index: int) -> str:
    """The text of what a step computes: the name that it gets, or the expression."""
    step = program.steps[index]
    if step.op == "return":
        return whole(program, step.inputs[0])
    if not step.inputs:
        return _as_it_is_read(program, index)
    if step.op == "set" and step.frames:
        return _changed(step)
    node = expression(program, index)
    if node is None:
        return ""
    file = step.frames[-1].file
    if isinstance(node, ast.AugAssign):
        return _text(file, node.target)
    return _name(file, node) or _text(file, node)


def spelled(program: Program, index: int) -> str:
    """The expression of a step, also where it has a name."""
    node = expression(program, index)
    step = program.steps[index]
    if node is None or isinstance(node, ast.AugAssign):
        return whole(program, index)
    return _text((step.frames or program.steps[step.inputs[0]].frames)[-1].file, node)


def of_value(program: Program, value: Array, function: str = "") -> str:
    """A value among the user's own, as it can be written in this function; or "".

    Elsewhere its line is told too. A value that is the same everywhere could be anything.
    """
    if value.size > 1 and np.all(value == value.flat[0]):
        return ""
    found: list[tuple[bool, bool, int, str]] = []
    for index, step in enumerate(program.steps):
        if step.op == "return" or step.value.shape != value.shape or step.value.dtype.kind == "b":
            continue
        if np.allclose(step.value, value, rtol=1e-10, atol=1e-13):
            text, is_here = _in_function(program, index, function)
            if text:
                found.append((not is_here, not text.isidentifier(), index, text))
    return min(found)[3] if found else ""


def as_product(program: Program, value: Array, function: str = "") -> str:
    """A matrix that is a product of two of the user's own values, written as that; or ""."""
    if value.ndim != 2:
        return ""
    rows, columns = value.shape
    values = {
        step.value.tobytes(): step.value
        for step in program.steps
        if step.value.ndim == 2 and step.value.dtype.kind == "f" and step.op != "return"
    }
    several = list(values.values())[:MOST]
    turned = [(v, t) for v in several for t in (False, True)]
    for a, a_turned in turned:
        left = a.T if a_turned else a
        if left.shape[0] != rows:
            continue
        for b, b_turned in turned:
            right = b.T if b_turned else b
            if right.shape != (left.shape[1], columns) or not np.allclose(left @ right, value):
                continue
            texts = [of_value(program, factor, function) for factor in (a, b)]
            if all(texts):
                one, other = (
                    bracketed(text) + (".T" if t else "")
                    for text, t in zip(texts, (a_turned, b_turned), strict=True)
                )
                return f"{one} @ {other}"
    return ""


def _in_function(program: Program, index: int, function: str) -> tuple[str, bool]:
    """How a value is written in a function, or else where it is made, and which of both it is."""
    step = program.steps[index]
    text = whole(program, index)
    if text and (not step.frames or step.frames[-1].function == function or not function):
        return text, True
    read = _as_it_is_read(program, index, function)
    return (read, True) if read else (text, False)


def bracketed(text: str) -> str:
    """An expression as an operand of another one."""
    node = ast.parse(text, mode="eval").body
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)
    return text if plain else f"({text})"


def operands(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            return [node.func.value, *node.args]  # a method of an array
        return list(node.args)
    return []


# --- source --------------------------------------------------------------------------------------


def _is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in MODULES


def _ops(node: ast.AST) -> tuple[str, ...]:
    """The names under which the operation of a node may be recorded."""
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.UnaryOp):
        return OPERATORS.get(type(node.op), ())
    if isinstance(node, ast.Compare):
        return OPERATORS.get(type(node.ops[0]), ())
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return ("transpose",)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name == "mean":
            return "sum", "divide"
        return (OPS.get(name, name),)
    return ()


@lru_cache(maxsize=16)
def _by_line(tree: ast.Module | None) -> dict[int, list[ast.AST]]:
    """The operations that begin in each line, in the order of evaluation."""
    found: dict[int, list[ast.AST]] = defaultdict(list)
    for node in _evaluated(tree) if tree is not None else ():
        found[getattr(node, "lineno", 0)].append(node)
    return dict(found)


def _evaluated(tree: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        found += _evaluated(child)
    return [*found, tree] if _ops(tree) else found


@lru_cache(maxsize=16)
def _names(tree: ast.Module) -> dict[ast.AST, str]:
    return {
        node.value: node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _name(file: str, node: ast.AST) -> str:
    tree = tree_of(file)
    return "" if tree is None else _names(tree).get(node, "")


def _changed(step: Step) -> str:
    """`a` of `a[key] = value`, where a line has one such statement."""
    here = step.frames[-1]
    tree = tree_of(here.file)
    targets = [
        node.value
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        if node.lineno == here.line
    ]
    return _text(here.file, targets[0]) if len(targets) == 1 else ""


def _text(file: str, node: ast.AST) -> str:
    text = ast.get_source_segment(text_of(file), node) or ""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else ""


def _as_it_is_read(program: Program, index: int, function: str = "") -> str:
    """The text of a value where an operation, of this function or any, reads it."""
    for user in program.consumers[index]:
        reader: Step = program.steps[user]
        if function and not (reader.frames and reader.frames[-1].function == function):
            continue
        text = operand(program, user, reader.inputs.index(index))
        if text:
            return text
    return ""
