"""From nodes to formulas: what one node is, in terms of the nodes that have names.

A backward node is read by its role. The adjoint that an elementwise function hands on is the
adjoint of its result times its derivative, whatever the nodes that compute it; every other rule is
read as the nodes that it made.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from chainrule.explaining import expression as ex
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.features import counting
from chainrule.graph import CAPTURED, CONSTANT, Node, constant_value
from chainrule.ops import TABLE
from chainrule.ops.layout import BroadcastTo, Layout, Reshape, StopGradient, Transpose
from chainrule.ops.map import Map
from chainrule.ops.products import Contract
from chainrule.ops.reductions import Reduce

MOST_OPERATIONS = 16  # in one formula; what is longer is told in several steps
_FUNCTION = re.compile(r"^(\\[a-z]+|\\operatorname\{\{\w+\}\})(\(\{0\}\)| \{0\})$")
# Their derivatives are shorter than the prime: exp, 1/x.
_SIMPLE_DERIVATIVE = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")


def is_function(op: object) -> bool:
    """Whether a row is written f(x), so that its derivative can be written f′(x)."""
    if not isinstance(op, Map) or op.arity != 1 or op.derivative is None:
        return False
    match = _FUNCTION.match(op.latex)
    return match is not None and op.name not in _SIMPLE_DERIVATIVE


class Reader:
    """Reads nodes as formulas.

    names     nodes that are written as a symbol
    adjoints  of forward nodes: the nodes of their gradients
    given     nodes that follow from the data alone: how an index or a mask was computed is told
              only where it is short
    columns   nodes of one axis that are written as columns
    values    the numbers of nodes: small constants are written as what they are
    """

    def __init__(
        self,
        names: Mapping[Node, Symbol],
        adjoints: Mapping[Node, Node],
        given: Collection[Node] = (),
        columns: Collection[Node] = (),
        values: Mapping[Node, Any] = MappingProxyType({}),
    ) -> None:
        self.names = dict(names)
        self.adjoints = adjoints
        self.given, self.columns, self.values = given, columns, values
        self._known: dict[Node, Expr] = {}

    def forget(self) -> None:
        """Names have changed: what was read is read anew."""
        self._known.clear()

    def read(self, node: Node) -> Expr:
        """The node as a formula of named ones; of its own name, what it stands for."""
        return self._formula(node)

    def _inside(self, node: Node) -> Expr:
        if node in self.names:
            return ex.symbol(self.names[node])
        if node not in self._known:
            found = self._formula(node)
            if node in self.given and node.dtype.kind in "iub" and found.weight() > 2:
                word = "mask" if node.dtype.kind == "b" else "index"
                found = ex.symbol(self._unnamed(node, rf"\mathrm{{{word}}}"))
            self._known[node] = found
        return self._known[node]

    def _unnamed(self, node: Node, latex: str) -> Symbol:
        return Symbol(f"#{node.serial}", latex, node.shape, column=node in self.columns)

    def _formula(self, node: Node) -> Expr:
        found = self._by_role(node) or self._by_op(node)
        return Expr(found.head, found.args, found.shape, found.data, node)

    def _by_role(self, node: Node) -> Expr | None:
        role = node.role
        if role is None or role.term != "product" or role.wrt is None:
            return None
        forward, wrt = role.of, role.wrt
        if not is_function(forward.op) or forward not in self.adjoints:
            return None
        outer = self.adjoints[forward]
        if outer is node or node.shape != forward.inputs[wrt].shape:
            return None
        slope = Expr(
            "derivative",
            tuple(self._inside(child) for child in forward.inputs),
            forward.shape,
            (forward.op, wrt),
            forward,
        )
        return ex.times(self._inside(outer), slope)

    def _by_op(self, node: Node) -> Expr:
        value = constant_value(node)
        if value is not None and not isinstance(value, bool):
            return ex.number(value, node.shape)
        if not node.inputs:
            shown = counting(self.values.get(node)) if node.dtype.kind != "b" else None
            return ex.symbol(self._unnamed(node, shown or _leaf_latex(node)))
        args = [self._inside(child) for child in node.inputs]
        op = node.op
        if isinstance(op, Contract):
            return ex.contract(node.params["spec"], args[0], args[1], node.shape)
        if isinstance(op, Reduce) and op.name == "sum":
            return ex.total(args[0], tuple(node.params["axes"]), node.shape)
        if isinstance(op, Reshape | BroadcastTo | StopGradient):
            return ex.view(args[0], node.shape)
        if isinstance(op, Transpose) and tuple(node.params["axes"]) == (1, 0):
            return ex.transposed(args[0])
        if isinstance(op, Layout):
            return Expr("layout", tuple(args), node.shape, node)
        return _arithmetic(node, args) or Expr("apply", tuple(args), node.shape, _what(node))


def _arithmetic(node: Node, args: list[Expr]) -> Expr | None:
    name = node.op.name
    if name == "add":
        return ex.plus(*args)
    if name == "subtract":
        return ex.plus(args[0], ex.negative(args[1]))
    if name == "negative":
        return ex.negative(args[0])
    if name == "multiply":
        return ex.times(*args)
    if name == "divide":
        return ex.over(*args)
    if name == "cast":
        return args[0]
    if name == "where" and node.inputs[0].dtype.kind == "b":
        return _gate(node, *args)
    return None


def _gate(node: Node, condition: Expr, yes: Expr, no: Expr) -> Expr | None:
    """What passes where a condition holds, and is 0 elsewhere: a product with 1 or 0."""
    if ex.is_number(no, 0):
        return ex.times(yes, condition, shape=node.shape)
    opposite = _OPPOSITES.get(getattr(condition.data, "name", ""))
    if ex.is_number(yes, 0) and opposite is not None:
        other = Expr("apply", condition.args, condition.shape, TABLE[opposite])
        return ex.times(no, other, shape=node.shape)
    return None


_OPPOSITES = {
    **{"greater": "less_equal", "less_equal": "greater"},
    **{"less": "greater_equal", "greater_equal": "less"},
    **{"equal": "not_equal", "not_equal": "equal"},
}


def _what(node: Node) -> object:
    """The op of a Map alone: equal formulas are then equal. Others keep the node's settings."""
    return node.op if isinstance(node.op, Map) and not node.params else node


def _leaf_latex(node: Node) -> str:
    if node.dtype.kind == "b":
        return r"\mathrm{mask}"
    return "C" if node.op is CONSTANT or node.op is CAPTURED else r"\mathrm{value}"
