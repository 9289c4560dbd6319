"""A network with its loss, its optimizer and its parameters: what users train."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from chainrule import data as checked
from chainrule import losses, optimizers, random, saving
from chainrule.callbacks import Best, Callbacks
from chainrule.endings import check_ending
from chainrule.engines import engine as find_engine
from chainrule.errors import NotFiniteError, SettingError, ShapeError, UnknownNameError
from chainrule.files import StrPath
from chainrule.finite import Origin
from chainrule.history import History
from chainrule.layers import LAYERS, Layer
from chainrule.layers.layer import output_shape
from chainrule.loss import Loss
from chainrule.metrics import metrics
from chainrule.optimizer import Optimizer
from chainrule.pipeline import value_grad_and_rest
from chainrule.prediction import CHUNK, Predictor
from chainrule.progress import Progress
from chainrule.settings import number, read_setting, whole_number
from chainrule.summary import summary
from chainrule.trail import Trail
from chainrule.training import Compiled, Programs, Task, chunks
from chainrule.training_run import Run

Array = np.ndarray[Any, Any]
Arrays = dict[str, Any]
Held = tuple[Array, Array, Array | None]  # X, y and weights of the validation data

UPDATES, FEWEST_EPOCHS = 5000, 10  # where `fit` is not told how long to train
SHARE = number("a share from 0 up to, but not, 1", lambda share: 0 <= share < 1)

# Folded into the model's key, for what layers (numbered from 0) do not draw.
_TRAINING, _SPLIT = 2**32 - 1, 2**32 - 2


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
        if isinstance(net, list | tuple):
            raise SettingError("net is one layer; put several into cr.Sequential(...)")
        self.net = LAYERS.instance(net)
        self.loss = losses.get(loss)
        self.dtype = _float_type(dtype)
        self._order, self._noise = random.split(random.fold_in(random.key(seed), _TRAINING))
        self.seed = int(seed)
        find_engine(engine)
        self.engine = engine
        check_ending(self.net, self.loss)
        self.history = History()
        self.watched: dict[str, Best] = {}  # by the callbacks of a run that is not over
        self.start: tuple[Arrays, Arrays] | None = None  # params and state before the first epoch
        self.failure: Origin | None = None  # what stopped the newest training, if it was a NaN
        self.batch_size: int | None = 32  # of the newest fit
        self.trail = Trail()
        self.input_shape: tuple[int, ...] | None = None
        self.output_shape: tuple[int, ...] = ()
        self._carry: dict[str, Any] = {}
        self._first: dict[str, Any] | None = None  # the carry as `build` made it
        self._make_ready(optimizers.get(optimizer))

    def _make_ready(self, optimizer: Optimizer) -> None:
        """Everything that holds compiled code."""
        self._task = Task(self.net, self.loss, optimizer)
        self._steps: tuple[Any, Programs] = ((), Programs())
        self._forward = Compiled(self._predict, self.engine)
        self._losses = Compiled(self._loss, self.engine)
        self._gradients: dict[bool, Compiled] = {}
        self._predictor: Predictor | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and for other processes: all but compiled code, and losses by their names."""
        compiled = ("_task", "_steps", "_forward", "_losses", "_gradients", "_predictor")
        kept = {name: value for name, value in vars(self).items() if name not in compiled}
        loss = self.loss.config() if isinstance(self.loss, Loss) else self.loss
        return kept | {"loss": loss, "optimizer": self.optimizer}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        optimizer, loss = kept.pop("optimizer"), kept.pop("loss")
        vars(self).update(kept)
        self.loss = losses.from_config(loss) if isinstance(loss, dict) else loss
        self._make_ready(optimizer)

    @property
    def epoch(self) -> int:
        """How many epochs have been trained, by all calls of `fit` together."""
        return len(self.history)

    @property
    def optimizer(self) -> Optimizer:
        """What makes the updates. A new one may be set: it begins with the weights as they are."""
        return self._task.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        self._make_ready(optimizers.get(optimizer))
        if self._carry:
            memory = self.optimizer.init(self._carry["params"])
            self._carry = self._carry | {"optimizer": memory}

    # --- parameters ---

    def build(self, input_shape: tuple[int, ...]) -> "Model":
        """Make the parameters for samples of this shape, `(2,)` or `(28, 28, 1)`."""
        shape = (input_shape,) if isinstance(input_shape, int) else tuple(map(int, input_shape))
        params, state = self.net.init(shape, self.seed, self.dtype)
        self.output_shape = output_shape(self.net, params, state, shape, self.dtype)
        self.input_shape = shape
        optimizer = self.optimizer.init(params)
        self._carry = self._first = {"params": params, "optimizer": optimizer, "state": state}
        return self

    def reset(self) -> "Model":
        """Start again: first weights, no optimizer state, no history."""
        if self.input_shape is not None:
            self.build(self.input_shape)
        self.history, self.trail = History(), Trail()
        self.watched = {}
        self.start = self.failure = None
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
        self._replace("params", self._checked(params, "params", "parameter"))

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Replace entries of the state by name; the others stay."""
        self._replace("state", self._checked(state, "state", "state entry"))

    def _replace(self, part: str, found: Arrays) -> None:
        """Whoever works with the old arrays keeps them."""
        self._carry = self._carry | {part: self._carry[part] | found}

    def _checked(self, given: Mapping[str, Any], part: str, what: str) -> Arrays:
        own = self._built()[part]
        found = {}
        for name, value in given.items():
            if name not in own:
                raise UnknownNameError(what, name, own)
            array = checked.converted(value, self.dtype, name)
            if array.shape != own[name].shape:
                raise ShapeError(
                    f"{what} {name!r} has shape {own[name].shape}, and the given one {array.shape}"
                )
            found[name] = array.copy()  # what the caller does to theirs changes nothing here
        return found

    def _built(self) -> dict[str, Any]:
        if not self._carry:
            raise SettingError(
                "the model has no parameters yet; call model.build(input_shape), or fit"
            )
        return self._carry

    # --- training ---

    def fit(
        self,
        X: Any,
        y: Any,
        epochs: int | None = None,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, Any] | tuple[Any, Any, Any] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        class_weight: Any = None,
        callbacks: Iterable[Any] = (),
        progress: bool | None = None,
    ) -> History:
        """Train for some epochs; a further call goes on from there. Returns this call's history.

        X           samples as rows; y their targets, as the loss takes them
        epochs      how often every sample is used; None makes 5,000 updates, which small tables
                    need, or 10 epochs where those are more
        batch_size  None is the full batch; the last batch of an epoch may be smaller
        shuffle     a new random order each epoch, by the seed
        validation_data, validation_split  (X, y) or (X, y, sample_weight), or the share of samples
                    held back by the seed, of each class alike
        sample_weight, class_weight        one number per sample; a dictionary or "balanced". A
                    sample of weight 0 is left out. What `validation_split` holds back keeps its
                    weights.
        callbacks   called after each epoch, see `chainrule.callbacks`
        progress    True or False; None shows it in a terminal

        Ctrl-C ends the training and keeps the weights so far; an epoch that was interrupted is
        begun anew by the next call. Raises DataError and SettingError before anything is trained,
        NotFiniteError when a NaN or an infinity stops the training, with the last good weights
        kept.
        """
        if epochs is not None:
            epochs = read_setting("fit", "epochs", whole_number(0), epochs)
        share = read_setting("fit", "validation_split", SHARE, validation_split)
        if batch_size is not None:
            batch_size = read_setting("fit", "batch_size", whole_number(1), batch_size)
        x, target, weight = self._prepared(X, y, sample_weight, class_weight)
        held: Held | None = None
        if validation_data is not None and share:
            raise SettingError("give fit either validation_data or validation_split")
        if validation_data is not None:
            held = self._validation(validation_data)
        elif share:
            x, target, weight, held = self._split(x, target, weight, share)
        run = self._running(x, target, weight, batch_size, shuffle)
        self.batch_size = batch_size
        if epochs is None:
            epochs = max(FEWEST_EPOCHS, -(-UPDATES // run.steps_per_epoch))
        return self._train(run, epochs, held, share, callbacks, progress)

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
    ) -> tuple[Array, Array, Array | None]:
        """The arrays of a call, checked; a model without parameters is built for them."""
        x = checked.features(X, self.dtype, self.input_shape)
        first = self.input_shape is None
        if first:
            self.build(x.shape[1:])
        try:
            target = checked.targets(y, self.loss, self.output_shape, x.shape[0], self.dtype)
            weight = checked.weights(sample_weight, class_weight, target, self.loss, self.dtype)
        except Exception:
            if first:  # for arrays that turned out to be the wrong ones
                self.input_shape, self._carry = None, {}
            raise
        return _taking_part(x, target, weight)

    def _validation(self, data: Any) -> Held:
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise SettingError("validation_data is a pair (X, y), or (X, y, sample_weight)")
        x = checked.features(data[0], self.dtype, self.input_shape, "X of validation_data")
        name = "y of validation_data"
        y = checked.targets(data[1], self.loss, self.output_shape, x.shape[0], self.dtype, name)
        given = data[2] if len(data) == 3 else None
        return _taking_part(x, y, checked.weights(given, None, y, self.loss, self.dtype))

    def _split(
        self, x: Array, y: Array, weight: Array | None, share: float
    ) -> tuple[Array, Array, Array | None, Held]:
        key = random.fold_in(random.key(self.seed), _SPLIT)
        labels = checked.single_labels(y, self.loss)
        training, held = checked.split(x.shape[0], share, labels, key)

        def part(rows: Array) -> Held:
            return x[rows], y[rows], None if weight is None else weight[rows]

        return (*part(training), part(held))

    def _running(
        self, x: Array, y: Array, weight: Array | None, batch_size: int | None, shuffle: bool
    ) -> Run:
        """A run from here, with the compiled steps of the last one where the shapes are those."""
        batch = min(batch_size or x.shape[0], x.shape[0])
        data = self._data(x, y, weight)
        shapes = _shapes(data)
        if self._steps[0] != shapes:
            self._steps = (shapes, Programs())
        order = self._order if shuffle else None
        steps = self._steps[1]
        return Run(self._task, data, self._built(), batch, order, self.engine, steps).compile()

    def _data(self, x: Array, y: Array, weight: Array | None) -> Arrays:
        weights = {} if weight is None else {"weights": weight}
        return {"x": x, "y": y, "noise": self._noise, **weights}

    def training_data(self, X: Any, y: Any, share: float) -> Arrays:
        """The data of a run, as `fit` makes them of X, y and `validation_split`."""
        x, target, weight = self._prepared(X, y)
        if share:
            x, target, weight, _ = self._split(x, target, weight, share)
        return self._data(x, target, weight)

    def run_again(
        self, task: Task | None, data: Arrays, carry: Arrays, batch: int, shuffle: bool
    ) -> Run:
        """A run of an earlier training from `carry` on; the model is not changed."""
        task = task or self._task
        shared = task is self._task and self._steps[0] == _shapes(data)
        programs = self._steps[1] if shared else Programs()
        order = self._order if shuffle else None
        return Run(task, data, carry, batch, order, self.engine, programs).compile()

    def first_carry(self, task: Task | None) -> Arrays:
        """What the training of a task began with, by the seed, if nobody set anything."""
        params, state = self.net.init(self.input_shape or (), self.seed, self.dtype)
        optimizer = (task or self._task).optimizer.init(params)
        return {"params": params, "optimizer": optimizer, "state": state}

    def _train(
        self,
        run: Run,
        epochs: int,
        held: Held | None,
        share: float,
        callbacks: Iterable[Any],
        progress: bool | None,
    ) -> History:
        history, told = History(), Callbacks(callbacks)
        if not self.epoch:
            self.start = self._carry["params"], self._carry["state"]
        try:
            history.stopped = told.begin(self)
            if history.stopped:
                epochs = 0
            self.trail.begin(run, self.epoch, share, built=self._carry is self._first)
            run.trail, self._first = self.trail, None
            with Progress(progress, epochs, run.steps_per_epoch) as display:
                while len(history) < epochs and not history.stopped:
                    # Whoever looks at the weights after an epoch gets to see them.
                    most = 1 if held or told.listen else epochs - len(history)
                    logs = self._some_epochs(run, most, held, history, display)
                    history.stopped = told.hear(
                        self, len(history) - 1, logs, (self.history, history)
                    )
                    # A callback may have set weights, or another optimizer.
                    run.task, run.programs, run.carry = self._task, self._steps[1], self._carry
                    self.trail.follow(run, self.epoch)
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        except NotFiniteError as error:
            history.stopped, self.failure = "not finite", error.origin
            raise
        finally:
            self.history.stopped = history.stopped
            told.end(self)
            self.watched = {}
        return history

    def _some_epochs(
        self, run: Run, most: int, held: Held | None, history: History, display: Progress
    ) -> dict[str, float]:
        """Train one epoch or more, up to `most`; gives the numbers of the last."""
        try:
            losses, norms = run.epochs(self.epoch, most, display.report)
        finally:
            self._carry = run.carry
            self.trail.note(run)
        columns = {"loss": losses, "gradient_norm": norms}
        if held is not None:
            scores = self._scores(*held)
            columns |= {f"validation_{name}": [value] for name, value in scores.items()}
        for known in (self.history, history):
            known.extend(**columns)
        logs = {name: column[-1] for name, column in columns.items()}
        display.epoch(logs, len(losses))
        return logs

    # --- using ---

    def predict(self, X: Any) -> Array:
        """The network's output as it stands, samples first."""
        params, state = self._built()["params"], self._carry["state"]
        ready = self._predictor
        if ready is None or ready.params is not params or ready.state is not state:
            settings = (self.input_shape, self.dtype, self.engine)
            ready = self._predictor = Predictor(self._forward, params, state, *settings)
        found = ready.at_once(X)
        return ready(checked.features(X, self.dtype, self.input_shape)) if found is None else found

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

            def gradients(params: Arrays, state: Arrays, x: Any, y: Any) -> Arrays:
                key = random.fold_in(self._noise, 0) if training else None

                def objective(params: Arrays) -> Any:
                    return self._task.objective(params, state, x, y, None, training, key)

                _, found, _ = value_grad_and_rest(objective, (params,))
                return dict(found)

            self._gradients[training] = Compiled(gradients, self.engine)
        found = self._gradients[training](self._carry["params"], self._carry["state"], x, target)
        return {name: np.array(value) for name, value in found.items()}

    def before_step(self, X: Any, y: Any) -> tuple[Task, dict[str, Any], Array, Array, Any]:
        """What a step over these samples would start from: the task, the arrays that it would
        replace (params, optimizer, state), X and y as it would see them, and the key of dropout.
        """
        self._built()
        x, target, _ = self._prepared(X, y)
        return self._task, self._carry, x, target, self._noise

    def plot_boundary(self, X: Any, y: Any) -> Any:
        """A matplotlib figure of what a network of two inputs answers over the plane, with the
        samples on it."""
        from chainrule.training_plots import plot_boundary

        x, target, _ = self._prepared(X, y)
        return plot_boundary(self, x, target)

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
        # What a user's own function makes of chunks need not be the mean of anything.
        size = CHUNK if isinstance(self.loss, Loss) else x.shape[0]
        total, share, parts = 0.0, 0.0, []
        for rows in chunks(x.shape[0], size):
            w = None if weight is None else weight[rows]
            own_share = float(rows.stop - rows.start) if w is None else float(w.sum())
            loss, prediction = self._losses(params, state, x[rows], y[rows], w)
            total, share = total + float(loss) * own_share, share + own_share
            parts.append(prediction)
        scores = {"loss": total / share + float(self.net.penalty(params))}
        if isinstance(self.loss, Loss):
            scores |= metrics(self.loss, np.concatenate(parts), y, weight)
        return scores

    # --- files and tables ---

    def save(self, path: StrPath) -> None:
        """Write weights, optimizer state, position and history to a folder, atomically.

        Raises SettingError where the network holds functions of the user's own.
        """
        saving.save(self, path)

    def summary(self) -> str:
        """A table of the layers with output shapes and numbers of parameters."""
        built = self._built()
        shape = self.input_shape or ()
        return summary(self.net, built["params"], built["state"], shape, self.dtype)

    def __repr__(self) -> str:
        return (
            f"Model({self.net!r}, loss={self.loss.name!r}, optimizer={self.optimizer!r}, "
            f"seed={self.seed}, dtype={self.dtype.name!r})"
        )


def _float_type(dtype: Any) -> np.dtype[Any]:
    found: np.dtype[Any]
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.type not in (np.float32, np.float64):
        raise SettingError(f"a model computes in 'float32' or 'float64', not {dtype!r}")
    return found.newbyteorder("=")


def load(path: StrPath) -> Model:
    """The model that `Model.save` wrote: bit for bit, ready to predict or to go on training.

    Raises FileError for a folder that is missing, damaged, or not a model's.
    """
    return saving.load(path, Model)


def _shapes(data: Arrays) -> Any:
    """What compiled steps are made for."""
    return {name: (array.shape, array.dtype) for name, array in data.items()}


def _taking_part(x: Array, y: Array, weight: Array | None) -> Held:
    """Without the samples of weight 0, which count for nothing."""
    if weight is None or weight.all():
        return x, y, weight
    taking_part = weight > 0
    return x[taking_part], y[taking_part], weight[taking_part]
