"""From the options of `chainrule train` to a network, its loss and its optimizer."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainrule.errors import SettingError, UnknownNameError, suggestion

if TYPE_CHECKING:
    from chainrule.layers import Layer, Sequential
    from chainrule.optimizers import Optimizer
    from chainrule.tabular import Preprocessor

STEPS = 20_000
"""What the default number of epochs aims at, within `EPOCHS`."""

EPOCHS = (30, 1000)
BATCHES = (32, 1024)

FEW_ROWS = 1000
"""Below so many training rows, a smaller network learns the same and remembers less by heart."""


@dataclass(frozen=True)
class Plan:
    """How long to train: chosen by the user, or by the number of training rows."""

    epochs: int
    batch_size: int
    patience: int
    """Training ends when the validation loss has not improved for so many epochs."""

    @classmethod
    def of(cls, rows: int, epochs: int | None, batch_size: int | None) -> "Plan":
        """Some hundred steps per epoch where the data suffice, and enough epochs for
        `STEPS` steps."""
        if batch_size is None:
            batch_size = _clip(_power_of_two(rows // 256), *BATCHES)
        batch_size = min(batch_size, rows)
        steps = -(-rows // batch_size)
        if epochs is None:
            epochs = _clip(STEPS // steps, *EPOCHS)
        return cls(epochs, batch_size, max(5, epochs // 10))


def hidden_layers(text: str | None, rows: int) -> list[int]:
    """The units of each hidden layer: as asked for, or by the number of training rows."""
    if text is None:
        return [32] if rows < FEW_ROWS else [64, 64]
    return parse_layers(text)


def parse_layers(text: str) -> list[int]:
    """`64,64` is two hidden layers, `none` is none: a linear model."""
    if text.strip().casefold() in ("", "none"):
        return []
    units = [part.strip() for part in text.split(",")]
    for part in units:
        if not part.isascii() or not part.isdigit() or int(part) == 0:
            raise SettingError(
                f"--layers takes the units of each hidden layer, such as 64,64, or none; "
                f"{part!r} is no number of units"
            )
    return [int(part) for part in units]


def build(
    preprocessor: "Preprocessor", hidden: list[int], activation: str, dropout: float, loss: str
) -> "Sequential":
    """Dense layers with an activation after each but the last, which gives what the loss takes."""
    from chainrule.layers import LAYERS, Dense, Dropout, OneHot, Sequential

    layers: list[Layer] = []
    if any(preprocessor.sizes):
        layers.append(OneHot(tuple(preprocessor.sizes)))
    for units in hidden:
        layers += [Dense(units), LAYERS.instance(activation)]
        if dropout:
            layers.append(Dropout(dropout))
    layers.append(Dense(outputs(preprocessor, loss)))
    return Sequential(*layers)


def require_activation(name: str) -> None:
    """`UnknownNameError`, with the nearest name, for what is no activation."""
    if name.casefold() not in activations():
        raise UnknownNameError("activation", name, activations())


def activations() -> list[str]:
    """The names of the layers that can stand between two dense ones."""
    from chainrule.layers import LAYERS, activations

    return sorted(
        name.casefold()
        for name, layer in LAYERS.items()
        if layer.__module__ == activations.__name__ and name not in ("Identity", "Softmax")
    )


def choose_loss(preprocessor: "Preprocessor", name: str | None) -> str:
    """The loss of that name if it fits the task, or the task's default."""
    from chainrule.losses import LOSSES
    from chainrule.tabular.targets import Classes

    label = preprocessor.label
    if isinstance(label, Classes):
        tasks = ("multiclass", "binary") if len(label.classes) == 2 else ("multiclass",)
        fitting = [row for row in LOSSES.values() if row.prediction == "logits"]
        fitting = [row for row in fitting if row.task in tasks]
        default = "cross_entropy"
    else:
        fitting = [row for row in LOSSES.values() if row.prediction == "values"]
        default = "mean_squared_error"
    names = [row.name for row in fitting]
    if name is None:
        return default
    if name in names:
        return name
    if name in LOSSES:
        raise SettingError(
            f"the loss {name!r} does not fit this {label.task}; {suggestion(name, names)}"
        )
    raise UnknownNameError("loss", name, names)


def outputs(preprocessor: "Preprocessor", loss: str) -> int:
    """How many numbers the last layer gives."""
    from chainrule.losses import LOSSES
    from chainrule.tabular.targets import Classes

    label = preprocessor.label
    if isinstance(label, Classes) and LOSSES[loss].task == "multiclass":
        return len(label.classes)
    return 1


def make_optimizer(name: str, rate: float | None) -> "Optimizer":
    """The optimizer of that name with its defaults, but for the rate where one is given."""
    from chainrule.optimizers import OPTIMIZERS

    optimizer = OPTIMIZERS.instance(name)
    return optimizer if rate is None else replace(optimizer, lr=rate)


def _clip(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def _power_of_two(value: int) -> int:
    return 1 << max(0, value.bit_length() - 1)
