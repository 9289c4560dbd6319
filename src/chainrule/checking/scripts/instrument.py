"""A script's syntax tree, rewritten so that a recorder sees every operation with its line.

    delta = (output - y) * slope(z[0])

becomes, with `__chainrule__` the recorder and the first argument the number of a place,

    delta = __chainrule__.named(3, __chainrule__.binary(0, "multiply", __chainrule__.binary(…), …))

What a statement computes stays the same; only who computes it changes. Types, decorators' results,
scopes and the order of evaluation are Python's.
"""

import ast
from dataclasses import dataclass
from typing import Any

RECORDER = "__chainrule__"  # two underscores at the end: no class mangles it

BINARY = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "mod",
    ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or",
}
UNARY = {ast.USub: "negative", ast.Invert: "invert"}
COMPARE = {
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
# Called as they are: they compute nothing, or need the frame of their caller.
PLAIN = {
    "super", "print", "len", "range", "isinstance", "issubclass", "type", "locals", "globals",
    "vars", "dir", "open", "str", "int", "bool", "repr", "format", "input", "getattr", "setattr",
    "hasattr", "id", "hash", "exit", "quit", "property", "staticmethod", "classmethod", "dict",
    "set", "slice", "exec", "eval", "__import__",
}  # fmt: skip
ATTRIBUTES = {"T", "real", "mT"}


@dataclass(frozen=True)
class Place:
    """Where in the source something is computed.

    text  of a change in place what changes; of an operation which operands are written numbers
    """

    line: int
    function: str
    text: str = ""


def instrumented(source: str, file: str) -> tuple[ast.Module, list[Place]]:
    """The rewritten tree, and its places by number; raises SyntaxError as Python does."""
    tree = ast.parse(source, file)
    rewriter = _Rewriter(source)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    return tree, rewriter.places


class _Rewriter(ast.NodeTransformer):
    def __init__(self, source: str) -> None:
        self.source = source
        self.places: list[Place] = []
        self._functions: list[str] = []
        self._classes: list[str] = []

    # --- places ---

    def _place(self, node: Any, text: str = "") -> ast.Constant:
        function = ".".join(self._functions) or "<module>"
        self.places.append(Place(node.lineno, function, text))
        return ast.Constant(len(self.places) - 1)

    def _hook(self, name: str, node: Any, *arguments: ast.expr) -> ast.Call:
        function = ast.Attribute(ast.Name(RECORDER, ast.Load()), name, ast.Load())
        call = ast.Call(function, list(arguments), [])
        return ast.copy_location(call, node)

    def _mangled(self, name: str) -> str:
        """As Python renames private attributes inside of a class."""
        if self._classes and name.startswith("__") and not name.endswith("__"):
            return f"_{self._classes[-1].lstrip('_')}{name}"
        return name

    # --- scopes ---

    def _scope(self, node: Any) -> Any:
        self._functions.append(node.name)
        for default in ("defaults", "kw_defaults"):
            values = getattr(node.args, default)
            setattr(node.args, default, [v if v is None else self.visit(v) for v in values])
        node.body = [self.visit(statement) for statement in node.body]
        self._functions.pop()
        return node

    visit_FunctionDef = _scope
    visit_AsyncFunctionDef = _scope

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self._functions.append(node.name)
        self._classes.append(node.name)
        node.body = [self.visit(statement) for statement in node.body]
        self._classes.pop()
        self._functions.pop()
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None or not isinstance(node.target, ast.Name):
            return node
        plain = ast.copy_location(ast.Assign([node.target], node.value), node)
        changed = self.visit(plain)
        node.value = changed.value
        return node

    def visit_match_case(self, node: ast.match_case) -> Any:
        node.body = [self.visit(statement) for statement in node.body]
        return node

    # --- operations ---

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        name = BINARY.get(type(node.op))
        left, right = self._operand(node.left), self._operand(node.right)
        if name is None:
            node.left, node.right = left, right
            return node
        place = self._place(node, _literals(left, right))
        return self._hook("binary", node, place, ast.Constant(name), left, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        name = UNARY.get(type(node.op))
        if name == "negative" and isinstance(node.operand, ast.Constant):
            return self._fresh(node) if isinstance(node.operand.value, float) else node
        if name is None:
            node.operand = self.visit(node.operand)
            return node
        operand = self._operand(node.operand)
        return self._hook("unary", node, self._place(node), ast.Constant(name), operand)

    def _operand(self, node: ast.expr) -> Any:
        """A number written in a formula stays a number; elsewhere it may become a parameter."""
        if isinstance(node, ast.Constant):
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            return node
        return self.visit(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return self._fresh(node) if type(node.value) is float else node

    def _fresh(self, node: ast.expr) -> ast.Call:
        return self._hook("fresh", node, node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        name = COMPARE.get(type(node.ops[0]))
        if len(node.ops) > 1 or name is None:
            node.left = self.visit(node.left)
            node.comparators = [self.visit(part) for part in node.comparators]
            return node
        left, right = self._operand(node.left), self._operand(node.comparators[0])
        return self._hook("binary", node, self._place(node), ast.Constant(name), left, right)

    # --- calls, items, attributes ---

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in PLAIN:
            node.args = [self.visit(part) for part in node.args]
            for keyword in node.keywords:
                keyword.value = self.visit(keyword.value)
            return node
        if isinstance(node.func, ast.Attribute):
            name = ast.Constant(self._mangled(node.func.attr))
            head = [self.visit(node.func.value), name]
            call = self._hook("method", node, self._place(node), *head)
        else:
            call = self._hook("call", node, self._place(node), self.visit(node.func))
        call.args += [self._operand(part) for part in node.args]
        call.keywords = [
            ast.keyword(keyword.arg, self._operand(keyword.value)) for keyword in node.keywords
        ]
        return call

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        node.value = self.visit(node.value)
        if node.attr in ATTRIBUTES and isinstance(node.ctx, ast.Load):
            name = ast.Constant(node.attr)
            return self._hook("attribute", node, self._place(node), node.value, name)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        node.value = self.visit(node.value)
        node.slice = self._index(node.slice)
        if isinstance(node.ctx, ast.Load):
            return self._hook("item", node, self._place(node), node.value, node.slice)
        if isinstance(node.ctx, ast.Store):
            node.value = self._hook("slots", node, self._place(node), node.value)
        return node

    def _index(self, node: ast.expr) -> Any:
        """An index as an expression: a slice is written `slice(a, b, c)`."""
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            bounds = [ast.Constant(None) if p is None else self.visit(p) for p in parts]
            return self._hook("slice", node, *bounds)
        if isinstance(node, ast.Tuple):
            node.elts = [self._index(part) for part in node.elts]
            return node
        return self.visit(node)

    # --- assignments and loops ---

    def visit_Assign(self, node: ast.Assign) -> Any:
        node.value = self.visit(node.value)
        node.targets = [self.visit(target) for target in node.targets]
        target = node.targets[0]
        if isinstance(target, ast.Name):
            names: Any = target.id
        elif isinstance(target, ast.Tuple | ast.List):
            names = tuple(part.id if isinstance(part, ast.Name) else "" for part in target.elts)
            if any(isinstance(part, ast.Starred) for part in target.elts):
                names = ()
        else:
            names = ""
        if names:
            place = self._place(node)
            node.value = self._hook("named", node, place, _literal(names), node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        name = BINARY.get(type(node.op))
        target, value = node.target, self._operand(node.value)
        text = ast.get_source_segment(self.source, target) or ""
        if name is None:
            node.value = value
            return node
        place, operation = self._place(node, text), ast.Constant(name)
        if isinstance(target, ast.Name):
            read = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            changed = self._hook("in_place", node, place, operation, read, value)
            return ast.copy_location(ast.Assign([target], changed), node)
        owner = self.visit(target.value)
        if isinstance(target, ast.Attribute):
            attribute = ast.Constant(self._mangled(target.attr))
            hook = self._hook("attribute_in_place", node, place, operation, owner, attribute, value)
        else:
            index = self._index(target.slice)
            hook = self._hook("item_in_place", node, place, operation, owner, index, value)
        return ast.copy_location(ast.Expr(hook), node)

    def visit_For(self, node: ast.For) -> Any:
        node.iter = self._hook("each", node.iter, self._place(node), self.visit(node.iter))
        node.target = self.visit(node.target)
        node.body = [self.visit(statement) for statement in node.body]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        node.iter = self._hook("each", node.iter, self._place(node.iter), self.visit(node.iter))
        node.ifs = [self.visit(part) for part in node.ifs]
        return node


def _literals(left: ast.expr, right: ast.expr) -> str:
    """Which operands are numbers written in the formula."""
    written = [isinstance(part, ast.Constant | ast.UnaryOp) for part in (left, right)]
    return "".join(letter for letter, flag in zip("lr", written, strict=True) if flag)


def _literal(names: str | tuple[str, ...]) -> ast.expr:
    if isinstance(names, str):
        return ast.Constant(names)
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())
