"""What is exactly 0: units that are so for every sample, and gradients of parameters."""

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.changes import parameters
from chainrule.explaining.reading import is_function
from chainrule.explaining.words import are, count
from chainrule.tex import plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

MOST_NAMED = 6  # units; of more, how many there are in each layer


def silent(story: "Story") -> str:
    """Which units are 0 for all samples, and how many gradients are 0; that none is, as well."""
    return " ".join(part for part in (_units(story), _gradients(story)) if part)


def _units(story: "Story") -> str:
    """Of what a function such as ReLU makes."""
    bent = [
        step
        for step in story.phase("forward")
        if step.expression is not None
        and step.expression.head == "apply"
        and is_function(step.expression.data)
        and step.value.ndim == 2
        and story.names.is_batch(step.node)
        and step.quantity.kind in ("layer", "prediction")
    ]
    if not any((step.value == 0).any() for step in bent):  # as with tanh: none comes near it
        return ""
    quiet = {plain(step.symbol): np.flatnonzero(~step.value.any(axis=0)) for step in bent}
    found = sum(places.size for places in quiet.values())
    samples = "all samples" if story.names.samples > 1 else "this sample"
    if not found:
        return f"No unit is silent: none is 0 for {samples}."
    if found <= MOST_NAMED:
        named = [f"unit {k + 1} of {name}" for name, places in quiet.items() for k in places]
    else:
        named = [f"{places.size:,} in {name}" for name, places in quiet.items() if places.size]
    return f"{count(found, 'unit')} {are(found)} silent, 0 for {samples}: {', '.join(named)}."


def _gradients(story: "Story") -> str:
    zeros = {q.text: int(np.sum(story.gradients[q.key] == 0)) for q in parameters(story)}
    total = sum(story.gradients[q.key].size for q in parameters(story))
    if not total:
        return ""
    found = sum(zeros.values())
    if not found:
        return f"None of the gradients of the {total:,} parameters is exactly 0."
    listed = ", ".join(f"{many:,} in {name}" for name, many in zeros.items() if many)
    return f"{found:,} of the {total:,} gradients of parameters {are(found)} exactly 0: {listed}."
