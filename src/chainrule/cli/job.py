"""What `chainrule train` does between its options and its folder: read, divide, learn, judge."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.errors import DataError, NotFiniteError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from chainrule.cli.networks import Plan
    from chainrule.cli.scores import Scores
    from chainrule.diagnosis import Finding
    from chainrule.history import History
    from chainrule.model import Model
    from chainrule.tabular import Preprocessor, Split, Table

    Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """What the user asked for; None where the data decide."""

    data: str
    target: str | None
    task: str | None
    drop: tuple[str, ...]
    categories: tuple[str, ...]
    numbers: tuple[str, ...]
    balance: bool
    layers: str | None
    activation: str
    dropout: float
    loss: str | None
    optimizer: str
    rate: float | None
    epochs: int | None
    batch_size: int | None
    validation: float
    test: float
    seed: int
    engine: str | None


@dataclass(frozen=True)
class Part:
    """Some rows of the table as arrays: inputs, targets as the loss takes them, and as judged;
    with --balance, what each row counts."""

    x: "NDArray[np.float32]"
    y: "NDArray[Any]"
    truth: "NDArray[Any]"
    weight: "NDArray[np.float64] | None" = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Data:
    """The table, read and divided. The table itself is gone: its arrays are all that is needed,
    and together they would not fit where one of them does."""

    source: str
    reason: str
    """Why the task is what it is."""
    unlabelled: int
    preprocessor: "Preprocessor"
    training: Part
    validation: Part
    test: Part

    @property
    def judge(self) -> tuple[str, Part]:
        """The rows that tell how good the network is: never seen, where there are such."""
        if len(self.test):
            return "test", self.test
        if len(self.validation):
            return "validation", self.validation
        return "training", self.training


@dataclass(frozen=True)
class Result:
    """All that the folder and the screen are made of."""

    options: Options
    data: Data
    model: "Model"
    plan: "Plan"
    loss: str
    history: "History"
    best_epoch: int | None
    """Counted from 1: the epoch whose weights were kept, if one was chosen."""
    failure: str
    """Why the numbers stopped being finite after at least one good epoch, if they did."""
    seconds: float
    scores: "Scores"
    findings: "tuple[Finding, ...]" = ()
    """What a diagnosis of the training found."""


def run(options: Options, quiet: bool) -> Result:
    """Do it all; `quiet` shows no progress of the training."""
    from chainrule.cli import networks, scores
    from chainrule.cli.terminal import working
    from chainrule.diagnosis import diagnose
    from chainrule.model import Model

    # what is wrong with the options is said before a long reading
    if options.layers is not None:
        networks.parse_layers(options.layers)
    networks.require_activation(options.activation)
    optimizer = networks.make_optimizer(options.optimizer, options.rate)
    _require_count("--epochs", options.epochs)
    _require_count("--batch-size", options.batch_size)

    data = prepare(options)
    loss = networks.choose_loss(data.preprocessor, options.loss)
    hidden = networks.hidden_layers(options.layers, len(data.training))
    plan = networks.Plan.of(len(data.training), options.epochs, options.batch_size)
    model = Model(
        networks.build(data.preprocessor, hidden, options.activation, options.dropout, loss),
        loss=loss,
        optimizer=optimizer,
        engine=options.engine,
        seed=options.seed,
    )
    begun = time.perf_counter()
    history, best_epoch, failure = _fit(model, data, plan, quiet)
    seconds = time.perf_counter() - begun
    _, part = data.judge
    with working("judging on", len(part)):
        predicted = scores.predict(model, data.preprocessor, part.x)
        judged = scores.score(data.preprocessor, part.truth, predicted)
    # Without training from other starts, which may take as long as this did, and longer.
    findings = diagnose(model, data.training.x, data.training.y, starts=0).findings
    return Result(
        options, data, model, plan, loss, history, best_epoch, failure, seconds, judged, findings
    )


def prepare(options: Options) -> Data:
    """Read the table, divide its rows, and learn from those of the training what they hold."""
    from chainrule import tabular
    from chainrule.cli.terminal import reading, working
    from chainrule.tabular.inference import Kind

    with reading(options.data) as progress:
        # as text, a column can always be read: what is dropped need not hold anything in particular
        kinds = dict.fromkeys(options.numbers, Kind.NUMBER)
        kinds |= dict.fromkeys((*options.categories, *options.drop), Kind.TEXT)
        table = tabular.read(options.data, kinds=kinds, progress=progress)
    with working("encoding", table.frame.height):
        return _encoded(table, options)


def _encoded(table: "Table", options: Options) -> Data:
    from chainrule.tabular import Preprocessor
    from chainrule.tabular.preprocessing import find_columns
    from chainrule.tabular.targets import CLASSIFICATION

    frame = table.frame
    target = _target(table, options)
    find_columns(options.numbers, frame.columns, "column")
    task, reason, labelled, parts = _divide(table, target, options)
    preprocessor = Preprocessor.fit(
        frame,
        target,
        rows=parts.training,
        task=task,
        drop=options.drop,
        categories=options.categories,
    )

    balance = _balance(preprocessor) if options.balance else None

    def part(rows: "Rows") -> Part:
        y = preprocessor.target(frame, rows)
        truth = y if task == CLASSIFICATION else preprocessor.truth(frame, rows)
        weight = None if balance is None else balance[truth]
        return Part(preprocessor.encode(frame, rows), y, truth, weight)

    return Data(
        source=table.source,
        reason=reason,
        unlabelled=frame.height - len(labelled),
        preprocessor=preprocessor,
        training=part(parts.training),
        validation=part(parts.validation),
        test=part(parts.test),
    )


def _balance(preprocessor: "Preprocessor") -> "NDArray[np.float64]":
    """What a row of each class counts, so that the classes count alike and the mean row 1."""
    import numpy as np

    from chainrule.tabular.targets import Classes

    if not isinstance(preprocessor.label, Classes):
        raise SettingError("--balance weighs classes, and this is a regression")
    shares = np.array(preprocessor.label.shares)
    return 1 / (len(shares) * shares)


def _target(table: "Table", options: Options) -> str:
    from chainrule.tabular.preprocessing import find_columns

    target = options.target or table.target
    if target is None:
        raise SettingError(
            "name the column to predict with --target; the columns are "
            + ", ".join(map(repr, table.frame.columns[:30]))
        )
    find_columns([target], table.frame.columns, "target column")
    return target


def _divide(table: "Table", target: str, options: Options) -> tuple[str, str, "Rows", "Split"]:
    """The task, why it is that, the rows that have a target, and the three parts of them."""
    from chainrule.tabular import split
    from chainrule.tabular.targets import CLASSIFICATION, Classes, infer_task, labelled_rows

    labels = table.frame[target]
    task, reason = (options.task, "--task") if options.task else infer_task(labels)
    labelled = labelled_rows(labels)
    if len(labelled) == 0:
        raise DataError(f"no row has a value in the target {target!r}")
    classes = None
    if task == CLASSIFICATION:
        classes = Classes.learn(labels.gather(labelled)).encode(labels)[labelled]
    parts = split(
        labelled,
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        classes=classes,
    )
    return task, reason, labelled, parts


def _fit(
    model: "Model", data: Data, plan: "Plan", quiet: bool
) -> tuple["History", int | None, str]:
    """Train; the history, the epoch that was kept, and the failure, as in `Result`."""
    from chainrule.callbacks import EarlyStopping

    held = data.validation
    stopping = EarlyStopping(patience=plan.patience) if len(held) else None
    failure = ""
    try:
        history = model.fit(
            data.training.x,
            data.training.y,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            validation_data=(held.x, held.y, held.weight) if len(held) else None,
            sample_weight=data.training.weight,
            callbacks=[stopping] if stopping else [],
            progress=False if quiet else None,
        )
    except NotFiniteError as error:
        history = model.history
        if len(history) == 0:
            raise  # there is nothing to keep
        failure = str(error)
    best = stopping.best_epoch + 1 if stopping and stopping.best_epoch >= 0 else None
    return history, best, failure


def _require_count(option: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise SettingError(f"{option} must be a whole number, 1 or more, not {value}")
