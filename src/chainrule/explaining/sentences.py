"""What a tutor would say beside a step: read off the formula and its numbers.

Nothing here knows a layer. A sentence follows from what a formula does with its symbols: it weighs
them by a parameter, bends them by a function, hands a gradient on, adds up what comes back.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.changes import entry_name, largest, moved
from chainrule.explaining.entries import slope
from chainrule.explaining.expression import Expr
from chainrule.explaining.features import side_by_side
from chainrule.explaining.labels import answer
from chainrule.explaining.loops import loops_in, one_step
from chainrule.explaining.printing import Printer
from chainrule.explaining.reading import is_function
from chainrule.explaining.record import Array
from chainrule.explaining.words import (
    are,
    called,
    count,
    nothing_learned,
    range,
    shaped,
    some,
    their,
)
from chainrule.graph import Node
from chainrule.notation import Quantity
from chainrule.ops.map import Map
from chainrule.ops.products import parts
from chainrule.tex import number, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Phase, Story

FLAT = 0.01  # a slope below this share of the steepest one lets next to nothing through


def sentence(
    story: "Story",
    phase: "Phase",
    quantity: Quantity,
    node: Node,
    formula: Expr | None,
    value: Array,
) -> str:
    """One or two short sentences; empty where the formula says it all."""
    speaker = _Speaker(story, quantity, node, formula, value)
    return {
        "given": speaker.given,
        "forward": speaker.forward,
        "loss": speaker.loss,
        "backward": speaker.backward,
        "update": lambda: moved(story, quantity, node),
    }[phase]()


class _Speaker:
    def __init__(
        self, story: "Story", quantity: Quantity, node: Node, formula: Expr | None, value: Array
    ) -> None:
        self.story, self.quantity, self.node = story, quantity, node
        while formula is not None and formula.head == "layout" and formula.data is None:
            formula = formula.args[0]
        self.formula, self.value = formula, value
        self.parameters = {q.key: q for q in story.quantities if q.kind == "parameter"}
        self.samples = story.names.samples

    # --- forward ---

    def given(self) -> str:
        if self.quantity.kind == "parameter":
            return f"{shaped(self.value)} to be learned ({self.quantity.key})."
        if self.samples and self.value.shape[:1] == (self.samples,) and self.value.ndim > 1:
            return f"{count(self.samples, 'sample')}{', one a row' if self.samples > 1 else ''}."
        return ""

    def forward(self) -> str:
        formula = self.formula
        if formula is None:
            return ""
        told = self._repeated() or side_by_side(self.story, formula)
        if told:
            return told
        weighing = _find(formula, "contract")
        bias = any(key in self.parameters for key in self._term_keys())
        if weighing is not None and self._weights(weighing) is not None:
            return self._weighing(weighing, bias)
        if formula.head == "apply" and isinstance(formula.data, Map) and formula.data.arity == 1:
            return self._bending(formula)
        if formula.head == "plus" and all(a.head == "symbol" for a in formula.args):
            names = " and ".join(plain(arg.data.latex) for arg in formula.args)
            return f"{names} are added: the gradient will flow back into each of them."
        if self.quantity.kind == "prediction":
            shown = answer(self.story, self.value) or some(self.value)
            return f"The answer of the network: {shown}."
        if formula.head == "symbol" and np.prod(formula.shape) == self.value.size:
            return "The same numbers in another shape."
        learned = self._learned(formula)
        if learned:
            return learned
        mask = next((x for x in formula.symbols() if x.latex == r"\mathrm{mask}"), None)
        if mask is not None:
            kept = int(np.sum(self.story.names.value(mask)))
            total = int(np.prod(mask.shape))
            return f"{kept:,} of {count(total, 'entry', 'entries')} pass; the others are set to 0."
        return self._between()

    def _learned(self, formula: Expr) -> str:
        """What is scaled or shifted by parameters, without being mixed."""
        terms = formula.args if formula.head == "plus" else (formula,)
        shifts = [t.data for t in terms if t.head == "symbol" and t.data.key in self.parameters]
        factors = [a for t in terms if t.head == "times" for a in t.args if a.head == "symbol"]
        scales = [a.data for a in factors if a.data.key in self.parameters]
        said = [f"scaled by {plain(s.latex)}" for s in scales]
        said += [f"shifted by {plain(s.latex)}" for s in shifts]
        if not said:
            return ""
        return f"Each entry is {' and '.join(said)}, which {are(len(said))} learned."

    def _repeated(self) -> str:
        """What a loop does in each of its steps."""
        known = self.story.names.symbols
        found = loops_in(self.node, known)
        if len(found) != 1:
            return ""
        step = one_step(found[0], known)
        times = count(found[0].params["length"], "time")
        return f"The same step {times}, t after t{': ' + step if step else ''}."

    def _between(self) -> str:
        if self.quantity.kind != "auxiliary" or self.formula is None:
            return ""
        made = self._moved_or_scaled(self.formula)
        if made:
            return made
        mean = self.quantity.latex.startswith((r"\mu", "v_"))
        if self.story.record.roots.prediction is None:
            return f"On the way: {'a mean' if mean else 'a value'} that has no name in the code."
        return "A mean, on the way." if mean else "On the way: it is needed more than once."

    def _moved_or_scaled(self, formula: Expr) -> str:
        """u − mean of u, and u over s: what normalisations are made of."""
        if formula.head == "over" and all(arg.head == "symbol" for arg in formula.args):
            above, below = (plain(arg.data.latex) for arg in formula.args)
            return f"Each entry of {above} divided by {below}."
        if formula.head != "plus" or len(formula.args) != 2 or formula.args[0].head != "symbol":
            return ""
        whole, rest = formula.args
        inside = _find(rest, "sum")
        name = plain(whole.data.latex)
        if inside is not None and inside.args[0] == whole:
            return f"Each entry of {name} minus the mean of its {_kept(inside)}."
        if rest.head == "times" and rest.args[-1].head == "symbol" and ex.is_number(rest.args[0], -1):
            other = plain(rest.args[-1].data.latex)
            return f"Each entry of {name} minus {other}." if self.value.size > 1 else ""
        return ""

    def _weighing(self, weighing: Expr, bias: bool) -> str:
        weight = self._weights(weighing)
        assert weight is not None  # asked by the caller
        units, inputs = _units_and_inputs(weighing, weight)
        own = f", and adds {'its' if units > 1 else 'the'} bias" if bias else ""
        if units == 1:
            said = f"The unit takes its {count(inputs, 'input')} times {their(inputs)}{own}."
        else:
            said = (
                f"Each of the {units:,} units takes its {count(inputs, 'input')} times "
                f"{their(inputs)}{own}."
            )
        return said + self._answer()

    def _answer(self) -> str:
        if self.quantity.kind != "prediction":
            return ""
        return f" This is the answer: {answer(self.story, self.value) or some(self.value)}."

    def _bending(self, formula: Expr) -> str:
        op: Map = formula.data
        each = ", entry by entry" if self.value.size > 1 else ""
        said = f"{op.doc.rstrip('.')}{each}." if op.doc else ""
        said += self._answer()
        return " ".join(part for part in (said, self._flat(op, formula.args[0])) if part)

    def _flat(self, op: Map, argument: Expr) -> str:
        """How many entries sit where the function is flat, and will not learn."""
        if not is_function(op) or self.value.size == 0:
            return ""
        slopes = np.abs(slope(op, 0, [self.story.numbers.of(argument)]))
        steepest = float(np.nanmax(np.abs(slope(op, 0, [np.linspace(-1, 1, 41)]))))
        flat = int(np.sum(slopes < FLAT * steepest))
        if not flat:
            return ""
        zero = "0" if not slopes[slopes < FLAT * steepest].any() else "almost 0"
        return (
            f"{flat:,} of {count(self.value.size, 'entry', 'entries')} {are(flat)} where its "
            f"slope is {zero}: no gradient will come through there."
        )

    def loss(self) -> str:
        if self.quantity.kind != "loss":
            return self._between()
        repeated = self._repeated()
        name = self.story.record.loss_name.replace("_", " ")
        named = f"the {name}" if self.story.record.loss_latex else "the loss"
        mean = f", a mean over {self.samples:,} samples" if self.samples > 1 else ""
        letters = self._letters(self.story.record.loss_latex)
        return (
            f"One number says how wrong the answer is: {named}{mean}{letters}. Training makes it "
            f"smaller. {repeated}".rstrip()
        )

    def _letters(self, latex: str) -> str:
        """What the letters of the textbook formula are here."""
        prediction = self.story.record.roots.prediction
        if prediction is None or not prediction.shape:
            return ""
        said = []
        if re.search(r"(?<![a-z])NK|\\frac\{1\}\{N", latex):
            said.append(f"N = {prediction.shape[0]:,}")
        if re.search(r"NK", latex):
            said.append(f"K = {int(np.prod(prediction.shape[1:])):,}")
        return f" ({', '.join(said)})" if said else ""

    # --- backward ---

    def backward(self) -> str:
        quantity, formula = self.quantity, self.formula
        if formula is None:
            return ""
        if not self.value.any():
            return self._nothing()
        if quantity.node in self.story.names.short:
            return self._short()
        if formula.head == "symbol" and formula.data.key.startswith("d_"):
            return self._handed_on()
        if loops_in(self.node, self.story.names.symbols):
            return "The loop backwards, last step first; every step adds its part."
        if quantity.kind == "parameter":
            return self._of_parameter()
        if formula.head == "plus":
            return self._meeting(len(formula.args))
        through = _find(formula, "derivative")
        if through is not None:
            return self._through(through)
        back = _find(formula, "contract")
        weight = None if back is None else self._weights(back)
        if back is not None and weight is not None:
            return self._collected(back, weight)
        if formula.head == "layout":
            return "The same numbers go back to where they came from."
        return "The chain rule: what comes back, times the local derivative."

    def _nothing(self) -> str:
        return "All of it is 0: no change here would change the loss, so nothing is learned here."

    def _short(self) -> str:
        short = self.story.names.short[self.quantity.node]
        symbol = plain(self.quantity.gradient_latex)
        target = plain(self.story.names.symbols[short.target].latex)
        shown = short.shown and self.story.names.symbols.get(short.shown)
        answer = plain(shown.latex) if shown else plain(short.latex.format(self.quantity.latex))
        mean = self._scaled(short.scale, bool(short.name))
        if short.crosses and short.name in ("sigmoid", "softmax"):
            slope_of = (
                "σ′ does not appear"
                if short.name == "sigmoid"
                else ("the softmax's own slope does not appear")
            )
            return (
                f"{symbol} is {answer} − {target}{mean}: {short.name} and {self._loss()} cancel, "
                f"{slope_of}."
            )
        return f"How far {answer} is from {target}{mean}: too high gives a positive slope."

    def _scaled(self, scale: float, crosses: bool) -> str:
        """Where a factor before a difference comes from: the slope of a square, and a mean."""
        counts = (1, self.value.shape[0], self.value.size)
        if "NK" in self.story.record.loss_latex:  # a mean over outputs too
            counts = (self.value.size, *counts)
        for count in counts:
            for slope_of in (1, 2) if not crosses else (1,):
                if abs(scale * count - slope_of) < 1e-6 * slope_of:
                    square = ", twice: the slope of the square" if slope_of == 2 else ""
                    mean = f", over {count:,} because the loss is a mean" if count > 1 else ""
                    return square + (mean.replace(", over", ", and over") if square else mean)
        return f", times {plain(number(scale))}"

    def _loss(self) -> str:
        """The loss by name; a function's own formula, which cancels, is a cross-entropy."""
        name = self.story.record.loss_name
        return name.replace("_", " ") if name and "entropy" not in name else "cross-entropy"

    def _handed_on(self) -> str:
        source = plain(self.formula.data.latex) if self.formula else ""
        if self.quantity.kind == "parameter":
            return f"The bias enters with slope 1, so its gradient is {source} itself."
        if self.formula and [n for n in self.formula.shape if n != 1] != [
            n for n in self.value.shape if n != 1
        ]:
            return f"The same numbers as {source}, in the shape of {self.quantity.text}."
        return f"An addition hands the gradient on as it is: {source}."

    def _of_parameter(self) -> str:
        formula = self.formula
        assert formula is not None
        if formula.head == "sum" and self._cancels(formula):
            return (
                "The samples cancel: their parts add up to 0 but for rounding. A shift here is "
                "taken away again further on, so nothing is learned here."
            )
        return self._told_of_parameter(formula) + self._top()

    def _cancels(self, formula: Expr) -> bool:
        parts_ = np.abs(self.story.numbers.of(formula.args[0]))
        eps = float(np.finfo(self.value.dtype).eps)
        return bool(np.abs(self.value).max() <= 64 * eps * parts_.sum() and parts_.any())

    def _top(self) -> str:
        """The entry that a small change would move the loss by most."""
        if self.value.size == 1 or not np.isfinite(self.value).all():
            return ""
        index = largest(self.value)
        figure = plain(number(float(self.value[index])))
        return f" The largest is that of {entry_name(self.story, self.quantity, index)}: {figure}."

    def _told_of_parameter(self, formula: Expr) -> str:
        added = f", added up over the {self.samples:,} samples" if self.samples > 1 else ""
        product = _find(formula, "contract")
        if product is not None and formula.head in ("contract", "times"):
            sides = [next(iter(arg.symbols()), None) for arg in product.args]
            into, back = sorted(sides, key=lambda s: s is not None and s.key.startswith("d_"))
            if into is not None and back is not None:
                return (
                    f"A weight's gradient is what went in, {plain(into.latex)}, times what comes "
                    f"back, {plain(back.latex)}{added}.{self._silent(product)}"
                )
        if formula.head == "sum" and formula.args[0].head == "symbol":
            source = plain(formula.args[0].data.latex)
            return f"The bias is added to every sample, so its gradient is the sum of {source}."
        if formula.head == "plus":
            return self._meeting(len(formula.args))
        return f"What went in, times what comes back{added}."

    def _silent(self, product: Expr) -> str:
        """Weights of inputs that are 0 on all samples do not learn from them."""
        values = self.story.numbers.of(product.args[0])
        if values.ndim != 2:
            return ""
        quiet = int(np.sum(~values.any(axis=0)))
        if not quiet:
            return ""
        return f" {count(quiet, 'input')} {are(quiet)} 0 in every sample: {nothing_learned(quiet)}."

    def _meeting(self, count: int) -> str:
        return (
            f"The loss depends on {self.quantity.text} in {count} ways: what comes back from each "
            "adds up."
        )

    def _through(self, through: Expr) -> str:
        op, _ = through.data
        slopes = np.abs(self.story.numbers.of(through))
        incoming = self._incoming(through)
        name = plain(Printer().show(through))
        if set(np.unique(slopes)) <= {0.0, 1.0}:
            open_ = int(slopes.sum())
            return (
                f"Through {called(op)} backwards: the gradient passes where the input was "
                f"positive, {open_:,} of {slopes.size:,}, and is 0 elsewhere."
            )
        said = f"Back through {called(op)}: times its slope {name}, here {range(slopes)}."
        if incoming:
            share = float(np.linalg.norm(self.value) / incoming)
            said += f" {share:.0%} of the gradient is left."
        return said

    def _incoming(self, through: Expr) -> float:
        others = [arg for arg in (self.formula.args if self.formula else ()) if arg is not through]
        if len(others) != 1:
            return 0.0
        return float(np.linalg.norm(self.story.numbers.of(others[0])))

    def _collected(self, back: Expr, weight: Expr) -> str:
        symbols = [s for s in back.symbols() if s.key not in self.parameters]
        source = plain(symbols[0].latex) if symbols else "what comes back"
        units = _summed(back)
        name = plain(weight.data.latex) if weight.head == "symbol" else "the weights"
        if units == 1:
            return f"The error {source} goes back along each weight of {name}: error times weight."
        return (
            f"Each unit collects the {units:,} errors {source} that it had a part in, each times "
            f"the weight between them: {name} the other way round."
        )

    # --- looking at formulas ---

    def _keys(self) -> list[str]:
        return [] if self.formula is None else [s.key for s in self.formula.symbols()]

    def _term_keys(self) -> list[str]:
        """Symbols that stand alone as a term of a sum."""
        if self.formula is None or self.formula.head != "plus":
            return []
        return [arg.data.key for arg in self.formula.args if arg.head == "symbol"]

    def _weights(self, product: Expr) -> Expr | None:
        """The factor of a product that is a parameter."""
        for arg in product.args:
            inner = arg
            while inner.head in ("transpose", "layout") and inner.args:
                inner = inner.args[0]
            if inner.head == "symbol" and inner.data.key in self.parameters:
                return inner
        return None


def _units_and_inputs(product: Expr, weight: Expr) -> tuple[int, int]:
    """Of a product with a weight: how many results a sample has, of how many numbers each."""
    left, right, out = parts(product.data)
    first = any(weight is inner for inner in _all(product.args[0], "symbol"))
    letters, arg = (left, product.args[0]) if first else (right, product.args[1])
    units = inputs = 1
    for letter, length in zip(letters, arg.shape, strict=True):
        if letter in out:
            units *= length
        else:
            inputs *= length
    return units, inputs


def _kept(inside: Expr) -> str:
    """What a mean is taken over, of rows that are samples and columns that are units."""
    if len(inside.args[0].shape) != 2:
        return "neighbours"
    return "row" if tuple(inside.data) == (1,) else "column"


def _summed(product: Expr) -> int:
    """How many products are added up in one entry."""
    left, _, out = parts(product.data)
    lengths = zip(left, product.args[0].shape, strict=True)
    return prod(length for letter, length in lengths if letter not in out)


def _find(expr: Expr, head: str) -> Expr | None:
    return next(_all(expr, head), None)


def _all(expr: Expr, head: str) -> Iterator[Expr]:
    if expr.head == head:
        yield expr
    for arg in expr.args:
        yield from _all(arg, head)
