"""A row of a table, as `chainrule explain` explains it: prepared as in the training."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chainrule.errors import DataError, SettingError

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from chainrule.model import Model
    from chainrule.tabular import Preprocessor

FEW = 6  # categories whose numbers are told


@dataclass
class Case:
    """What is explained: a model, samples, targets, and what was assumed about them.

    columns, classes  what they are called
    has_target        whether there is one; else only the forward pass means something
    """

    model: "Model"
    x: "NDArray[Any]"
    y: "NDArray[Any]"
    notes: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    has_target: bool = True


def row_of_table(
    model: "Model", preprocessor: "Preprocessor", data: str, row: int, targets: tuple[str, ...]
) -> Case:
    """The row with its own target, or with the one that was named.

    A row without a target is explained as well: forward, or, where there are classes, with the
    predicted one in its place.
    """
    import numpy as np

    from chainrule.cli.predict import read_columns
    from chainrule.tabular.targets import Classes, Values

    frame = read_columns(data, preprocessor, ())
    if not 0 <= row < frame.height:
        raise DataError(f"{data} has rows 0 to {frame.height - 1}, and no row {row}")
    x = preprocessor.encode(frame, np.array([row]))
    label = preprocessor.label
    classes = label.classes if isinstance(label, Classes) else ()
    case = Case(model, x, np.zeros(1), [], _columns(preprocessor), classes)
    place, named = f"row {row} of {data}", None
    case.notes.append(
        f"{place}: {_told(frame, preprocessor, row)}; x holds it as the training prepared it, "
        "numbers in standard deviations from their mean"
    )
    if isinstance(label, Values):
        case.notes.append(
            f"{label.column} is {_figure(label.mean)} + {_figure(label.scale)} times ŷ or y"
        )
    if targets:
        if len(targets) > 1:
            raise DataError(f"one row is explained, and there are {len(targets)} targets")
        (named,) = targets
    elif label.column in frame.columns:
        value = frame[label.column][row]
        named = None if value is None or value != value else str(value)
    if named is not None:
        case.y = _encoded(label, named, place)
    elif classes:
        case.y, name = _predicted(model, preprocessor, x)
        case.notes.append(
            f"{place} has no value in {label.column!r}, so the predicted class stands in: {name}; "
            "--target names another"
        )
    else:
        case.y = np.zeros(1, np.float32)
        case.has_target = False
        case.notes.insert(0, f"{place} has no value in {label.column!r}")
    return case


def _figure(value: float) -> str:
    return f"{value:.4g}"


def _columns(preprocessor: "Preprocessor") -> tuple[str, ...]:
    """Names of what the network takes: for each column of the table, and whether it is missing."""
    from chainrule.tabular.encoders import CategoryEncoder

    found: list[str] = []
    for encoder in preprocessor.encoders:
        if isinstance(encoder, CategoryEncoder):
            places = ", ".join(f"{i} {name}" for i, name in enumerate(encoder.categories))
            few = len(encoder.categories) <= FEW
            found.append(f"{encoder.column} ({places})" if few else encoder.column)
            continue
        more = [f"{encoder.column} is missing"] * (len(encoder.sizes) - 1)
        found += [encoder.column, *more]
    return tuple(found)


def _told(frame: "pl.DataFrame", preprocessor: "Preprocessor", row: int) -> str:
    """The row as it stands in the table."""
    names = [encoder.column for encoder in preprocessor.encoders]
    shown = [f"{name} {frame[name][row]}" for name in names]
    return ", ".join(shown[:12]) + (f", … ({len(shown) - 12} more)" if len(shown) > 12 else "")


def _encoded(label: Any, named: str, place: str) -> "NDArray[Any]":
    """One target as the network is trained on it: a class by its name, a value in its own units."""
    import numpy as np

    from chainrule.errors import suggestion
    from chainrule.tabular.targets import Classes

    if isinstance(label, Classes):
        if named not in label.classes:
            raise DataError(
                f"{place}: the network knows no class {named!r} of {label.column!r}; "
                f"{suggestion(named, label.classes)}"
            )
        return np.array([label.classes.index(named)])
    try:
        value = float(named)
    except ValueError:
        raise SettingError(f"--target takes a number for {label.column!r}, not {named!r}") from None
    if not np.isfinite(value):
        raise DataError(f"{place}: the target {label.column!r} is {named}; name another")
    return np.array([(value - label.mean) / label.scale], np.float32)


def _predicted(
    model: "Model", preprocessor: "Preprocessor", x: "NDArray[Any]"
) -> tuple["NDArray[Any]", str]:
    from chainrule.cli.scores import predict
    from chainrule.tabular.targets import Classes

    label = preprocessor.label
    assert isinstance(label, Classes)  # asked by the caller
    best = predict(model, preprocessor, x).argmax(axis=1)
    return best, label.classes[int(best[0])]
