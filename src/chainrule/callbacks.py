"""What can be done at the end of every epoch: stop early, save, or whatever a user writes.

A callback is a function `(model, epoch, logs)`, with `epoch` counted from 0 in this call of `fit`
and `logs` the epoch's numbers by name (`loss`, `gradient_norm`, `validation_loss`, …). If it
returns True, the training ends. A class may have two methods as well: `begin(model)`, which may
return True to train nothing at all, and `end(model)`, which is called whatever ended the training;
one that has nothing else need not be callable.
Numbers that it adds to `logs` stand in the history of the epoch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.errors import SettingError, UnknownNameError
from chainrule.files import StrPath
from chainrule.history import History
from chainrule.settings import number, read_setting, whole_number

if TYPE_CHECKING:
    from chainrule.model import Model

RISING = ("accuracy", "r2")  # the metrics of which more is better


class Callback(Protocol):
    """What `fit` calls after each epoch."""

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> bool | None: ...


@dataclass(frozen=True)
class Best:
    """The best epoch so far by a number that is watched.

    epoch    its place in `model.history`; one before the first where there is none yet
    weights  (params, state) after it, where they are kept
    """

    value: float
    epoch: int
    weights: tuple[dict[str, Any], dict[str, Any]] | None = None


@dataclass
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    monitor       a name in the epoch's numbers; a loss should fall, an accuracy or R² rise
    restore_best  put back the weights of the best epoch when the training ends, for whatever
                  reason

    Afterwards `best` is the best value and `best_epoch` its place in `model.history`, -1 where no
    epoch gave a number.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_loss"
    restore_best: bool = True
    _best: Best = field(default=Best(inf, -1), init=False, repr=False)

    def __post_init__(self) -> None:
        at_least_0 = number("a finite number, 0 or more", lambda x: x >= 0)
        self.patience = read_setting("EarlyStopping", "patience", whole_number(1), self.patience)
        self.min_delta = read_setting("EarlyStopping", "min_delta", at_least_0, self.min_delta)

    @property
    def best(self) -> float:
        return self._best.value

    @property
    def best_epoch(self) -> int:
        return self._best.epoch

    def begin(self, model: "Model") -> bool:
        # A model read from a checkpoint brings what the interrupted run had seen.
        nothing = Best(inf * self._sign, model.epoch - 1)
        self._best = model.watched.setdefault(self._name, nothing)
        return self._has_waited(model)

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> bool:
        value = self._value(logs)
        if self._sign * value < self._sign * self.best - self.min_delta:
            weights = (model.params, model.state) if self.restore_best else None
            self._best = model.watched[self._name] = Best(value, model.epoch - 1, weights)
        return self._has_waited(model)

    def end(self, model: "Model") -> None:
        if self._best.weights is not None:
            params, state = self._best.weights
            model.set_params(params)
            model.set_state(state)

    @property
    def _sign(self) -> int:
        return -1 if self.monitor.endswith(RISING) else 1

    @property
    def _name(self) -> str:
        """All that decides which epoch is the best one, and what is kept of it."""
        return f"{self.monitor} {self.min_delta!r} {self.restore_best}"

    def _has_waited(self, model: "Model") -> bool:
        return model.epoch - 1 - self.best_epoch >= self.patience

    def _value(self, logs: dict[str, float]) -> float:
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("validation") and "validation_loss" not in logs:
            raise SettingError(
                f"EarlyStopping watches {self.monitor}, and there is no validation data; give "
                "validation_data= or validation_split= to fit, or monitor='loss'"
            )
        raise UnknownNameError("number to watch", self.monitor, logs)


@dataclass
class Checkpoint:
    """Save the run every `every` epochs, so that it can go on after a crash as if nothing happened.

        model = cr.load("run") if os.path.exists("run/model.json") else cr.Model(...)
        model.fit(X, y, epochs=100 - model.epoch, callbacks=[stopping, cr.Checkpoint("run")])

    ends with the same bits however often it was killed, given the same data and settings. What is
    saved belongs to a run: the newest weights, not the best, and what EarlyStopping has seen. Save
    the finished model with `model.save`.
    """

    path: StrPath
    every: int = 1

    def __post_init__(self) -> None:
        self.every = read_setting("Checkpoint", "every", whole_number(1), self.every)

    def __call__(self, model: "Model", epoch: int, logs: dict[str, float]) -> None:
        if model.epoch % self.every == 0:
            model.save(self.path)


class Callbacks:
    """The callbacks of one run. Checkpoints come last, whatever their place in the list: they save
    what the others have made of the epoch."""

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self._all = sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint))
        self._listening = [callback for callback in self._all if callable(callback)]
        for callback in self._all:
            if not any(hasattr(callback, name) for name in ("__call__", "begin", "end")):
                raise SettingError(
                    f"callbacks holds {callback!r}, which is none: it is neither a function "
                    "(model, epoch, logs) nor has it a method begin or end"
                )

    @property
    def listen(self) -> bool:
        """Whether there is one that wants to hear of every epoch."""
        return bool(self._listening)

    def begin(self, model: "Model") -> str:
        """Who says that there is nothing to train, as `by EarlyStopping`, or "" for nobody."""
        beginning = [callback for callback in self._all if hasattr(callback, "begin")]
        return _stopped([(callback, callback.begin(model)) for callback in beginning])

    def hear(
        self, model: "Model", epoch: int, logs: dict[str, float], histories: Iterable[History]
    ) -> str:
        """Tell all of an epoch, also when an early one ends the training; who ends it, or "".

        Numbers that a callback adds to `logs` go into the histories at once, so that checkpoints
        hold them.
        """
        answers = []
        for callback in self._listening:
            known = set(logs)
            answers.append((callback, callback(model, epoch, logs)))
            new = {
                name: float(value)
                for name, value in logs.items()
                if name not in known and isinstance(value, int | float | np.number)
            }
            for history in histories:
                history.note(**new)
        return _stopped(answers)

    def end(self, model: "Model") -> None:
        """Tell all that the training is over."""
        for callback in self._all:
            if hasattr(callback, "end"):
                callback.end(model)


def _stopped(answers: list[tuple[Any, Any]]) -> str:
    """`by` the first that answers True, of Python or NumPy: not any number that is returned."""
    for callback, answer in answers:
        if isinstance(answer, bool | np.bool_) and answer:
            return f"by {getattr(callback, '__name__', type(callback).__name__)}"
    return ""
