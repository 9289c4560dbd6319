"""Sentences of the forward pass: what is weighed, bent, normalised, set side by side."""

import re

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.entries import slope
from chainrule.explaining.expression import Expr
from chainrule.explaining.features import side_by_side
from chainrule.explaining.labels import answer
from chainrule.explaining.marks import entry_of
from chainrule.explaining.normalising import kept, statistic
from chainrule.explaining.reading import is_function
from chainrule.explaining.samples import applied_by_the_loss
from chainrule.explaining.speaking import Speaker, every, find
from chainrule.explaining.words import are, count, shaped, some, their
from chainrule.ops.map import Map
from chainrule.ops.products import parts
from chainrule.tex import figure, plain

MOSTLY = 3  # of many products in a sum, so many are told
MOST_MEANS = 8  # that are listed
FLAT = 0.01  # a slope below this share of the steepest one lets next to nothing through


class Forward(Speaker):
    """A step from the inputs to the loss."""

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
        told = self.repeated() or side_by_side(self.story, formula)
        if told:
            return told
        weighing = find(formula, "contract")
        bias = any(key in self.parameters for key in self.term_keys())
        if weighing is not None and self.weights(weighing) is not None:
            return self._weighing(weighing, bias)
        told = self._statistic()
        if told:
            return told
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

    def _between(self) -> str:
        if self.quantity.kind != "auxiliary" or self.formula is None:
            return ""
        made = self._moved_or_scaled(self.formula)
        if made:
            return made
        told = self._statistic()
        if told:
            return told
        mean = self.quantity.latex.startswith((r"\mu", "v_"))
        if self.story.record.roots.prediction is None:
            return f"On the way: {'a mean' if mean else 'a value'} that has no name in the code."
        return "A mean, on the way." if mean else "On the way: it is needed more than once."

    def _statistic(self) -> str:
        """A mean, a variance or a standard deviation, of a value on the way or a line of code."""
        if self.formula is None or self.quantity.kind not in ("auxiliary", "line"):
            return ""
        found = None if self.formula.head == "symbol" else statistic(self.story, self.formula)
        return "" if found is None else found.told

    def _moved_or_scaled(self, formula: Expr) -> str:
        """u − mean of u, and u over s: what normalisations are made of."""
        if formula.head == "over" and all(arg.head == "symbol" for arg in formula.args):
            above, below = (plain(arg.data.latex) for arg in formula.args)
            spread = statistic(self.story, formula.args[1])
            what = f", the {spread.name} of its {spread.kept}" if spread else ""
            return f"Each entry of {above} divided by {below}{what}."
        if formula.head != "plus" or len(formula.args) != 2 or formula.args[0].head != "symbol":
            return ""
        whole, rest = formula.args
        inside = find(rest, "sum")
        name = plain(whole.data.latex)
        if inside is not None and inside.args[0] == whole:
            told = self._means(inside)
            return f"Each entry of {name} minus the mean of its {kept(inside.data, whole)}.{told}"
        if (
            rest.head == "times"
            and rest.args[-1].head == "symbol"
            and ex.is_number(rest.args[0], -1)
        ):
            other = plain(rest.args[-1].data.latex)
            return f"Each entry of {name} minus {other}." if self.value.size > 1 else ""
        return ""

    def _means(self, summed: Expr) -> str:
        """The means that are subtracted: of a few all, in the order of their rows or columns."""
        if summed.size > MOST_MEANS:
            return ""
        sums = self.story.numbers.of(summed).ravel() * (summed.size / summed.args[0].size)
        shown = ", ".join(map(figure, sums))
        return f" The means: {shown}." if sums.size > 1 else f" The mean is {shown}."

    def _weighing(self, weighing: Expr, bias: bool) -> str:
        weight = self.weights(weighing)
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
        return said + self._answer() + self._mostly(weighing, inputs)

    def _mostly(self, weighing: Expr, inputs: int) -> str:
        """Of many products that are added up in the entry told: the largest."""
        left, right, out = parts(weighing.data)
        summed = [letter for letter in left if letter not in out]
        if inputs <= self.story.numbers.most or len(summed) != 1 or len(out) != len(self.index):
            return ""
        at = dict(zip(out, self.index, strict=True))
        rows = [
            self.story.numbers.of(arg)[tuple(at.get(letter, slice(None)) for letter in letters)]
            for arg, letters in zip(weighing.args, (left, right), strict=True)
        ]
        products = rows[0].astype(float) * rows[1]
        if products.ndim != 1 or not np.isfinite(products).all() or not products.any():
            return ""
        told = []
        for place in np.argsort(-np.abs(products), kind="stable")[:MOSTLY]:
            here = at | {summed[0]: int(place)}
            names = [
                plain(entry_of(arg.data, [here[letter] for letter in letters]))
                for arg, letters in zip(weighing.args, (left, right), strict=True)
                if arg.head == "symbol"
            ]
            told.append(f"{' · '.join(names)} = {figure(products[place])}")
        entry = plain(entry_of(self.story.names.of(self.quantity), self.index))
        return f" The largest parts of {entry} are {', '.join(told[:-1])} and {told[-1]}."

    def _answer(self) -> str:
        if self.quantity.kind != "prediction":
            return ""
        shown = answer(self.story, self.value) or some(self.value)
        short = applied_by_the_loss(self.story)
        if short is not None and short.node is self.quantity.node:
            return f" These are the logits, {shown}; the loss applies the {short.name} itself."
        return f" This is the answer: {shown}."

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
        repeated = self.repeated()
        name = self.story.record.loss_name.replace("_", " ")
        named = f"the {name}" if self.story.record.loss_latex else "the loss"
        mean = f", a mean over {self.samples:,} samples" if self.samples > 1 else ""
        letters = self._letters(self.story.record.loss_latex)
        return (
            f"One number says how wrong the answer is: {named}{mean}{letters}. Training makes it "
            f"smaller.{self._probabilities()} {repeated}".rstrip()
        )

    def _probabilities(self) -> str:
        """What the loss makes of the logits of the sample that is told."""
        short = applied_by_the_loss(self.story)
        if short is None or short.prediction_value.ndim != 2:
            return ""
        values, sample = short.prediction_value, self.story.sample
        shown = answer(self.story, values) or some(values[sample])
        name = plain(short.latex.format(self.story.names.symbols[short.node].latex))
        whose = f" of sample {sample + 1}" if len(values) > 1 else ""
        return f" {name}{whose} is {shown}."

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


def _units_and_inputs(product: Expr, weight: Expr) -> tuple[int, int]:
    """Of a product with a weight: how many results a sample has, of how many numbers each."""
    left, right, out = parts(product.data)
    first = any(weight is inner for inner in every(product.args[0], "symbol"))
    letters, arg = (left, product.args[0]) if first else (right, product.args[1])
    units = inputs = 1
    for letter, length in zip(letters, arg.shape, strict=True):
        if letter in out:
            units *= length
        else:
            inputs *= length
    return units, inputs
