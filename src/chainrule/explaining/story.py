"""The story of one pass: steps in the order in which they happen, each with its numbers.

A story is data. `steps` holds everything that is shown of a pass; the terminal, pages and diagrams
print it in their own way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

from chainrule.errors import SettingError, UnknownNameError
from chainrule.explaining.entries import Array, Index, Numbers
from chainrule.explaining.expression import Expr
from chainrule.explaining.naming import Names, named
from chainrule.explaining.record import Record
from chainrule.files import StrPath, write_atomically
from chainrule.graph import Node, Shape
from chainrule.notation import Quantity, typed
from chainrule.ops.loop import Loop
from chainrule.tex import plain

if TYPE_CHECKING:
    from chainrule.explaining.derivation import Derivation
    from chainrule.explaining.jacobian import Jacobians
    from chainrule.explaining.paths import Paths
    from chainrule.explaining.unrolling import Unrolled

Phase = Literal["given", "forward", "loss", "backward", "update"]
PHASES: tuple[Phase, ...] = ("given", "forward", "loss", "backward", "update")

NOT_YET = "not yet computed"  # what a gradient is before the backward pass; never 0


@dataclass(frozen=True)
class Step:
    """One quantity as it is computed.

    phase      given (inputs and parameters), forward, loss, backward or update
    key        how its numbers are asked for: `z1`, `0.weight`; of a gradient, the key of what it
               is the gradient of
    quantity   what it is, or what it is the gradient or the new value of
    symbol     LaTeX: `z^{(1)}`, `\\delta^{(2)}`, `\\frac{\\partial L}{\\partial W^{(1)}}`
    meaning    what the symbol is short for, where it is: ∂L/∂z⁽²⁾ of δ⁽²⁾
    formula    the right-hand side in symbols, LaTeX
    entry      LaTeX of one entry of the symbol, `z^{(1)}_{12}`; of a single number, the symbol
    index      which entry
    numbers    that entry's formula with the numbers in it, LaTeX
    value      the whole result, an array
    shapes     (LaTeX, shape) of the result and of all that the formula reads, in this order
    uses       the keys of what the formula reads
    sentence   what a tutor would say
    layer      the layer that it belongs to: `0.Dense`, `loss`, `optimizer`, or nothing
    node       the node of the graph that holds the numbers
    slopes     local derivatives in the formula: (LaTeX, values)
    expression the formula as a tree
    is_memory  in the update: what the optimizer remembers, not the new value of a parameter
    lines      of a loop: what each of its steps computes, (left, right) in LaTeX; backward, where
               the loop is told first
    """

    phase: Phase
    key: str
    quantity: Quantity
    symbol: str
    meaning: str
    formula: str
    entry: str
    index: Index
    numbers: str
    value: Array
    shapes: tuple[tuple[str, Shape], ...]
    uses: tuple[str, ...]
    sentence: str
    layer: str
    node: Node
    slopes: tuple[tuple[str, Array], ...] = ()
    expression: Expr | None = None
    is_memory: bool = False
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """`z⁽¹⁾ = x W⁽¹⁾ + b⁽¹⁾` in Unicode."""
        return plain(f"{self.symbol} = {self.formula}") if self.formula else plain(self.symbol)

    @property
    def place(self) -> str:
        """Where it belongs: the layer, or of a parameter's gradient and update, its name; and the
        level, which its symbols carry in brackets: `2.weight · level 2`."""
        own = self.quantity.kind == "parameter" and self.phase in ("backward", "update")
        name = self.quantity.key if own and self.layer else self.layer
        level = self.quantity.level
        return f"{name} · level {level}" if name and level else name

    @property
    def is_gradient(self) -> bool:
        return self.phase == "backward"


@dataclass(frozen=True)
class State:
    """What is known of a quantity at some time: arrays, or "not yet computed"."""

    value: Array | str
    gradient: Array | str
    updated: Array | str


class Lookup(dict[str, Array]):
    """Arrays by name; other names of a quantity, such as `z⁽¹⁾` of z1, are found as well."""

    def __init__(self, arrays: Mapping[str, Array], others: Mapping[str, Array], kind: str) -> None:
        super().__init__(arrays)
        self._others, self._kind = others, kind

    def __missing__(self, name: str) -> Array:
        if name in self._others:
            return self._others[name]
        known = {*self, *(other for other in self._others if other.isascii())}
        raise UnknownNameError(self._kind, name, known)


class Story:
    """A pass explained. Made by `cr.explain`.

    title       what is explained, in one line
    steps       `Step` by step, in order
    quantities  what has a name, in the order of the forward pass
    values      name -> array: inputs, parameters, z1, a1, …, the prediction, the loss
    gradients   name -> ∂loss/∂, listed like the parameters; `gradients["z1"]` is δ⁽¹⁾
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.names: Names = named(record)
        self.numbers = Numbers(self.names.value, record.values)
        self.title = record.title
        self._unrolled: dict[Node, Unrolled] = {}

    # --- the numbers ---

    @property
    def quantities(self) -> Sequence[Quantity]:
        return self.names.quantities

    @cached_property
    def values(self) -> Lookup:
        arrays = {q.key: self.record.value(q.node) for q in self.quantities}
        others = {typed(q.text): arrays[q.key] for q in self.quantities}
        others |= {q.text: arrays[q.key] for q in self.quantities}
        return Lookup(arrays, others, "quantity")

    @cached_property
    def gradients(self) -> Lookup:
        arrays: dict[str, Array] = {}
        others: dict[str, Array] = {}
        for quantity in self.quantities:
            gradient = self.record.gradient(quantity.node)
            if gradient is None:
                continue
            if quantity.kind != "parameter":
                others[quantity.key] = gradient
            others[quantity.text] = others[typed(quantity.text)] = gradient
            others[plain(quantity.gradient_latex)] = gradient
        for name, node in self.record.roots.parameters.items():
            found = self.record.gradient(node)
            arrays[name] = np.zeros(node.shape, node.dtype) if found is None else found
        return Lookup(arrays, others, "gradient")

    @property
    def loss(self) -> float:
        return float(self.record.value(self.record.roots.loss))

    @property
    def sample(self) -> int:
        """The sample whose numbers are worked out: the one that errs most, counted from 0."""
        return self.names.telling_sample

    def quantity(self, name: str) -> Quantity:
        """A quantity by key, symbol or parameter name; UnknownNameError for any other.

        `W1` finds W⁽¹⁾ as well.
        """
        for quantity in self.quantities:
            own = (quantity.key, quantity.text, plain(quantity.gradient_latex))
            if name in (*own, typed(quantity.text)):
                return quantity
        known = {name for q in self.quantities for name in (q.key, typed(q.text))}
        raise UnknownNameError("quantity", name, known)

    def unrolled(self, loop: Node) -> "Unrolled":
        """A loop of the graph, unrolled over time."""
        from chainrule.explaining.unrolling import Unrolled

        if loop not in self._unrolled:
            self._unrolled[loop] = Unrolled(self, loop)
        return self._unrolled[loop]

    @cached_property
    def written_out(self) -> "Story | None":
        """The same pass with its loops written out, where they are short; None without loops."""
        from chainrule.explaining.written_out import written_out

        record = written_out(self)
        return None if record is None else Story(record)

    @cached_property
    def jacobians(self) -> "Jacobians":
        from chainrule.explaining.jacobian import Jacobians

        return Jacobians(self.record)

    def shared_loop(self, node: Node) -> "tuple[Unrolled, int] | None":
        """The loop that alone makes the gradient of a node, which all its steps share, and as
        which of its constants."""
        for loop in (n for n in self.record.roots.forward if isinstance(n.op, Loop)):
            if node in loop.inputs and self.record.adjoints.get(node) is not None:
                unrolled = self.unrolled(loop)
                place = unrolled.shares(node)
                if place is not None and unrolled.has_all_of(node):
                    return unrolled, place
        return None

    # --- the training ---

    def at(self, step: int) -> "Story":
        """The story of one step of the training that the model has behind it.

        step  its number, counted from 0 over all calls of `fit`; -1 is the newest

        It is taken again, bit for bit: that batch with the weights of then, its loss, its
        gradients, and its update. `rows` are the places of its samples among those trained on.
        After `fit(..., callbacks=[cr.RecordSteps()])` it starts at the nearest checkpoint; else the
        X and y of this explanation must be all data of the training, which is walked through from
        its beginning. Raises SettingError and DataError where that is impossible.
        """
        if self.record.at is None:
            raise SettingError("a function has no training; at(step) is for the story of a model")
        return Story(self.record.at(step))

    @property
    def rows(self) -> Array | None:
        """Of a step of a training: the places of its samples among those that were trained on."""
        return self.record.rows

    # --- the steps ---

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        from chainrule.explaining.telling import steps

        return tuple(steps(self))

    def phase(self, phase: Phase) -> list[Step]:
        """The steps of one phase, one of `PHASES`, in order."""
        if phase not in PHASES:
            raise UnknownNameError("phase", phase, PHASES)
        return [step for step in self.steps if step.phase == phase]

    def step(self, key: str, phase: Phase) -> Step:
        """One step by its quantity's key: `story.step("z1", "backward")` is that of δ⁽¹⁾."""
        # Of an update, the new value of the parameter rather than what the optimizer remembers.
        for step in sorted(self.steps, key=lambda step: step.is_memory):
            if step.key == key and step.phase == phase:
                return step
        raise UnknownNameError(f"{phase} step", key, [s.key for s in self.phase(phase)])

    def moment(self, after: int) -> int:
        """How many steps have happened: negative numbers count from the end, as in lists."""
        count = len(self.steps)
        if not isinstance(after, int) or not -count - 1 <= after <= count:
            raise SettingError(
                f"after={after!r} is no moment of this story; it has {count} steps, so that after "
                f"runs from 0 (nothing computed) to {count}, or from -{count + 1} to -1"
            )
        return after % (count + 1)

    def state(self, after: int) -> dict[str, State]:
        """What is known of each quantity after so many steps: for a time line.

        after  0 before anything was computed (inputs and parameters are given), `len(steps)` at the
               end; negative numbers count from the end
        """
        last = self.moment(after)
        known: dict[str, State] = {}
        for place, step in enumerate(self.steps):
            old = known.get(step.key, State(NOT_YET, NOT_YET, NOT_YET))
            if place < last or step.phase == "given":
                parts = {"backward": "gradient", "update": "updated"}
                if not step.is_memory:
                    old = replace(old, **{parts.get(step.phase, "value"): step.value})
            known[step.key] = old
        return known

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    # --- faces ---

    def text(self, width: int | None = None, until: Phase = "update") -> str:
        """The story for the terminal.

        width  in columns; by default the terminal's, at most 96
        until  the last phase that is told: after "loss", gradients are "not yet computed"
        """
        from chainrule.explaining.text import plain_text

        return plain_text(self, width, until)

    def latex(
        self,
        name: str,
        index: Index | None = None,
        samples: Literal["rows", "columns"] = "rows",
        digits: int = 4,
    ) -> str:
        """The derivation of ∂L/∂name: chain rule, matrix form, index form, numbers, one entry.

        name     a parameter, `0.weight`, or any other quantity that the loss depends on
        index    the entry that is worked out at the end; by default the one whose gradient is
                 largest
        samples  whether samples are the rows of matrices, as here, or their columns, as in many
                 textbooks
        digits   significant digits of the numbers
        """
        from chainrule.explaining.derivation import derivation

        return derivation(self, name, index, samples, digits).latex

    def derivation(
        self,
        name: str,
        index: Index | None = None,
        samples: Literal["rows", "columns"] = "rows",
        digits: int = 4,
    ) -> "Derivation":
        """What `latex` prints, as data."""
        from chainrule.explaining.derivation import derivation

        return derivation(self, name, index, samples, digits)

    def paths(self, name: str, index: Index | int = (), most: int | None = None) -> "Paths":
        """The gradient of one number as a sum over paths from the loss to it, largest first.

        name   a parameter, `0.weight`
        index  which entry: `(1, 2)`
        most   how many paths; by default all where there are few, else the ten largest
        """
        from chainrule.explaining.paths import find_paths

        return find_paths(self, name, index, most)

    def svg(
        self, kind: Literal["network", "layers", "operations"] = "network", after: int = -1
    ) -> str:
        """A drawing of the pass, as the text of an SVG file.

        kind   "network": unit by unit where it is small, else layer by layer; "layers": shapes and
               heat maps; "operations": the computation graph, forward and backward
        after  after so many steps, as in `state`: what is not computed yet says so
        """
        from chainrule.explaining.drawing import svg

        return svg(self, kind, after)

    def html(self, path: StrPath | None = None) -> str:
        """The story as one HTML page that needs no network; written to `path` if one is given.

        Returns the text of the page.
        """
        from chainrule.explaining.page import document

        page = document(self)
        if path is not None:
            write_atomically(path, page.encode())
        return page

    def __repr__(self) -> str:
        return f"<Story of {self.title}: {len(self.steps)} steps, loss {self.loss:.4g}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its styles and the notebook's stay apart."""
        return (
            '<iframe title="Explanation" style="width:100%;height:860px;border:0" '
            f'srcdoc="{escape(self.html())}"></iframe>'
        )
