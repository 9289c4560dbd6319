"""A network with its loss, its optimizer and its parameters: what users train."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from chainrule import data as checked
from chainrule import losses, optimizers, random, saving
from chainrule.engines import engine as find_engine
from chainrule.errors import DataError, SettingError, ShapeError, UnknownNameError
from chainrule.files import StrPath
from chainrule.history import History
from chainrule.layers import LAYERS, Layer
from chainrule.layers.layer import output_shape
from chainrule.loss import FunctionLoss, Loss
from chainrule.pipeline import value_grad_and_rest
from chainrule.progress import Progress
from chainrule.settings import whole_number
from chainrule.training import Compiled, Run, Task, chunks

Array = np.ndarray[Any, Any]
Arrays = dict[str, Any]
CHUNK = 4096  # rows that are predicted at a time

_PROBABILITIES = {"Softmax", "Sigmoid"}


class Model:
    """A trainable network.

    net        a layer, usually a `Sequential`
    loss       a name, a `Loss`, or a NumPy function (prediction, target) -> number
    optimizer  a name or an optimizer
    engine     what runs it: None for the best available, "numpy", "native"
    seed       of the first weights, the shuffling and the dropout
    dtype      "float32" or "float64"
    """

    def __init__(
        self,
        net: Layer,
        loss: Any,
        optimizer: Any = "adam",
        engine: str | None = None,
        seed: int = 0,
        dtype: Any = "float32",
    ) -> None:
        self.net = LAYERS.instance(net)
        self.loss = losses.get(loss)
        self.optimizer = optimizers.get(optimizer)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise SettingError(f"a model computes in float32 or float64, not {self.dtype}")
        find_engine(engine)
        self.engine = engine
        self.seed = int(random.key(seed)[1]) if seed < 2**32 else seed
        self.task = Task(self.net, self.loss, self.optimizer)
        self.history = History()
        self.input_shape: tuple[int, ...] | None = None
        self.output_shape: tuple[int, ...] = ()
        self._carry: dict[str, Any] = {}
        self._epoch = 0
        self._run: tuple[Any, Run] | None = None
        self._forward = Compiled(self._predict, engine)
        self._losses = Compiled(self._loss, engine)
        self._gradients: dict[bool, Compiled] = {}
        self._check_ending()

    # --- parameters ---

    def build(self, input_shape: tuple[int, ...]) -> "Model":
        """Make the parameters for samples of this shape, `(2,)` or `(28, 28, 1)`."""
        shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        params, state = self.net.init(shape, self.seed, self.dtype)
        self.input_shape = shape
        self.output_shape = output_shape(self.net, params, state, shape, self.dtype)
        self._carry = {
            "params": params,
            "optimizer": self.optimizer.init(params),
            "state": state,
        }
        return self

    def reset(self) -> "Model":
        """Start again: first weights, no optimizer state, no history."""
        if self.input_shape is not None:
            self.build(self.input_shape)
        self._epoch = 0
        self.history = History()
        return self

    @property
    def params(self) -> dict[str, Array]:
        """Name -> array, copies: `0.weight`, `0.bias`, …"""
        return {name: np.array(value) for name, value in self._built()["params"].items()}

    @property
    def state(self) -> dict[str, Array]:
        """What the layers keep beside parameters, such as running means; copies."""
        return {name: np.array(value) for name, value in self._built()["state"].items()}

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Replace parameters by name; the others stay. Names and shapes are checked."""
        self._built()["params"] |= self._checked(params, "params", "parameter")

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Replace entries of the state by name; the others stay."""
        self._built()["state"] |= self._checked(state, "state", "state entry")

    def _checked(self, given: Mapping[str, Any], part: str, what: str) -> Arrays:
        own = self._built()[part]
        found = {}
        for name, value in given.items():
            if name not in own:
                raise UnknownNameError(what, name, own)
            array = np.array(value, self.dtype)
            if array.shape != own[name].shape:
                raise ShapeError(
                    f"{what} {name!r} has shape {own[name].shape}, and the given one {array.shape}"
                )
            checked.require_finite(array, name)
            found[name] = array
        return found

    def _built(self) -> dict[str, Any]:
        if not self._carry:
            raise SettingError(
                "the model has no parameters yet; call model.build(input_shape), or fit"
            )
        return self._carry

    def _check_ending(self) -> None:
        """A loss of logits applies the softmax or sigmoid itself."""
        last = self.net
        while last.children():
            last = last.children()[-1][1]
        name = type(last).__name__
        if not isinstance(self.loss, Loss) or name not in _PROBABILITIES:
            return
        if self.loss.prediction == "logits":
            twin = {"Softmax": "none", "Sigmoid": "'binary_cross_entropy'"}[name]
            other = (
                f", or take the loss {twin}, which is one of probabilities"
                if name == "Sigmoid" and self.loss.task == "binary"
                else ""
            )
            raise SettingError(
                f"{self.loss.name} is a loss of logits and applies the {name.lower()} itself, and "
                f"the network ends in {name}; leave that layer out{other} (predict_proba still "
                "gives probabilities)"
            )

    # --- training ---

    def fit(
        self,
        X: Any,
        y: Any,
        epochs: int = 100,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        class_weight: Any = None,
        callbacks: Iterable[Any] = (),
        progress: bool | None = None,
    ) -> History:
        """Train for some epochs; a further call goes on from there. Returns this call's history.

        X           samples as rows; y their targets, as the loss takes them
        batch_size  None is the full batch; the last batch of an epoch may be smaller
        shuffle     a new random order each epoch, by the seed
        validation_data, validation_split  (X, y), or the share of samples held back by the seed
        sample_weight, class_weight        one number per sample; a dictionary or "balanced"
        callbacks   called after each epoch, see `chainrule.callbacks`
        progress    True or False; None shows it in a terminal

        Raises DataError and SettingError before anything is trained, NotFiniteError when a NaN or
        an infinity stops the training, with the last good weights kept.
        """
        epochs = _whole("epochs", epochs, 0)
        if batch_size is not None:
            batch_size = _whole("batch_size", batch_size, 1)
        x, target, weight = self._prepared(X, y, sample_weight, class_weight)
        held: tuple[Array, Array, Array | None] | None = None
        if validation_data is not None:
            held = (*self._validation(validation_data), None)
        elif validation_split:
            x, target, weight, held = self._split(x, target, weight, validation_split)
        run = self._running(x, target, weight, batch_size, shuffle)
        return self._train(run, epochs, held, list(callbacks), progress)

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
    ) -> tuple[Array, Array, Array | None]:
        x = checked.features(X, self.dtype, self.input_shape)
        if self.input_shape is None:
            self.build(x.shape[1:])
        target = checked.targets(y, self.loss, self.output_shape, x.shape[0], self.dtype)
        weight = checked.weights(sample_weight, class_weight, target, self.loss, self.dtype)
        return x, target, weight

    def _validation(self, data: Any) -> tuple[Array, Array]:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise SettingError("validation_data is a pair (X, y)")
        x = checked.features(data[0], self.dtype, self.input_shape, "X of validation_data")
        y = checked.targets(data[1], self.loss, self.output_shape, x.shape[0], self.dtype)
        return x, y

    def _split(
        self, x: Array, y: Array, weight: Array | None, share: float
    ) -> tuple[Array, Array, Array | None, tuple[Array, Array, Array | None]]:
        classes = isinstance(self.loss, Loss) and self.loss.task != "regression"
        one_each = y.size == y.shape[0] or (y.ndim == 2 and y.dtype.kind == "f")
        labels = checked.class_labels(y, self.loss) if classes and one_each else None
        training, held = checked.split(x.shape[0], share, labels, self.seed)
        return (
            x[training],
            y[training],
            None if weight is None else weight[training],
            (x[held], y[held], None if weight is None else weight[held]),
        )

    def _running(
        self, x: Array, y: Array, weight: Array | None, batch_size: int | None, shuffle: bool
    ) -> Run:
        """The compiled steps; those of the last call, where shapes and settings are the same."""
        batch = min(batch_size or x.shape[0], x.shape[0])
        key = (x.shape, y.shape, y.dtype, weight is None, batch, shuffle)
        root = random.key(self.seed)
        order, noise = random.split(random.fold_in(root, 1), 2)
        data = {"x": x, "y": y, "order": order, "noise": noise}
        if weight is not None:
            data["weights"] = weight
        if self._run is not None and self._run[0] == key:
            run = self._run[1]
            run.data, run.carry = data, self._built()
            return run
        run = Run(self.task, data, self._built(), batch, shuffle, self.engine)
        self._run = (key, run)
        return run

    def _train(
        self,
        run: Run,
        epochs: int,
        held: tuple[Array, Array, Array | None] | None,
        callbacks: list[Any],
        progress: bool | None,
    ) -> History:
        history = History()
        for callback in callbacks:
            if hasattr(callback, "begin"):
                callback.begin(self)
        with Progress(progress, epochs, run.steps_per_epoch) as display:
            try:
                for number in range(epochs):
                    loss, norm = run.epoch(self._epoch, display.report)
                    self._carry = run.carry
                    self._epoch += 1
                    logs = {"loss": loss, "gradient_norm": norm}
                    if held is not None:
                        found = self._scores(*held)
                        logs |= {f"validation_{name}": value for name, value in found.items()}
                    history.append(**logs)
                    self._remember(logs)
                    display.epoch(number + 1, logs)
                    # Every callback hears of the epoch, also when an earlier one stops the run.
                    stops = [callback(self, number, logs) for callback in callbacks]
                    run.carry = self._carry
                    if any(stop is True for stop in stops):
                        history.stopped = "a callback stopped the training"
                        break
            except KeyboardInterrupt:
                history.stopped = "interrupted"
            finally:
                self._carry = run.carry
                for callback in callbacks:
                    if hasattr(callback, "end"):
                        callback.end(self)
        self.history.stopped = history.stopped
        return history

    def _remember(self, logs: dict[str, float]) -> None:
        self.history.append(**logs)

    # --- using ---

    def predict(self, X: Any) -> Array:
        """The network's output as it stands, samples first."""
        self._built()
        x = checked.features(X, self.dtype, self.input_shape)
        parts = [
            self._forward(self._carry["params"], self._carry["state"], x[rows])
            for rows in chunks(x.shape[0], CHUNK)
        ]
        return np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts)

    def predict_proba(self, X: Any) -> Array:
        """The probabilities that the loss implies, in the output's shape."""
        return np.asarray(self._named_loss().probabilities(self.predict(X)))

    def predict_classes(self, X: Any) -> Array:
        """The most probable class of each sample, as whole numbers."""
        classes = np.asarray(self._named_loss().classes(self.predict(X)))
        single = classes.ndim == 2 and classes.shape[1] == 1
        return classes[:, 0] if single else classes

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """The loss (penalties included), and accuracy or R² and errors, by name."""
        self._built()
        x, target, weight = self._prepared(X, y, sample_weight)
        return self._scores(x, target, weight)

    def gradients(self, X: Any, y: Any, training: bool = False) -> dict[str, Array]:
        """The gradient of the loss over all these samples, named like `params`."""
        self._built()
        x, target, _ = self._prepared(X, y)
        if training not in self._gradients:
            noise = random.split(random.fold_in(random.key(self.seed), 1), 2)[1]

            def gradients(params: Arrays, state: Arrays, x: Any, y: Any) -> Arrays:
                key = random.fold_in(noise, 0) if training else None

                def objective(params: Arrays) -> Any:
                    return self.task.objective(params, state, x, y, None, training, key)

                _, found, _ = value_grad_and_rest(objective, (params,))
                return dict(found)

            self._gradients[training] = Compiled(gradients, self.engine)
        found = self._gradients[training](self._carry["params"], self._carry["state"], x, target)
        return {name: np.array(value) for name, value in found.items()}

    def _named_loss(self) -> Loss:
        if not isinstance(self.loss, Loss):
            raise SettingError(
                f"the loss {self.loss.name} is your own function, which implies neither "
                "probabilities nor classes; use predict"
            )
        return self.loss

    def _predict(self, params: Arrays, state: Arrays, x: Any) -> Any:
        return self.net(params, state, x)[0]

    def _loss(self, params: Arrays, state: Arrays, x: Any, y: Any, w: Any) -> Any:
        prediction, _ = self.net(params, state, x)
        loss = self.loss(prediction, y) if w is None else self.loss(prediction, y, w)
        return loss, prediction

    def _scores(self, x: Array, y: Array, weight: Array | None = None) -> dict[str, float]:
        """Loss and metrics, in chunks whose losses are averaged by their weight."""
        params, state = self._carry["params"], self._carry["state"]
        total, share, parts = 0.0, 0.0, []
        for rows in chunks(x.shape[0], CHUNK):
            w = None if weight is None else weight[rows]
            size = float(rows.stop - rows.start) if w is None else float(w.sum())
            if size == 0:
                continue
            loss, prediction = self._losses(params, state, x[rows], y[rows], w)
            total, share = total + float(loss) * size, share + size
            parts.append(prediction)
        penalty = float(self.net.penalty(params))
        prediction = np.concatenate(parts)
        scores = {"loss": total / share + penalty}
        if isinstance(self.loss, Loss) and weight is None:
            scores |= metrics(self.loss, prediction, y)
        return scores

    # --- files and tables ---

    def save(self, path: StrPath) -> None:
        """Write weights, optimizer state, position and history to a folder, atomically.

        Raises SettingError where the network holds functions of the user's own.
        """
        saving.save(self, path)

    def summary(self) -> str:
        """A table of the layers with output shapes and numbers of parameters."""
        params, state = self._built()["params"], self._built()["state"]
        rows = [("layer", "output", "parameters")]
        rows += _summary_rows(self.net, params, state, self.input_shape or (), self.dtype)
        rows.append(("", "total", f"{sum(value.size for value in params.values()):,}"))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}"
            for name, shape, count in rows
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1].rstrip()])

    def __repr__(self) -> str:
        return (
            f"Model({self.net!r}, loss={self.loss.name!r}, optimizer={self.optimizer!r}, "
            f"seed={self.seed}, dtype={self.dtype.name!r})"
        )


def metrics(loss: Loss, prediction: Array, target: Array) -> dict[str, float]:
    """Accuracy of a classification; R², mean absolute and root mean squared error otherwise."""
    if loss.task == "regression":
        if loss.prediction != "values":
            return {}
        error = prediction.astype(np.float64) - target
        spread = np.sum(np.square(target - np.mean(target, axis=0, dtype=np.float64)))
        scores = {
            "mean_absolute_error": float(np.mean(np.abs(error))),
            "root_mean_squared_error": float(np.sqrt(np.mean(np.square(error)))),
        }
        if spread > 0:
            scores["r2"] = float(1 - np.sum(np.square(error)) / spread)
        return scores
    classes = loss.classes(prediction)
    if loss.task == "multiclass":
        truth = target if target.shape == classes.shape else target.argmax(axis=-1)
    else:
        truth = (target > (0.5 if loss.prediction != "scores" else 0.0)).astype(np.int64)
    return {"accuracy": float(np.mean(classes == truth))}


def _whole(name: str, value: Any, least: int) -> int:
    domain = whole_number(least)
    try:
        return int(domain.read(value))
    except (TypeError, ValueError):
        raise SettingError(f"{name} must be {domain.words}, not {value!r}") from None


def _summary_rows(
    net: Layer, params: Arrays, state: Arrays, shape: tuple[int, ...], dtype: Any
) -> list[tuple[str, str, str]]:
    from chainrule.layers import Sequential
    from chainrule.layers.layer import within

    if not isinstance(net, Sequential):
        out = output_shape(net, params, state, shape, dtype)
        count = sum(prod(value.shape) for value in params.values())
        return [(repr(net), str(out), f"{count:,}")]
    found = []
    for name, layer in net.children():
        own, own_state = within(params, name), within(state, name)
        shape = output_shape(layer, own, own_state, shape, dtype)
        count = sum(prod(value.shape) for value in own.values())
        found.append((f"{name}  {layer!r}", str(shape), f"{count:,}"))
    return found


def load(path: StrPath) -> Model:
    """The model that `Model.save` wrote: bit for bit, ready to predict or to go on training.

    Raises FileError for a folder that is missing, damaged, or not a model's.
    """
    return saving.load(path, Model)


__all__ = ["DataError", "Model", "load", "metrics"]
