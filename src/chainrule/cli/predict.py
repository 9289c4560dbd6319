"""`chainrule predict`: a trained network on another table."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.errors import DataError, FileError

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from chainrule.cli.scores import Scores
    from chainrule.tabular import Preprocessor

STANDARD_OUTPUT = "-"


@click.command("predict", short_help="Apply a trained network to another file.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("data")
@click.option(
    "--out",
    metavar="FILE",
    help="Where the predictions go; - prints them [default: DATA-predictions.csv, beside DATA].",
)
@click.option("--keep", multiple=True, metavar="COLUMN", help="Copy a column of DATA. Repeatable.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON; the predictions are in it unless --out names a file.",
)
def command(folder: Path, data: str, out: str | None, keep: tuple[str, ...], as_json: bool) -> None:
    """Predict for each row of DATA, with the network that 'chainrule train' left in FOLDER.

    DATA needs the columns of the training, in any order. Where it has the target as well, the
    predictions are judged. The result is a CSV file with one row for each row of DATA: the class
    and the probability of each, or the value.
    """
    from chainrule.cli import scores
    from chainrule.cli.folder import as_json as to_json
    from chainrule.cli.folder import read_preprocessor
    from chainrule.cli.terminal import remarks, working
    from chainrule.model import load

    preprocessor = read_preprocessor(folder)
    model = load(folder)
    frame = read_columns(data, preprocessor, keep)
    with working("predicting", frame.height):
        predicted = scores.predict(model, preprocessor, preprocessor.encode(frame))
    notes = preprocessor.notes(frame)
    judged, remark = _judge(preprocessor, frame, predicted)
    notes += [remark] if remark else []
    table = _table(preprocessor, frame, predicted, keep)

    if out == STANDARD_OUTPUT and not as_json:
        click.echo(table.write_csv(), nl=False)
        path = None
    elif as_json and out in (None, STANDARD_OUTPUT):
        path = None
    else:
        path = Path(out) if out is not None else _beside(data)
        _write(table, path)
    if as_json:
        answer: dict[str, Any] = {"rows": frame.height, "notes": notes}
        if judged is not None:
            answer |= {
                "judged_rows": judged.rows,
                "metrics": judged.network,
                "constant_guess": judged.constant,
            }
        answer |= {"out": str(path)} if path else {"predictions": table.to_dicts()}
        click.echo(to_json(answer))
    elif path is None:
        for note in notes:
            remarks().print(f"note: {note}")
    else:
        from chainrule.cli.screens import show_prediction

        show_prediction(table, path, judged, notes)


def read_columns(data: str, preprocessor: "Preprocessor", keep: tuple[str, ...]) -> "pl.DataFrame":
    """The columns that are needed, read as what they were in the training."""
    from chainrule.cli.terminal import reading
    from chainrule.tabular import read
    from chainrule.tabular.inference import Kind
    from chainrule.tabular.preprocessing import find_columns

    kinds = dict.fromkeys(keep, Kind.TEXT) | preprocessor.kinds
    with reading(data) as progress:
        frame = read(data, kinds=kinds, progress=progress).frame
    find_columns(keep, frame.columns, "column")
    return frame


def _judge(
    preprocessor: "Preprocessor", frame: "pl.DataFrame", predicted: "NDArray[Any]"
) -> tuple["Scores | None", str]:
    """Metrics where the target is known, or why there are none."""
    from chainrule.cli.scores import score
    from chainrule.tabular.targets import labelled_rows

    target = preprocessor.label.column
    if target not in frame.columns:
        return None, ""
    rows = labelled_rows(frame[target])
    if len(rows) == 0:
        return None, f"the target {target!r} has no values, so nothing is judged"
    try:
        truth = preprocessor.truth(frame, rows)
    except DataError as error:  # a class that the training has not met
        return None, f"nothing is judged: {error}"
    return score(preprocessor, truth, predicted[rows]), ""


def _table(
    preprocessor: "Preprocessor",
    frame: "pl.DataFrame",
    predicted: "NDArray[Any]",
    keep: tuple[str, ...],
) -> "pl.DataFrame":
    import numpy as np
    import polars as pl

    from chainrule.tabular.targets import Classes

    label = preprocessor.label
    columns = [frame[name] for name in keep]
    if isinstance(label, Classes):
        names = pl.Series(label.classes, dtype=pl.String).gather(predicted.argmax(axis=1))
        columns.append(names.alias(f"{label.column}_predicted"))
        columns += [
            pl.Series(f"probability_{name}", np.ascontiguousarray(predicted[:, place]))
            for place, name in enumerate(label.classes)
        ]
    else:
        columns.append(pl.Series(f"{label.column}_predicted", predicted))
    return pl.DataFrame(columns)


def _beside(data: str) -> Path:
    from chainrule.tabular.datasets import PREFIX

    if data.startswith(PREFIX):
        return Path(f"{data.removeprefix(PREFIX)}-predictions.csv")
    path = Path(data)
    return path.with_name(f"{path.stem}-predictions.csv")


def _write(table: "pl.DataFrame", path: Path) -> None:
    """Replace at most predictions of the same columns: anything else is somebody's file."""
    from chainrule.files import write_atomically

    if path.exists():
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            header = next(csv.reader(file), [])
        if header != table.columns:
            raise FileError(f"{path} exists and holds something else; name another with --out")
    write_atomically(path, table.write_csv().encode())
