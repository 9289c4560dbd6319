"""What happens in each layer, recorded while a network trains."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data as checked
from chainrule.diagnosis.measure import Arrays, Measurement, Probe, doubled, norm, sample
from chainrule.diagnosis.symptoms.units import dead, hidden, saturated
from chainrule.settings import read_setting, whole_number

if TYPE_CHECKING:
    from chainrule.model import Model


@dataclass
class RecordLayers:
    """A callback that measures every layer at the end of an epoch.

        history = model.fit(X, y, callbacks=[cr.RecordLayers(X, y)])
        history.layers["gradient_norm"]["0.Dense"]
        history.plot_layers()

    X, y     the data to measure on, of which a fixed part is taken
    every    how many epochs lie between two measurements
    samples  how many rows are taken at most

    Recorded are, for each layer with weights, the norm of its gradient and the length of the next
    update as a share of the weights' (`update_ratio`); for each hidden activation the share of
    units that are `dead` (slope 0 for every sample) or `saturated` (in a flat end for nearly every
    sample). The training itself is not changed by a bit.
    """

    X: Any = field(repr=False)
    y: Any = field(repr=False)
    every: int = 1
    samples: int = 256
    _probe: Probe | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.every = read_setting("RecordLayers", "every", whole_number(1), self.every)
        self.samples = read_setting("RecordLayers", "samples", whole_number(1), self.samples)

    def begin(self, model: "Model") -> None:
        """Record the graph for this model; DataError where the data do not fit it."""
        x = checked.features(self.X, model.dtype, model.input_shape)
        y = checked.targets(self.y, model.loss, model.output_shape, len(x), model.dtype)
        rows = sample(len(x), model.seed, self.samples)
        carry = model._built()
        self._probe = Probe(model._task, x[rows], y[rows], model._noise, carry)

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> None:
        if model.epoch % self.every == 0:
            assert self._probe is not None  # `begin` is called first
            carry = model._built()
            with np.errstate(all="ignore"):
                now = self._probe(carry["params"], carry["state"])
                logs |= _numbers(now, model.optimizer, carry["optimizer"])


def _numbers(now: Measurement, optimizer: Any, state: Arrays) -> dict[str, float]:
    """The numbers of one measurement, by `number/layer`."""
    new, _ = optimizer.update(now.params, now.gradients, doubled(dict(state)))
    found: dict[str, float] = {}
    for passage in now.passages:
        prefix = f"{passage.path}." if passage.path else ""
        own = [
            name
            for name in now.params
            if name.startswith(prefix) and "." not in name[len(prefix) :]
        ]
        if not own or passage.layer.children():
            continue
        found[f"gradient_norm/{passage.name}"] = norm({name: now.gradients[name] for name in own})
        length = norm({name: now.params[name] for name in own})
        moved = norm({name: new[name] - now.params[name] for name in own})
        found[f"update_ratio/{passage.name}"] = moved / length if length else float("nan")
    for passage in hidden(now):
        for number, share in (("dead", dead(passage)), ("saturated", saturated(passage))):
            if share is not None:
                found[f"{number}/{passage.name}"] = share
    return found
