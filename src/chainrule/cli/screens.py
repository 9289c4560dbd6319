"""What `train` and `predict` leave on the screen."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from chainrule.cli.scores import METRIC_NAMES
from chainrule.cli.terminal import answers, facts, figure, plural

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from chainrule.cli.job import Result
    from chainrule.cli.scores import Scores

_PARTS = {"test": "rows never seen", "validation": "validation rows", "training": "training rows"}


def show_training(result: "Result", folder: Path, files: list[str], replaces: bool) -> None:
    """The closing screen of `chainrule train`."""
    from rich.text import Text

    label = result.data.preprocessor.label
    title = Text.assemble(
        (label.column, "bold"),
        (f"  {label.task}", "bold"),
        (f"  {result.data.reason}" if result.data.reason != "--task" else "", "dim"),
    )
    lines: list[RenderableType] = [
        title,
        "",
        facts([*_data(result), ("network", _network(result)), ("training", _training(result))]),
        "",
        judgement(result.scores, _PARTS[result.data.judge[0]]),
        *([Text(result.scores.remark, style="yellow")] if result.scores.remark else []),
        "",
        *_diagnosis(result),
        facts(
            [
                (
                    "results" if not replaces else "replaced",
                    Text.assemble((f"{folder}/", "bold"), "\n", (" · ".join(files), "")),
                ),
                ("next", Text(f"chainrule predict {quote(str(folder))} NEW.csv", style="cyan")),
            ]
        ),
    ]
    _print(lines)


def judgement(scores: "Scores", rows_are: str) -> "Table":
    """The metrics of the network beside those of a constant."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(min_width=28)
    table.add_column(justify="right", style="bold", min_width=9)
    table.add_column(justify="right", style="dim", min_width=9)
    table.add_row(
        Text(f"on {scores.rows:,} {rows_are}", style="dim"),
        Text("network", style="not bold dim"),
        "constant guess",
    )
    for name, value in scores.network.items():
        table.add_row(METRIC_NAMES[name], figure(value), figure(scores.constant[name]))
    return table


def _data(result: "Result") -> list[tuple[str, "Text | str"]]:
    data, preprocessor = result.data, result.data.preprocessor
    used = plural(len(preprocessor.encoders), "column")
    counts = [
        (len(data.training), "to train"),
        (len(data.validation), "to know when to stop"),
        (len(data.test), "to judge"),
    ]
    divided = ", ".join(f"{count:,} {purpose}" for count, purpose in counts if count)
    rows: list[tuple[str, Text | str]] = [
        ("data", f"{used} → {plural(len(preprocessor.feature_names), 'feature')}"),
        ("rows", divided),
    ]
    if data.unlabelled:
        rows.append(("", f"{plural(data.unlabelled, 'row')} without a target not used"))
    if coded := [name for name, column in _categories(result) if any(map(_is_code, column))]:
        rows.append(("names", f"{', '.join(coded)}: whole numbers that begin with a zero"))
    for reason, names in _by_reason(dict(preprocessor.left_out)).items():
        rows.append(("left out", f"{names}: {reason}"))
    return rows


def _diagnosis(result: "Result") -> "list[RenderableType]":
    """A line for each finding; all of their numbers are in the metrics."""
    from chainrule.diagnosis import SYMPTOMS

    rows: list[tuple[str, Text | str]] = []
    encoders = result.data.preprocessor.encoders
    columns = [encoder.column for encoder in encoders for _ in encoder.sizes]
    for finding in result.findings:
        column = finding.evidence.get("column")
        place = finding.layer if column is None else f"column {columns[column]}"
        where = f" ({place})" if place else ""
        line = f"{finding.symptom}{where}: {SYMPTOMS[finding.symptom].doc}"
        rows.append(("" if rows else "diagnosis", line))
    return [facts(rows), ""] if rows else []


def _categories(result: "Result") -> list[tuple[str, tuple[str, ...]]]:
    from chainrule.tabular.encoders import CategoryEncoder

    encoders = result.data.preprocessor.encoders
    given = result.options.categories
    return [
        (encoder.column, encoder.categories)
        for encoder in encoders
        if isinstance(encoder, CategoryEncoder) and encoder.column not in given
    ]


def _is_code(category: str) -> bool:
    return len(category) > 1 and category[0] == "0" and category.isdecimal()


def _by_reason(left_out: dict[str, str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        found.setdefault(reason, []).append(name)
    return {
        reason: ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        for reason, names in found.items()
    }


def _network(result: "Result") -> str:
    from chainrule.layers import Dense

    widths = [str(len(result.data.preprocessor.feature_names))]
    for _, layer in result.model.net.children():
        if isinstance(layer, Dense):
            widths.append(str(layer.units))
    parameters = sum(array.size for array in result.model.params.values())
    between = f", {result.options.activation.casefold()} between" if len(widths) > 2 else ""
    return f"{' → '.join(widths)}{between}, {plural(parameters, 'parameter')}"


def _training(result: "Result") -> str:
    history = result.history
    loss = result.loss.replace("_", " ")
    optimizer = result.model.optimizer
    how = (
        f"{loss}, {type(optimizer).__name__} at a rate of {optimizer.lr:g}, "
        f"batches of {result.plan.batch_size:,}"
    )
    ran = plural(len(history), "epoch")
    if history.stopped == "interrupted":
        ran += ", stopped by you"
    elif result.failure:
        ran += ", then the numbers were no longer finite"
    elif len(history) < result.plan.epochs:
        ran += ", until the validation loss no longer fell"
    kept = ""
    if result.best_epoch is not None and result.best_epoch != len(history):
        kept = f"\nkept the weights of epoch {result.best_epoch:,}, the best"
    if result.options.balance:
        how += ",\nevery class counting alike"
    return f"{how}\n{ran}, {_duration(result.seconds)}{kept}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def show_prediction(
    table: "pl.DataFrame", path: Path, judged: "Scores | None", notes: list[str]
) -> None:
    """The closing screen of `chainrule predict`."""
    from rich.text import Text

    rows: list[tuple[str, Text | str]] = [
        ("results", Text.assemble((str(path), "bold"), f"\n{plural(table.height, 'row')}"))
    ]
    rows += [("note", note) for note in notes]
    lines: list[RenderableType] = [facts(rows)]
    if judged is not None:
        lines += ["", judgement(judged, "rows with a target")]
        lines += [Text(judged.remark, style="yellow")] if judged.remark else []
    _print(lines)


def _print(lines: "list[RenderableType]") -> None:
    from rich.padding import Padding

    console = answers()
    console.print()
    for line in lines:
        console.print(Padding(line, (0, 0, 0, 2), expand=False) if line else "")
    console.print()
