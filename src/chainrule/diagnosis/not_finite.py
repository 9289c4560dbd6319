"""Why a network gives NaN or infinity: the op that made the first, and what it was given."""

import copy
import json
from dataclasses import asdict, dataclass
from html import escape
from math import isnan
from textwrap import fill
from typing import Any

import numpy as np

from chainrule.diagnosis.case import unbuilt_apart
from chainrule.diagnosis.findings import plain
from chainrule.errors import NotFiniteError, SettingError
from chainrule.finite import Link, Origin, all_finite, origin
from chainrule.model import Model
from chainrule.training import Programs
from chainrule.training_run import Run

ROWS = 1024  # at a time
EPOCHS = 10  # to follow a training that is still finite


@dataclass(frozen=True)
class WhyNotFinite:
    """The answer of `why_not_finite`; false where all numbers are finite.

    op      the op that made the first NaN or infinity out of finite numbers, "" where none did
    layer   the layer it stands in, "loss" or "optimizer"
    phase   "forward", "backward" or "update"
    chain   the numbers that led there, an entry a step, from an input to the result
    sentence  all of it in words
    """

    op: str
    layer: str
    phase: str
    chain: tuple[Link, ...]
    sentence: str

    def __bool__(self) -> bool:
        return bool(self.op)

    def text(self) -> str:
        """The sentence, and the chain as a table."""
        lines = [fill(self.sentence, 88, break_on_hyphens=False)]
        if self.chain:
            rows = [_row(link) for link in self.chain]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines.append("")
            for row in rows:
                cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
                lines.append(f"  {'  '.join(cells)}".rstrip())
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same as a JSON object."""
        return json.dumps(plain(asdict(self)), indent=2)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in row) + "</tr>"
            for row in map(_row, self.chain)
        )
        return f"<p style='max-width:46em'>{escape(self.sentence)}</p><table>{rows}</table>"


def why_not_finite(model: Model, X: Any, y: Any) -> WhyNotFinite:
    """The first op that makes a NaN or an infinity when the model meets these data, and why.

    Looked for are, in this order: forward pass, loss, gradients and update with the weights as
    they are; what stopped the newest training, if it was a NaN; and up to ten further epochs, on a
    copy, as `fit` would go on. All is replayed in the model's own dtype.

    The model is left as it is: one without parameters is built apart for these data. Raises
    DataError where X or y themselves are not finite: it names the row and the column.
    """
    if not isinstance(model, Model):
        raise SettingError(
            f"why_not_finite takes a model, cr.why_not_finite(model, X, y), not a "
            f"{type(model).__name__}"
        )
    model = unbuilt_apart(model)
    x, target, _ = model._prepared(X, y)
    found = _as_it_stands(model, x, target)
    if found is not None:
        return _answer(found, "With the weights as they are, ")
    if model.failure is not None:
        return _answer(model.failure, "In the step that stopped the training, ")
    found = _later(model, x, target)
    if found is not None:
        return _answer(found, "With the weights as they are, all is finite; as training goes on, ")
    return WhyNotFinite(
        "",
        "",
        "",
        (),
        f"All is finite: forward pass, loss, gradients and update on {len(x):,} samples, and "
        f"{EPOCHS} further epochs.",
    )


def _as_it_stands(model: Model, x: Any, y: Any) -> Origin | None:
    data = {"x": x, "y": y, "noise": model._noise}
    batch = min(ROWS, len(x))
    run = Run(model._task, data, model._built(), batch, None, "numpy", Programs())
    for place in range(run.steps_per_epoch):
        step = run.step(place, run.leaves)
        results = step.program(step.inputs(step.carry))
        if not all_finite(results):
            found = origin(step.program.graph, step.inputs(step.carry))
            if found is not None:
                return found
    return None


def _later(model: Model, x: Any, y: Any) -> Origin | None:
    twin = copy.copy(model)
    twin.history = copy.deepcopy(model.history)
    try:
        twin.fit(x, y, EPOCHS, model.batch_size, progress=False)
    except NotFiniteError as error:
        found: Origin | None = error.origin
        return found
    return None


def _answer(found: Origin, when: str) -> WhyNotFinite:
    last = found.chain[-1]
    result = "NaN" if isnan(last.value) else "an infinity"
    given = ", ".join(f"{value:.6g}" for value in found.operands)
    sentence = (
        f"{when}{found.name} is the first to give {result}"
        + (f", from {given}" if given else "")
        + f": {_reason(last, found.operands)}."
    )
    first = found.chain[0]
    if first.phase == "input" and len(found.chain) > 1:
        sentence += (
            f" The number comes from {_place(first)} = {first.value:.6g}"
            f" (between {first.low:.4g} and {first.high:.4g})."
        )
    return WhyNotFinite(last.what, last.layer, last.phase, found.chain, sentence)


def _reason(last: Link, operands: tuple[float, ...]) -> str:
    if isnan(last.value):
        return "it has no value there"
    if last.what in ("divide", "log", "power", "sqrt") and 0.0 in operands:
        return "it is infinite at 0"
    largest = float(np.finfo(last.dtype).max)
    return f"the result is beyond {largest:.2g}, the largest number of {last.dtype}"


_KNOWN_AS = {"contract": "matrix product", "x": "X"}


def _place(link: Link) -> str:
    name = _KNOWN_AS.get(link.what, link.what)
    if link.phase == "backward":
        name = f"back through {name}"
    return f"{name}[{', '.join(map(str, link.place))}]" if link.place else name


def _row(link: Link) -> tuple[str, str, str, str]:
    where = f"{link.phase}, {link.layer}" if link.layer else link.phase
    return (_place(link), f"= {link.value:.6g}", where, f"[{link.low:.4g}, {link.high:.4g}]")
