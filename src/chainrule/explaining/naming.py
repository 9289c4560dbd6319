"""Symbols for all that a story shows: quantities, their gradients, and steps on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from chainrule import notation
from chainrule.explaining import closed
from chainrule.explaining.closed import Short
from chainrule.explaining.entries import Array
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.nested import unnamed
from chainrule.explaining.reading import MOST_OPERATIONS, Reader
from chainrule.explaining.record import Record, Slot, is_leaf
from chainrule.explaining.sideways import MARK
from chainrule.explaining.vectors import columns
from chainrule.graph import Node, constant_value, dependents, ordered
from chainrule.notation import LOSS, OPTIMIZER, Quantity, scope_of

_BACKWARD = Expr("backward")


@dataclass
class Names:
    """Who is called what.

    quantities  in the order of the forward pass, inputs first
    symbols     of nodes, forward and backward
    arrays      the numbers behind symbols that no node holds, by key
    short       gradients that are told in their short form, by the node they are of
    nodes       behind symbols, by key
    between     steps of the backward pass that are the gradient of nothing with a name
    columns     the nodes of one axis that are written as columns
    """

    record: Record
    quantities: list[Quantity]
    symbols: dict[Node, Symbol] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    short: dict[Node, Short] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    between: list[Quantity] = field(default_factory=list)
    columns: frozenset[Node] = frozenset()
    reader: Reader = field(init=False)
    _readers: dict[frozenset[Node], Reader] = field(default_factory=dict)

    def value(self, symbol: Symbol) -> Array:
        """The numbers that a symbol stands for."""
        if symbol.key.startswith(MARK):
            return np.atleast_2d(self.value(replace(symbol, key=symbol.key[len(MARK) :]))).T
        if symbol.key in self.arrays:
            return self.arrays[symbol.key]
        if symbol.key in self.nodes:
            return self.record.value(self.nodes[symbol.key])
        return self.record.value(self._by_serial[int(symbol.key[1:])])

    @cached_property
    def _by_serial(self) -> dict[int, Node]:
        """Leaves without a name, which the reader names by their number."""
        return {node.serial: node for node in self.record.values}

    def add(self, node: Node, symbol: Symbol) -> None:
        self.symbols.setdefault(node, symbol)
        self.nodes.setdefault(symbol.key, node)

    def of(self, quantity: Quantity) -> Symbol:
        return self.symbols[quantity.node]

    def is_batch(self, node: Node) -> bool:
        """Whether the first axis counts samples: of what comes from the data, not of weights."""
        return self.samples > 0 and node.shape[:1] == (self.samples,)

    def reader_past(self, hidden: frozenset[Node]) -> Reader:
        """Reads formulas in which some names are not used, but what they stand for."""
        if hidden not in self._readers:
            shown = {node: symbol for node, symbol in self.symbols.items() if node not in hidden}
            own = self.reader
            reader = Reader(shown, own.adjoints, own.given, own.columns, own.values)
            self._readers[hidden] = reader
        return self._readers[hidden]

    @property
    def samples(self) -> int:
        prediction = self.record.roots.prediction
        return prediction.shape[0] if prediction is not None and prediction.shape else 0

    @cached_property
    def telling_sample(self) -> int:
        """The sample that errs most: the one whose numbers are worked out."""
        ends = [q.node for q in self.quantities if q.kind in ("prediction", "layer")]
        for node in [self.record.roots.prediction, *reversed(ends)]:
            gradient = None if node is None else self.record.gradient(node)
            if node is None or gradient is None:
                continue
            if gradient.ndim > 1 and self.is_batch(node):
                size = np.abs(gradient).reshape(gradient.shape[0], -1).max(axis=1)
                return int(np.argmax(size)) if np.isfinite(size).all() else 0
        return 0


def named(record: Record) -> Names:
    """Names for everything in a record."""
    quantities = notation.quantities(record.roots)
    names = Names(record, quantities, columns=columns(record.roots.forward, record.adjoints))
    for quantity in quantities:
        names.add(quantity.node, _symbol(names, quantity))
    names.quantities += [*_nested(names), *_steps_between(names)]
    _find_short_form(names)
    order = {node: place for place, node in enumerate(record.roots.forward)}
    names.quantities.sort(key=lambda q: (not is_leaf(q.node), order.get(q.node, -1)))
    _name_slots(names)
    _name_gradients(names)
    names.reader = Reader(
        names.symbols, record.adjoints, _given(record), names.columns, record.values
    )
    _name_long_ones(names)
    return names


def named_as(record: Record, quantities: list[Quantity], mark: Callable[[str], str]) -> Names:
    """Names where those of the quantities are known; `mark` is put on all others."""
    names = Names(record, quantities)
    for quantity in quantities:
        names.add(quantity.node, _symbol(names, quantity))
    order = {node: place for place, node in enumerate(record.roots.forward)}
    names.quantities += _marked(names, _steps_between(names), mark)
    names.quantities.sort(key=lambda q: (not is_leaf(q.node), order.get(q.node, -1)))
    _name_gradients(names)
    names.reader = Reader(names.symbols, record.adjoints, _given(record))
    known = len(names.quantities)
    _name_long_ones(names)
    names.quantities[known:] = _marked(names, names.quantities[known:], mark)
    names.between[:] = _marked(names, names.between, mark)
    names.quantities.sort(key=lambda q: (not is_leaf(q.node), order.get(q.node, -1)))
    return names


def _marked(
    names: Names, quantities: Sequence[Quantity], mark: Callable[[str], str]
) -> list[Quantity]:
    found = []
    for quantity in quantities:
        marked = replace(quantity, latex=mark(quantity.latex))
        old = names.symbols[quantity.node]
        new = replace(old, latex=marked.latex)
        for node in [node for node, symbol in names.symbols.items() if symbol is old]:
            names.symbols[node] = new
            if hasattr(names, "reader"):
                names.reader.names[node] = new
        found.append(marked)
    if hasattr(names, "reader"):
        names.reader.forget()
    return found


def _given(record: Record) -> set[Node]:
    """The nodes that depend on no parameter."""
    learned = dependents(record.roots.forward, record.roots.parameters.values())
    return set(record.roots.forward) - learned


def _symbol(names: Names, quantity: Quantity) -> Symbol:
    node = quantity.node
    batch = names.is_batch(node) and quantity.kind != "parameter"
    return Symbol(quantity.key, quantity.latex, node.shape, batch, node in names.columns)


def _find_short_form(names: Names) -> None:
    """The gradient of what the loss reads, where it is prediction minus target.

    What lies between the two needs no names then.
    """
    kinds = ("layer", "prediction", "line", "auxiliary")
    from_the_loss = [q for q in reversed(names.quantities) if q.kind in kinds]
    for quantity in sorted(from_the_loss, key=lambda q: q.kind == "auxiliary"):
        found = closed.find(names.record, quantity.node)
        if found is None:
            continue
        names.short[quantity.node] = found
        beyond = dependents(names.record.roots.forward, [quantity.node]) - {quantity.node}
        for other in [q for q in names.quantities if q.kind == "auxiliary" and q.node in beyond]:
            names.quantities.remove(other)
            symbol = names.symbols[other.node]
            names.symbols = {n: s for n, s in names.symbols.items() if s is not symbol}
            del names.nodes[other.key]
        return


def _steps_between(names: Names) -> list[Quantity]:
    """Nodes without a name that are read several times: told once, as a step of their own."""
    record = names.record
    scratch = Reader(names.symbols, {}, _given(record))
    forward = [n for n in record.roots.forward if not is_leaf(n)]
    formulas = {node: scratch.read(node) for node in forward}
    users: dict[Expr, set[Expr]] = {}
    makers: dict[Expr, list[Node]] = {}
    own = set(forward)
    later = [n for n in ordered(record.adjoints.values()) if n not in own and not is_leaf(n)]
    for node in [*forward, *later]:
        if node in own and _is_view(formulas[node]):
            continue
        for child in node.inputs:
            origin = _core(child, formulas)
            if origin is None or origin in names.symbols:
                continue
            if node not in own or formulas[node] != formulas[origin]:
                # The backward pass reads many values once more: that counts as one use.
                user = formulas[node] if node in own else _BACKWARD
                users.setdefault(formulas[origin], set()).add(user)
    for node in forward:
        makers.setdefault(formulas[node], []).append(node)
    learned = dependents(forward, record.roots.parameters.values())
    found: list[Quantity] = []
    counts: dict[str, int] = {}
    for formula, using in users.items():
        node = makers[formula][0]
        heavy = formula.head in ("apply", "sum", "contract", "over") or formula.weight() > 1
        if len(using) < 2 or not heavy or node not in learned or node.dtype.kind != "f":
            continue
        found.append(_between(names, node, formula, counts))
        for other in makers[formula]:
            names.add(other, names.symbols[node])
    return found


def _nested(names: Names) -> list[Quantity]:
    """Of a function: what its lines compute without giving it a name."""
    roots = names.record.roots
    if roots.prediction is not None:
        return []
    learned = dependents(roots.forward, roots.parameters.values())
    found: list[Quantity] = []
    counts: dict[str, int] = {}
    for node in unnamed(roots.forward, learned, names.symbols):
        formula = Reader(names.symbols, {}, _given(names.record)).read(node)
        found.append(_between(names, node, formula, counts))
    return found


def _is_view(formula: Expr) -> bool:
    return formula.head in ("symbol", "number") or (
        formula.head == "layout" and formula.data is None
    )


def _core(node: Node, formulas: Mapping[Node, Expr]) -> Node | None:
    """The node whose numbers these are, behind reshapes and casts; None for a leaf."""
    while node in formulas and _is_view(formulas[node]) and node.inputs:
        node = node.inputs[0]
    return node if node in formulas else None


def _between(names: Names, node: Node, formula: Expr, counts: dict[str, int]) -> Quantity:
    letter = _letter(formula)
    counts[letter] = counts.get(letter, 0) + 1
    key = f"{letter.strip(chr(92))}{counts[letter]}"
    while key in names.nodes:
        counts[letter] += 1
        key = f"{letter.strip(chr(92))}{counts[letter]}"
    latex = f"{letter}_{{{counts[letter]}}}"
    quantity = Quantity(node, key, latex, "auxiliary", scope_of(node))
    names.add(node, _symbol(names, quantity))
    return quantity


def _letter(formula: Expr) -> str:
    """A letter that says what it is: μ for a mean, s for a root, e for an exponential."""
    if formula.head == "times" and len(formula.args) == 2 and formula.args[1].head == "sum":
        summed = formula.args[1].args[0]
        count = summed.size / max(formula.size, 1)
        if formula.args[0].head == "number" and abs(formula.args[0].data * count - 1) < 1e-6:
            return r"\mu" if summed.head == "symbol" else "v"
    name = getattr(formula.data, "name", "")
    return {"exp": "e", "sqrt": "s"}.get(name, "u")


def _name_slots(names: Names) -> None:
    """The optimizer's memory: m, v, … of each parameter, before and after."""
    parameters = {q.key: q for q in names.quantities if q.kind == "parameter"}
    for slot in names.record.slots:
        owner = parameters.get(slot.parameter)
        if owner is None:
            if not slot.parameter:  # how many updates there have been
                _name_count(names, slot)
            continue
        base = notation.remembered(slot.name, names.record.rule)
        for node, key, mark in ((slot.before, "", ""), (slot.after, "_new", r"^{\mathrm{new}}")):
            latex = rf"{base}{mark}({owner.latex})"
            column = names.record.roots.parameters[slot.parameter] in names.columns
            name = f"{slot.name}:{slot.parameter}{key}"
            names.add(node, Symbol(name, latex, node.shape, column=column))


def _name_count(names: Names, slot: Slot) -> None:
    """t is the number of this update: one more than have been made."""
    names.add(slot.before, Symbol(slot.name, "(t-1)", ()))
    for node in ordered(names.record.updates.values()):
        if node.op.name == "add" and node.shape == ():
            counts = [_without_casts(child) is slot.before for child in node.inputs]
            if any(counts) and constant_value(node.inputs[counts.index(True) - 1]) == 1:
                names.add(node, Symbol("t", "t", ()))


def _without_casts(node: Node) -> Node:
    while node.op.name == "cast":
        (node,) = node.inputs
    return node


def _name_gradients(names: Names) -> None:
    """The gradient of each quantity; of several that share one node, the one nearest the loss."""
    for quantity in reversed(names.quantities):
        node = names.record.adjoints.get(quantity.node)
        if node is None or quantity.kind == "loss" or constant_value(node) is not None:
            continue
        batch = names.is_batch(node) and quantity.kind != "parameter"
        key = quantity.gradient_key
        column = quantity.node in names.columns
        names.add(node, Symbol(key, quantity.gradient_latex, node.shape, batch, column))
        names.nodes.setdefault(key, node)


def _name_long_ones(names: Names) -> None:
    """A formula that would be too long to read is cut: what it is made of gets a name."""
    record, reader = names.record, names.reader
    serial = 0
    ends = [*record.roots.forward, *record.adjoints.values(), *record.updates.values()]
    told_short = [record.adjoints[node] for node in names.short]
    skipped = {n for n in ordered(told_short) if n.role is not None}
    for node in ordered(ends):
        if node in skipped or is_leaf(node) or node in reader.names or node.dtype.kind != "f":
            continue
        if scope_of(node) == OPTIMIZER or (names.short and scope_of(node) == LOSS):
            continue
        if reader.read(node).weight() > MOST_OPERATIONS:
            serial += 1
            letter = "u" if node.role is None else "g"
            key = f"{letter}'{serial}"
            batch, column = names.is_batch(node), node in names.columns
            symbol = Symbol(key, rf"{letter}'_{{{serial}}}", node.shape, batch, column)
            names.add(node, symbol)
            reader.names[node] = symbol
            quantity = Quantity(node, key, symbol.latex, "auxiliary", scope_of(node))
            (names.quantities if node.role is None else names.between).append(quantity)


def target_symbol(names: Names, short: Short) -> Symbol:
    """The target in the shape of the prediction; class numbers as rows of 0 and 1."""
    own = names.symbols[short.target]
    if short.target.shape == short.node.shape:
        return own
    key = f"{own.key}_one_hot"
    names.arrays[key] = np.asarray(short.target_value)
    column = short.node in names.columns
    return Symbol(key, own.latex, short.node.shape, names.is_batch(short.node), column)
