"""Edits of the user's own text: loops and indices one short or long, `=` where `+=` belongs.

What such a change makes of a gradient is no edit of the arithmetic that happened, since other
arithmetic happens. So the function is compiled with the change and called.
"""

import ast
import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import process_time
from types import CodeType, FunctionType
from typing import Any

from chainrule.checking.source import tree_of
from chainrule.checking.steps import Program

Apply = Callable[[], Callable[[], None]]  # changes the tree; what it returns puts it back


@dataclass(frozen=True, eq=False)
class SourceEdit:
    """A change of one node of the syntax tree.

    kind    the mistake that it corrects; remedy: what to write
    """

    kind: str
    file: str
    line: int
    remedy: str
    definition: ast.FunctionDef
    apply: Apply

    @contextmanager
    def applied(self, functions: Sequence[FunctionType]) -> Iterator[None]:
        """Inside, the user's function computes with the change."""
        tree = tree_of(self.file)
        assert tree is not None
        undo = self.apply()
        try:
            module = ast.fix_missing_locations(tree)
            code = compile(module, self.file, "exec", dont_inherit=True)
        finally:
            undo()
        before = [(function, function.__code__) for function in functions]
        for function, old in before:
            new = _code_of(code, old)
            if new is not None and new.co_freevars == old.co_freevars:
                function.__code__ = new
        try:
            yield
        finally:
            for function, old in before:
                function.__code__ = old


def source_edits(function: Any, program: Program) -> tuple[list[SourceEdit], list[FunctionType]]:
    """The edits of the functions that ran, and the functions."""
    functions = _functions(function, program)
    found: list[SourceEdit] = []
    for user in functions:
        file = user.__code__.co_filename
        tree = tree_of(file)
        if tree is None:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and _is_definition(node, user.__code__):
                found += _edits_of(node, file)
    return found, functions


def _functions(function: Any, program: Program) -> list[FunctionType]:
    """The user's functions that the recording went through."""
    ran = {(frame.file, frame.function) for step in program.steps for frame in step.frames}
    plain = getattr(function, "__func__", function)
    found: dict[int, FunctionType] = {}

    def visit(value: Any) -> None:
        if isinstance(value, FunctionType):
            code = value.__code__
            if (code.co_filename, code.co_name) in ran:
                found[id(value)] = value
        elif inspect.isclass(value):
            for member in vars(value).values():
                visit(getattr(member, "__func__", member))

    visit(plain)
    for value in list(getattr(plain, "__globals__", {}).values()):
        visit(value)
        if not inspect.isclass(value) and hasattr(value, "__dict__"):
            visit(type(value))
    return list(found.values())


def _is_definition(node: ast.FunctionDef, code: CodeType) -> bool:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return node.name == code.co_name and first == code.co_firstlineno


def _code_of(module: CodeType, old: CodeType) -> CodeType | None:
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name == old.co_name and constant.co_firstlineno == old.co_firstlineno:
                return constant
            inner = _code_of(constant, old)
            if inner is not None:
                return inner
    return None


# --- the edits -----------------------------------------------------------------------------------


def _edits_of(definition: ast.FunctionDef, file: str) -> Iterator[SourceEdit]:
    def edit(kind: str, node: Any, remedy: str, apply: Apply) -> SourceEdit:
        return SourceEdit(kind, file, node.lineno, remedy, definition, apply)

    loop_names = _loop_names(definition)
    for node in ast.walk(definition):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "range":
                for place, argument in enumerate(node.args):
                    if len(node.args) == 3 and place == 2:
                        continue
                    for new in _nudged(argument):
                        yield edit("off-by-one", node, _said(new), _item(node.args, place, new))
        elif isinstance(node, ast.Slice):
            for name in ("lower", "upper"):
                bound = getattr(node, name)
                if bound is not None:
                    bounds: list[ast.expr | None] = [*_nudged(bound), None]
                    for new_bound in bounds:
                        yield edit(
                            "off-by-one", bound, _said(new_bound), _attribute(node, name, new_bound)
                        )
        elif isinstance(node, ast.Subscript) and _reads(node.slice, loop_names):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for place, part in enumerate(parts):
                if isinstance(part, ast.Slice) or not _reads(part, loop_names):
                    continue
                for new in _nudged(part):
                    apply = (
                        _item(parts, place, new)
                        if isinstance(node.slice, ast.Tuple)
                        else _attribute(node, "slice", new)
                    )
                    yield edit("off-by-one", node, _said(new), apply)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            for new in _nudged(node.right) if _reads(node.right, loop_names) else ():
                yield edit("off-by-one", node, _said(new), _attribute(node, "right", new))
    for block in _blocks(definition):
        for place, statement in enumerate(block):
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name | ast.Subscript):
                    adds = ast.AugAssign(target, ast.Add(), statement.value)
                    adds = ast.copy_location(adds, statement)
                    yield edit(
                        "not-accumulated",
                        statement,
                        f"Write `{ast.unparse(adds)}`.",
                        _item(block, place, adds),
                    )
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
                sets = ast.Assign([statement.target], statement.value)
                sets = ast.copy_location(sets, statement)
                yield edit(
                    "extra-term",
                    statement,
                    f"Write `{ast.unparse(sets)}`.",
                    _item(block, place, sets),
                )


def _said(node: ast.expr | None) -> str:
    return f"Write `{ast.unparse(node)}` there." if node is not None else "Leave the bound out."


def _loop_names(definition: ast.FunctionDef) -> set[str]:
    """The names that loops count with."""
    found: set[str] = set()
    for node in ast.walk(definition):
        if isinstance(node, ast.For | ast.comprehension):
            found |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
    return found


def _reads(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id in names for inner in ast.walk(node))


def _nudged(node: ast.expr) -> Iterator[ast.expr]:
    """One more and one less, as a person would write it."""
    for step in (1, -1):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield ast.copy_location(ast.Constant(node.value + step), node)
            continue
        offset = _offset(node)
        if offset is not None:
            yield ast.copy_location(_moved(node, offset + step), node)
            continue
        op: ast.operator = ast.Add() if step > 0 else ast.Sub()
        yield ast.copy_location(ast.BinOp(copy.copy(node), op, ast.Constant(1)), node)


def _offset(node: ast.expr) -> int | None:
    """2 of `t + 2`, -1 of `t - 1`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = node.right
        if isinstance(right, ast.Constant) and isinstance(right.value, int):
            return right.value if isinstance(node.op, ast.Add) else -right.value
    return None


def _moved(node: ast.expr, offset: int) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    if offset == 0:
        return node.left
    op = ast.Add() if offset > 0 else ast.Sub()
    return ast.BinOp(node.left, op, ast.Constant(abs(offset)))


def _item(items: list[Any], place: int, new: Any) -> Apply:
    def apply() -> Callable[[], None]:
        old, items[place] = items[place], new
        return lambda: items.__setitem__(place, old)

    return apply


def _attribute(node: ast.AST, name: str, new: Any) -> Apply:
    def apply() -> Callable[[], None]:
        old = getattr(node, name)
        setattr(node, name, new)
        return lambda: setattr(node, name, old)

    return apply


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def tried(
    edits: Sequence[SourceEdit],
    functions: Sequence[FunctionType],
    helps: Callable[[], bool],
    record: Callable[[], Program],
    until: float,
) -> Iterator[tuple[SourceEdit, Program]]:
    """The edits under which `helps` says yes, with what is then recorded."""
    for edit in edits:
        if process_time() > until:
            return
        try:
            with edit.applied(functions):
                if helps():
                    yield edit, record()
        except Exception:  # an index out of range, a shape that does not fit: no correction
            continue
