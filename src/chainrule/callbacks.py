"""What can be done at the end of every epoch: stop early, save, or whatever a user writes.

A callback is a function `(model, epoch, logs)`, with `epoch` counted from 0 and `logs` the
epoch's numbers by name (`loss`, `gradient_norm`, `validation_loss`, …). If it returns True, the
training ends. A class has its methods as well: `begin(model)` and `end(model)`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from chainrule.errors import SettingError, UnknownNameError
from chainrule.files import StrPath

if TYPE_CHECKING:
    from chainrule.model import Model


class Callback(Protocol):
    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> bool | None: ...


@dataclass
class EarlyStopping:
    """Stop when `monitor` has not fallen by more than `min_delta` for `patience` epochs.

    restore_best  put back the weights of the best epoch when the training ends, for whatever
                  reason
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_loss"
    restore_best: bool = True
    best: float = field(default=float("inf"), init=False)
    best_epoch: int = field(default=-1, init=False)
    _weights: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.patience, int) or self.patience < 1:
            raise SettingError(f"EarlyStopping: patience is a whole number from 1 on, not "
                               f"{self.patience!r}")

    def begin(self, model: "Model") -> None:
        self.best, self.best_epoch, self._weights = float("inf"), -1, None

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> bool:
        if self.monitor not in logs:
            if self.monitor.startswith("validation"):
                raise SettingError(
                    f"EarlyStopping watches {self.monitor}, and there is no validation data; give "
                    "validation_data= or validation_split= to fit, or monitor='loss'"
                )
            raise UnknownNameError("value to watch", self.monitor, logs)
        value = logs[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch
            if self.restore_best:
                self._weights = (model.params, model.state)
        return epoch - self.best_epoch >= self.patience

    def end(self, model: "Model") -> None:
        if self._weights is not None:
            params, state = self._weights
            model.set_params(params)
            model.set_state(state)
            self._weights = None


@dataclass
class Checkpoint:
    """Save the whole model (weights, optimizer, position, history) every `every` epochs.

    `cr.load(path)` and a further `fit` continue bit for bit as if nothing had happened.
    """

    path: StrPath
    every: int = 1

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> None:
        if (epoch + 1) % self.every == 0:
            model.save(self.path)
