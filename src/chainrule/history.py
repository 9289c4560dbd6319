"""What a training run did, epoch by epoch."""

import csv
import io
import math
from dataclasses import dataclass, field
from typing import Any

from chainrule.errors import SettingError
from chainrule.files import StrPath, write_atomically


@dataclass
class History:
    """One number for each epoch.

    loss             the training loss averaged over the epoch's steps, each before its update
    gradient_norm    likewise, before clipping
    validation_loss  after the epoch; empty without validation data
    metrics          further lists by name, such as `validation_accuracy`, and what callbacks add
                     to an epoch's numbers
    stopped          what ended the run before its last epoch ("interrupted", "not finite", "by
                     EarlyStopping"), or ""

    Where some epochs were validated and others not, the lists hold NaN for the others.
    """

    loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    stopped: str = ""

    def __len__(self) -> int:
        return len(self.loss)

    def columns(self) -> dict[str, list[float]]:
        """All lists by name, each with an entry for every epoch: NaN where it was not measured."""
        columns = {"loss": self.loss, "gradient_norm": self.gradient_norm}
        if self.validation_loss:
            columns["validation_loss"] = self.validation_loss
        columns |= self.metrics
        return {name: _padded(values, len(self)) for name, values in columns.items()}

    def append(self, **values: float) -> None:
        """Add one epoch."""
        self.extend(**{name: [value] for name, value in values.items()})

    def extend(self, **values: list[float]) -> None:
        """Add some epochs."""
        done = len(self)
        own = {"loss": self.loss, "gradient_norm": self.gradient_norm}
        own["validation_loss"] = self.validation_loss
        for name, column in values.items():
            known = own[name] if name in own else self.metrics.setdefault(name, [])
            known += [math.nan] * (done - len(known))
            known += column

    def note(self, **values: float) -> None:
        """Add further numbers to the newest epoch, as callbacks do that measure something."""
        for name, value in values.items():
            known = self.metrics.setdefault(name, [])
            known += [math.nan] * (len(self) - 1 - len(known))
            known[len(self) - 1 :] = [value]

    @property
    def layers(self) -> dict[str, dict[str, list[float]]]:
        """What `RecordLayers` has measured: a list by the name of the number and of the layer, as
        `layers["gradient_norm"]["0.Dense"]`, with NaN for epochs that were not measured."""
        found: dict[str, dict[str, list[float]]] = {}
        for name, column in self.metrics.items():
            number, slash, layer = name.partition("/")
            if slash:
                found.setdefault(number, {})[layer] = _padded(column, len(self))
        return found

    def to_csv(self, path: StrPath) -> None:
        """Write one row for each epoch, counted from 1; a cell stays empty without a number."""
        columns = self.columns()
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *columns])
        for epoch, row in enumerate(zip(*columns.values(), strict=True)):
            writer.writerow([epoch + 1, *["" if math.isnan(value) else value for value in row]])
        write_atomically(path, text.getvalue().encode())

    def plot(self) -> Any:
        """A matplotlib figure: the loss and the gradient norm side by side."""
        if not self.loss:
            raise SettingError("there is nothing to plot: no epoch has been trained")
        from chainrule.plots import plot_history

        return plot_history(self.loss, self.gradient_norm, self.columns().get("validation_loss"))

    def plot_layers(self) -> Any:
        """A matplotlib figure of what `RecordLayers` has measured, a curve for each layer."""
        layers = self.layers
        if not layers:
            raise SettingError(
                "no layers were recorded; train with callbacks=[cr.RecordLayers(X, y)]"
            )
        from chainrule.training_plots import plot_layers

        return plot_layers(layers)


def _padded(values: list[float], length: int) -> list[float]:
    return [*values, *[math.nan] * (length - len(values))]
