"""What quantities are called: z⁽¹⁾, a⁽¹⁾, ŷ, δ⁽²⁾, ∂L/∂W⁽¹⁾, and where layers begin and end.

Names are read off the graph. A *quantity* is a node that somebody can point at: an input, a
parameter, what leaves a layer (a scope), what a line of the user's code assigns, the loss. A layer
that multiplies by a parameter opens a new *level*, the number in brackets, as in textbooks: its
result is z, what is made of it without parameters is a, anything else h.
"""

import ast
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from linecache import getline
from typing import Literal

from chainrule.graph import INPUT, Graph, Leaf, Node, Shape, ordered
from chainrule.ops.indexing import Gather
from chainrule.ops.layout import Layout
from chainrule.ops.loop import Loop
from chainrule.ops.products import Contract
from chainrule.tex import SYMBOLS, plain

Kind = Literal["input", "parameter", "layer", "line", "prediction", "loss", "auxiliary"]

# Operations that keep sums and multiples: what is made of them alone is linear in its input.
LINEAR = ("contract", "add", "subtract", "negative", "gather", "sum", "cast")

PARAMETERS = {
    "weight": "W",
    "bias": "b",
    "scale": r"\gamma",
}
# What optimizers remember, in the letters of their rules; of several, that which the rule assigns.
REMEMBERED = {
    "mean": ("m", r"\bar{g}"),
    "square": ("v",),
    "sum": ("v",),
    "momentum": ("u", "v"),
    "step_square": ("u",),
    "largest_square": (r"\hat{v}",),
}
SHIFT_OF_A_SCALE = r"\beta"  # a bias beside a scale, as normalisations have them

LOSS = "loss"  # the scope of what compares the prediction with the target
OPTIMIZER = "optimizer"  # and that of the update


@dataclass(frozen=True)
class Quantity:
    """A node with a name.

    key    how it is asked for: `z1`, `0.weight`, `loss`
    latex  its symbol
    scope  the layer that it leaves or belongs to: `0.Dense`
    level  the number in its brackets; 0 where it has none
    """

    node: Node
    key: str
    latex: str
    kind: Kind
    scope: str = ""
    level: int = 0

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @property
    def text(self) -> str:
        """The symbol in Unicode."""
        return plain(self.latex)

    @property
    def gradient_key(self) -> str:
        """`d2` for δ⁽²⁾, else the quantity's own key behind `d_`."""
        return f"d_{self.key}"

    @property
    def gradient_latex(self) -> str:
        """δ of a z, else ∂L over its symbol."""
        if self.latex.startswith("z^"):
            return r"\delta" + self.latex[1:]
        return rf"\frac{{\partial L}}{{\partial {self.latex}}}"


def scope_of(node: Node) -> str:
    return node.source.scope if node.source else ""


@dataclass(frozen=True)
class Roots:
    """The nodes that a story is about.

    prediction    the network's output, where there is a network
    parameters    by name: `0.weight`
    data          the other inputs by symbol and key
    logits        whether the loss, not the network, makes probabilities of the prediction
    lines         what lines of the user's code assign, by node
    steps         what the steps of loops that are written out compute: LaTeX, by node
    """

    loss: Node
    prediction: Node | None
    parameters: Mapping[str, Node]
    data: Mapping[str, Node]
    logits: bool = False
    lines: Mapping[Node, str] = field(default_factory=dict)
    steps: Mapping[Node, str] = field(default_factory=dict)

    @cached_property
    def forward(self) -> list[Node]:
        """All nodes of the forward pass, in order."""
        ends = [self.loss] if self.prediction is None else [self.loss, self.prediction]
        return ordered([*ends, *self.lines, *self.steps])


def quantities(roots: Roots) -> list[Quantity]:
    """All quantities that have a name of their own, inputs first, then in order."""
    namer = _Namer(roots)
    return namer.everything()


class _Namer:
    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self.nodes = roots.forward
        self.found: dict[Node, Quantity] = {}
        self.keys: set[str] = set()
        self.symbols: set[str] = set()
        self.consumers: dict[Node, list[Node]] = {}
        for node in self.nodes:
            for child in node.inputs:
                self.consumers.setdefault(child, []).append(node)

    def everything(self) -> list[Quantity]:
        for name, node in self.roots.data.items():
            if node in self.nodes:
                self.add(node, name, identifier(name), "input")
        self.layers()
        self.lines()
        self.rest()
        order = {node: place for place, node in enumerate(self.nodes)}
        return sorted(
            self.found.values(), key=lambda q: (not isinstance(q.node.op, Leaf), order[q.node])
        )

    def add(
        self, node: Node, key: str, latex: str, kind: Kind, scope: str = "", level: int = 0
    ) -> None:
        while key in self.keys:  # the same name once more: z1', z1''
            key = f"{key}'"
        while latex in self.symbols:
            latex = primed(latex)
        self.keys.add(key)
        self.symbols.add(latex)
        self.found[node] = Quantity(node, key, latex, kind, scope, level)

    def layers(self) -> None:
        """What leaves each layer, and the parameters that it holds."""
        names = {node: name for name, node in self.roots.parameters.items()}
        scopes: dict[str, list[Node]] = {}
        for node in self.nodes:
            scope = scope_of(node)
            if not isinstance(node.op, Leaf) and scope and scope != LOSS:
                scopes.setdefault(scope, []).append(node)
        level = 0
        for scope, members in scopes.items():
            level += any(is_product_with(node, names) for node in members)
            used = dict.fromkeys(child for node in members for child in node.inputs)
            owned = [node for node in used if node in names and node not in self.found]
            scaled = any(names[node].endswith("scale") for node in owned)
            for node in owned:
                latex = parameter(names[node], node.shape, level, scaled)
                self.add(node, names[node], latex, "parameter", scope, level)
            leaving = [node for node in members if self.leaves(node, scope)]
            for node in leaving:
                self.layer_output(node, members, scope, level, bool(owned))

    def leaves(self, node: Node, scope: str) -> bool:
        prediction = self.roots.prediction
        if node is prediction:
            return True
        outside = {scope_of(user) for user in self.consumers.get(node, [])} - {scope}
        if outside == {LOSS} and prediction is not None and scope_of(prediction) == scope:
            return False  # a loss that is computed past the prediction, in a more stable way
        return bool(outside)

    def layer_output(
        self, node: Node, members: Sequence[Node], scope: str, level: int, owns: bool
    ) -> None:
        linear = all(n.op.name in LINEAR or isinstance(n.op, Layout) for n in members)
        letter = "z" if linear and owns else "h" if owns or linear else "a"
        if node is self.roots.prediction and not self.roots.logits:
            self.add(node, "prediction", r"\hat{y}", "prediction", scope, level)
        elif node.ndim == 0 or node.dtype.kind != "f":
            return  # a count, a mask: told where it is used
        else:
            kind: Kind = "prediction" if node is self.roots.prediction else "layer"
            self.add(node, f"{letter}{level}", f"{letter}^{{({level})}}", kind, scope, level)

    def lines(self) -> None:
        """What steps of a loop, and lines of the user's own code, compute and give a name."""
        for node, latex in self.roots.steps.items():
            if node not in self.found and node is not self.roots.loss:
                key = re.sub(r"\\(mathrm)?|[{}]", "", latex)  # h_3, not h3, which is a layer's
                self.add(node, key, latex, "line", scope_of(node))
        for node, name in self.roots.lines.items():
            if node not in self.found and node is not self.roots.loss:
                self.add(node, name, identifier(name), "line", scope_of(node))

    def rest(self) -> None:
        names = {node: name for name, node in self.roots.parameters.items()}
        for node in self.nodes:
            if node in names and node not in self.found:
                self.add(node, names[node], identifier(names[node]), "parameter")
        loss, prediction = self.roots.loss, self.roots.prediction
        if loss not in self.found:
            self.add(loss, "loss", "L", "loss", LOSS)
        if prediction is not None and prediction not in self.found:
            self.add(prediction, "prediction", r"\hat{y}", "prediction")
        for node in self.nodes:
            if node.op is INPUT and node not in self.found:
                name = str(node.params["name"])
                self.add(node, name, identifier(name), "input")


def is_product_with(node: Node, parameters: Collection[Node]) -> bool:
    """Whether a node multiplies by a parameter, or looks rows up in one; a loop, in its steps."""
    if isinstance(node.op, Loop):
        body: Graph = node.params["body"]
        inside = zip(body.inputs, node.inputs, strict=True)
        held = {inner for inner, outer in inside if _origin(outer) in parameters}
        return any(is_product_with(step, held) for step in body.nodes)
    if not isinstance(node.op, Contract | Gather):
        return False
    factors = node.inputs if isinstance(node.op, Contract) else node.inputs[:1]
    return any(_origin(child) in parameters for child in factors)


def _origin(node: Node) -> Node:
    while (isinstance(node.op, Layout) or node.op.name == "cast") and node.inputs:
        node = node.inputs[0]
    return node


# --- symbols -------------------------------------------------------------------------------------


def parameter(name: str, shape: Shape, level: int, scaled: bool = False) -> str:
    """W⁽²⁾ of `2.weight`: by the last part of the name; a weight of one number is a small w."""
    last = name.rpartition(".")[2]
    base, _, index = last.partition("_")
    symbol = PARAMETERS.get(base) or identifier(last)
    if base in PARAMETERS and index:  # one of several weights: weight_x, weight_h
        symbol = f"{symbol}_{{{index}}}"
    if last == "bias" and scaled:
        symbol = SHIFT_OF_A_SCALE
    if symbol == "W" and _count(shape) == 1:
        symbol = "w"
    return f"{symbol}^{{({level})}}" if level else symbol


def remembered(slot: str, rule: Sequence[str]) -> str:
    """The letter of a slot of an optimizer: m of its mean of gradients."""
    for letter in REMEMBERED.get(slot, ()):
        if any(line.startswith(f"{letter} ") for line in rule):
            return letter
    return identifier(slot)


def identifier(name: str) -> str:
    """A Python name as a symbol: w1 is w₁, W_h is W with the index h, y_hat is ŷ, sigma is σ.

    Of a path such as `params['w'][0]` the last name counts, and what follows it.
    """
    words = re.findall(r"[^\W\d_][^\W_]*(?:_[^\W_]+)*|\d+", name)
    if not words:
        return r"\mathrm{value}"
    base = next((word for word in reversed(words) if not word.isdigit()), words[-1])
    behind = words[words.index(base) + 1 :]
    for accent in ("hat", "bar", "tilde"):
        if base.endswith(f"_{accent}") and len(base) > len(accent) + 1:
            return rf"\{accent}{{{identifier(base[: -len(accent) - 1])}}}"
    stem, _, index = base.partition("_")
    letters = re.fullmatch(r"([^\W\d]+)(\d*)", stem)
    word, digits = letters.groups() if letters else (stem, "")
    below = ",".join(part for part in (digits, *index.split("_"), *behind) if part)
    if word in SYMBOLS:
        symbol = f"\\{word}"
    elif len(word) == 1:
        symbol = word
    else:
        symbol = rf"\mathrm{{{word}}}"
    return f"{symbol}_{{{below}}}" if below else symbol


def typed(symbol: str) -> str:
    """A symbol as it is typed: `W1` for W⁽¹⁾."""
    return unicodedata.normalize("NFKC", symbol).translate({ord("("): None, ord(")"): None})


def primed(latex: str) -> str:
    """The symbol with a prime more, before its brackets: z′⁽¹⁾."""
    base, mark, level = latex.partition("^{(")
    return rf"{base}'{mark}{level}"


def assigned(graph: Graph, outside: Collection[tuple[str, int]]) -> dict[Node, str]:
    """The nodes that lines of the user's code assign to a variable, with its name.

    What a line calls belongs to it: of `i = sigmoid(a)` that is what the function returns.

    outside  lines, (file, number), that are not part of what is traced
    """
    consumers: dict[Node, list[Node]] = {}
    by_line: dict[tuple[str, int], list[Node]] = {}
    for node in graph.nodes:
        for child in node.inputs:
            consumers.setdefault(child, []).append(node)
        if node.source and not isinstance(node.op, Leaf):
            place = (node.source.file, node.source.line)
            for line in dict.fromkeys((place, *node.source.calls)):
                by_line.setdefault(line, []).append(node)
    found: dict[Node, str] = {}
    for place, members in by_line.items():
        name = None if place in outside else assigned_name(*place)
        last = [n for n in members if not set(members).intersection(consumers.get(n, []))]
        if name is not None and last and last[-1].dtype.kind == "f":
            found[last[-1]] = name
    return found


def assigned_name(file: str, line: int) -> str | None:
    """The one variable that a line of Python assigns, if it does."""
    text = getline(file, line).strip()
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        statements = _opened(text)
    if len(statements) != 1:
        return None
    statement = statements[0]
    if isinstance(getattr(statement, "value", None), ast.Lambda):
        return None  # what is computed in this line is the function's, not the variable
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) and not keyword.iskeyword(target.id) else None


def _opened(text: str) -> list[ast.stmt]:
    """The first line of a statement over several: `z = (` assigns z."""
    start = re.match(r"([^\W\d]\w*)\s*=[^=]", text)
    return ast.parse(f"{start[1]} = 0").body if start else []


def _count(shape: Iterable[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total
