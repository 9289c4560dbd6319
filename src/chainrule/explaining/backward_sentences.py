"""Sentences of the backward pass: where a gradient comes from, and how much of it is left."""

from math import prod

import numpy as np

from chainrule.explaining.changes import entry_name, largest
from chainrule.explaining.closed import Short
from chainrule.explaining.expression import Expr
from chainrule.explaining.loops import loops_in
from chainrule.explaining.printing import Printer
from chainrule.explaining.speaking import Speaker, find
from chainrule.explaining.words import are, called, count, low_to_high, nothing_learned
from chainrule.ops.products import parts
from chainrule.tex import figure, plain


class Backward(Speaker):
    """A step from the loss back to a parameter."""

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
            return self._through_time()
        if quantity.kind == "parameter":
            return self._of_parameter()
        if formula.head == "plus":
            return self._meeting(len(formula.args))
        through = find(formula, "derivative")
        if through is not None:
            return self._through(through)
        back = find(formula, "contract")
        weight = None if back is None else self.weights(back)
        if back is not None and weight is not None:
            return self._collected(back, weight)
        if formula.head == "layout":
            return "The same numbers go back to where they came from."
        return "The chain rule: what comes back, times the local derivative."

    def _through_time(self) -> str:
        """The steps themselves stand below."""
        return "The loop backwards, last step first; every step adds its part."

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
                f"{slope_of}.{self._share(short)}"
            )
        return f"How far {answer} is from {target}{mean}: too high gives a positive slope."

    def _share(self, short: Short) -> str:
        """How much of 1 the softmax gives to the class that is right."""
        if short.name != "softmax" or short.prediction_value.ndim != 2:
            return ""
        sample = self.story.sample
        right = int(short.target_value[sample].argmax())
        classes = self.story.record.classes
        name = classes[right] if classes else f"class {right}"
        share = figure(short.prediction_value[sample, right])
        return f" The softmax gives the target, {name}, a share of {share}."

    def _scaled(self, scale: float, crosses: bool) -> str:
        """Where a factor before a difference comes from: the slope of a square, and a mean."""
        counts: tuple[int, ...] = (1, self.value.shape[0], self.value.size)
        if "NK" in self.story.record.loss_latex:  # a mean over outputs too
            counts = (self.value.size, *counts)
        for many in counts:
            for slope_of in (1, 2) if not crosses else (1,):
                if abs(scale * many - slope_of) < 1e-6 * slope_of:
                    square = ", twice: the slope of the square" if slope_of == 2 else ""
                    mean = f", over {many:,} because the loss is a mean" if many > 1 else ""
                    return square + (mean.replace(", over", ", and over") if square else mean)
        return f", times {figure(scale)}"

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
        size = figure(self.value[index])
        return f" The largest is that of {entry_name(self.story, self.quantity, index)}: {size}."

    def _told_of_parameter(self, formula: Expr) -> str:
        added = f", added up over the {self.samples:,} samples" if self.samples > 1 else ""
        product = find(formula, "contract")
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

    def _meeting(self, ways: int) -> str:
        return (
            f"The loss depends on {self.quantity.text} in {ways} ways: what comes back from each "
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
        said = f"Back through {called(op)}: times its slope {name}, here {low_to_high(slopes, 2)}."
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
        units = summed(back)
        name = plain(weight.data.latex) if weight.head == "symbol" else "the weights"
        if units == 1:
            return f"The error {source} goes back along each weight of {name}: error times weight."
        return (
            f"Each unit collects the {units:,} errors {source} that it had a part in, each times "
            f"the weight between them: {name} the other way round."
        )


def summed(product: Expr) -> int:
    """How many products are added up in one entry."""
    left, _, out = parts(product.data)
    lengths = zip(left, product.args[0].shape, strict=True)
    return prod(length for letter, length in lengths if letter not in out)
