"""From a table of mixed columns to one array of float32, learned on the training rows.

The rules, in the order in which a column meets them:

1. Dates and times are refused: what of them matters (the weekday? the hours since a start?) is
   the user's to say. So are texts that are numbers to people ($1,200.50, 12%).
2. Left out, and said so: columns with no value, columns with one value, texts that differ in
   (nearly) every row, and whole numbers that differ in every row under a name like `id`.
3. Numbers are standardised. A missing number becomes the median, and a feature of its own says
   that it was missing.
4. Booleans are 0 and 1, missing ones as with numbers.
5. Each category of a text becomes a feature of 0 and 1. From `max_categories` features on, the
   rarer categories share the last. Missing is a category of its own. A category that was never
   met in the training has zeros in all features, or belongs to the rare ones where they exist.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import DataError, FileError, SettingError, suggestion
from chainrule.tabular import targets
from chainrule.tabular.encoders import (
    ENCODERS,
    BooleanEncoder,
    CategoryEncoder,
    Encoder,
    NumberEncoder,
    described,
    is_text,
    numbers,
    refuse_decorated_numbers,
    texts,
)
from chainrule.tabular.inference import Kind
from chainrule.tabular.splitting import Rows
from chainrule.tabular.targets import TARGETS, Classes, Target, Values

MAX_CATEGORIES = 50
ROWS_AT_ONCE = 1 << 15  # what a step of `encode` touches should stay in the processor's cache


@dataclass(frozen=True)
class Preprocessor:
    """What was learned about the columns of a table; `fit` makes one.

    encoders
        One for every column that the network sees, in the order of the features.
    label
        The target's encoding.
    left_out
        The columns that the network does not see, each with the reason.
    """

    encoders: tuple[Encoder, ...]
    label: Target
    left_out: Mapping[str, str]

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        target: str,
        *,
        rows: Rows | None = None,
        task: str | None = None,
        drop: Collection[str] = (),
        categories: Collection[str] = (),
        max_categories: int = MAX_CATEGORIES,
    ) -> "Preprocessor":
        """Learn from the given rows of a frame (all by default), which must have a target.

        task
            `classification` or `regression`; by default what the target implies.
        drop
            Columns to leave out.
        categories
            Columns of numbers that are names: a postcode, a type of machine.

        Raises `DataError` for a table that cannot be used and `SettingError` for settings that
        do not fit it.
        """
        find_columns([target], frame.columns, "target column")
        features = [name for name in frame.columns if name != target]
        find_columns([*drop, *categories], features, "column")
        if max_categories < 2:
            raise SettingError(f"max_categories must be 2 or more, not {max_categories}")
        for name in frame.columns:
            if name not in (*drop, *categories) and frame[name].dtype.is_numeric():
                numbers(frame[name])  # refuses an infinity, with its row in the whole frame
        labels = _rows_of(frame[target], rows)
        task = task or targets.infer_task(labels)[0]
        encoders: list[Encoder] = []
        left_out = dict.fromkeys(drop, "as asked")
        for name in features:
            if name in left_out:
                continue
            series = _rows_of(frame[name], rows)
            if name in categories:
                series = texts(series)
            elif is_text(series):
                refuse_decorated_numbers(
                    series,
                    f"read the column as names (--categories {quote(name)}), or leave it out "
                    f"(--drop {quote(name)})",
                )
            reason = _reason_to_leave_out(series, max_categories)
            if reason is None:
                encoders.append(_learn(series, max_categories))
            else:
                left_out[name] = reason
        if not encoders:
            reasons = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
            raise DataError(f"there is no column to learn from ({reasons or 'only the target'})")
        return cls(tuple(encoders), _learn_target(labels, task), left_out)

    @property
    def feature_names(self) -> list[str]:
        """One name per column of the array."""
        return [name for encoder in self.encoders for name in encoder.features]

    @property
    def kinds(self) -> dict[str, Kind]:
        """What the columns of a file must hold to be read like that of the training."""
        found = {encoder.column: encoder.kind for encoder in self.encoders}
        return found | {self.label.column: self.label.kind}

    @property
    def sizes(self) -> list[int]:
        """One entry per encoded column: 0 for numbers, the number of features of a category."""
        return [size for encoder in self.encoders for size in encoder.sizes]

    def transform(self, frame: pl.DataFrame, rows: Rows | None = None) -> NDArray[np.float32]:
        """(rows, features) of the given rows of a frame, by default all."""
        return one_hot(self.encode(frame, rows), self.sizes)

    def encode(self, frame: pl.DataFrame, rows: Rows | None = None) -> NDArray[np.float32]:
        """(rows, len(sizes)): like `transform`, but a category is the place of its feature.

        −1 stands for no category. This is what the network of the command line takes; its first
        layer does what `one_hot` does.

        Raises `DataError` where columns are missing or hold something else than in the training.
        """
        self._require(frame)
        for encoder in self.encoders:
            encoder.check(frame[encoder.column])
        count = frame.height if rows is None else len(rows)
        encoded = np.empty((count, len(self.sizes)), np.float32)
        for start in range(0, count, ROWS_AT_ONCE):
            block = slice(start, min(start + ROWS_AT_ONCE, count))
            chosen = frame[block] if rows is None else frame[rows[block]]
            end = 0
            for encoder in self.encoders:
                place = slice(end, end := end + len(encoder.sizes))
                encoder.write(chosen[encoder.column], encoded[block, place])
        return encoded

    def target(self, frame: pl.DataFrame, rows: Rows | None = None) -> NDArray[Any]:
        """(rows,) class numbers (int64, −1 where missing) or standardised values (float32)."""
        encoded = self.label.encode(frame[self.label.column])
        return encoded if rows is None else encoded[rows]

    def truth(self, frame: pl.DataFrame, rows: Rows) -> NDArray[Any]:
        """(rows,) class numbers (int64) or values in the units of the target (float64)."""
        return self.label.truth(frame[self.label.column])[rows]

    def notes(self, frame: pl.DataFrame) -> list[str]:
        """What in this frame the training has never met, one sentence each."""
        self._require(frame)
        return [note for encoder in self.encoders for note in encoder.notes(frame[encoder.column])]

    def config(self) -> dict[str, Any]:
        """Plain data that JSON can hold, for `from_config`."""
        return {
            "columns": [encoder.config() for encoder in self.encoders],
            "target": self.label.config(),
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_config(cls, config: Any, source: str = "the preprocessing") -> "Preprocessor":
        """What `config` described; `FileError` naming `source` for anything else."""
        try:
            encoders = tuple(ENCODERS.from_config(column) for column in config["columns"])
            label = TARGETS.from_config(config["target"])
            left_out = {str(name): str(reason) for name, reason in config["left_out"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{source} is damaged: not a preprocessing ({error!r})") from error
        except SettingError as error:
            raise FileError(f"{source} is damaged: {error}") from error
        names = [encoder.column for encoder in encoders] + [label.column]
        if not encoders or len(set(names)) != len(names):
            raise FileError(f"{source} is damaged: it names a column twice, or none")
        if isinstance(label, Classes) and len(label.shares) != len(label.classes):
            raise FileError(f"{source} is damaged: the classes and their shares differ in number")
        return cls(encoders, label, left_out)

    def _require(self, frame: pl.DataFrame) -> None:
        needed = [encoder.column for encoder in self.encoders]
        missing = [name for name in needed if name not in frame.columns]
        if not missing:
            return
        known = {*needed, self.label.column, *self.left_out}
        unexpected = [name for name in frame.columns if name not in known]
        also = f", and has others: {_listed(unexpected)}" if unexpected else ""
        raise DataError(
            f"the table lacks columns that the network was trained with: {_listed(missing)}{also}"
        )


def one_hot(encoded: NDArray[np.float32], sizes: Sequence[int]) -> NDArray[np.float32]:
    """Encoded columns (rows, len(sizes)) as features (rows, features)."""
    columns = [
        encoded[:, [place]] == np.arange(size) if size else encoded[:, [place]]
        for place, size in enumerate(sizes)
    ]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def find_columns(wanted: Collection[str], known: Collection[str], what: str) -> None:
    """`DataError`, with the nearest name, for the first wanted column that is not there."""
    for name in wanted:
        if name not in known:
            raise DataError(f"there is no {what} {name!r}; {suggestion(name, known)}")


def _learn(series: pl.Series, max_categories: int) -> Encoder:
    if is_text(series):
        return CategoryEncoder.learn(series, max_categories)
    if series.dtype == pl.Boolean:
        return BooleanEncoder.learn(series)
    if series.dtype.is_numeric():
        return NumberEncoder.learn(series)
    raise DataError(
        f"column {series.name!r} holds {described(series)}, which have no place in an array; "
        f"make numbers or texts of them, or leave it out (--drop {quote(series.name)})"
    )


def _learn_target(labels: pl.Series, task: str) -> Target:
    if task == targets.CLASSIFICATION:
        return Classes.learn(labels)
    if task != targets.REGRESSION:
        raise SettingError(f"there is no task {task!r}; {suggestion(task, targets.TASKS)}")
    if not labels.dtype.is_numeric():
        raise DataError(
            f"target {labels.name!r} holds {described(labels)}; regression needs numbers"
        )
    return Values.learn(labels)


def _reason_to_leave_out(series: pl.Series, max_categories: int) -> str | None:
    """Rules 1 and 2 of the module: None for a column that the network can use."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    present = len(series) - series.null_count()
    if present == 0:
        return "no values"
    if series.dtype.is_temporal() or (is_text(series) and _are_dates(series)):
        example = str(series.drop_nulls()[0])
        raise DataError(
            f"column {series.name!r} holds dates or times ({example!r}); make numbers of what "
            "matters (the year, the month, the weekday, the days since a start), or leave it out "
            f"(--drop {quote(series.name)})"
        )
    if series.dtype.is_nested() or series.dtype in (pl.Object, pl.Binary):
        return None  # and refused
    different = series.drop_nulls().n_unique()
    if different == 1:
        return f"always {series.drop_nulls()[0]!r}" if present == len(series) else None
    if is_text(series):
        if different == present > 2 or (different > max_categories and 2 * different > present):
            return "nearly every row has a text of its own"
        return None
    identifies = series.dtype.is_numeric() and _IDENTIFIER.search(series.name)
    if identifies and different == len(series) and (series % 1 == 0).all():
        return "numbers the rows"
    return None


_IDENTIFIER = re.compile(
    r"(?i:(^|[^a-z])(id|idx|index|row|nr|no|number)$)|[a-z]I[dD]$|^column \d+$"
)

_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?"
_ZONE = r"( ?(Z|UTC|[+-]\d{2}:?\d{2}))?"
_MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = (
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})"
    rf"|\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{2,4}}"
    rf"|{_MONTH} \d{{1,2}},? \d{{4}})"
)
_DATE = rf"^({_DAY}([T ,]+{_CLOCK}{_ZONE})?|{_CLOCK})$"


def _are_dates(series: pl.Series) -> bool:
    values = series.drop_nulls().head(1000).cast(pl.String)
    return len(values) > 0 and bool(values.str.contains(_DATE).all())


def _rows_of(series: pl.Series, rows: Rows | None) -> pl.Series:
    return series if rows is None else series.gather(rows)


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:8]))
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
