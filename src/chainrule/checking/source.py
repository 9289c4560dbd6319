"""The user's file: its text and syntax tree, and the statements that hand a name on."""

import ast
import linecache
from functools import lru_cache

from chainrule.checking.steps import Step


def text_of(file: str) -> str:
    return "".join(linecache.getlines(file))


def tree_of(file: str) -> ast.Module | None:
    """The syntax tree of a file; None where it cannot be read."""
    return _parsed(text_of(file))


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
    function = None if tree is None else function_at(tree, line)
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


def function_at(tree: ast.AST, line: int) -> ast.FunctionDef | None:
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
