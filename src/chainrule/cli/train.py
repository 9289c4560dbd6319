"""`chainrule train`: from a table to a folder with a trained network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.errors import NotFiniteError

if TYPE_CHECKING:
    from chainrule.cli.job import Result


@click.command("train", short_help="Train a network on a CSV or Parquet file.")
@click.argument("data")
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="Classes or numbers [default: what the target holds].",
)
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out. Repeatable.")
@click.option(
    "--categories",
    multiple=True,
    metavar="COLUMN",
    help="Take the numbers of a column for names (a postcode). Repeatable.",
)
@click.option(
    "--numbers",
    multiple=True,
    metavar="COLUMN",
    help="Take a column for numbers although they begin with zeros. Repeatable.",
)
@click.option(
    "--balance", is_flag=True, help="Let every class count alike, however few rows it has."
)
@click.option(
    "--layers",
    metavar="UNITS",
    help="Units of each hidden layer, or 'none' [default: 64,64, and 32 for few rows].",
)
@click.option("--activation", default="relu", show_default=True, help="Between the layers.")
@click.option(
    "--dropout", default=0.0, show_default=True, help="Share of the hidden units left out per step."
)
@click.option("--loss", help="[default: cross_entropy or mean_squared_error]")
@click.option("--optimizer", default="adam", show_default=True)
@click.option("--lr", "rate", type=float, help="Learning rate [default: the optimizer's].")
@click.option("--epochs", type=int, help="At most so many [default: by the number of rows].")
@click.option("--batch-size", type=int, help="Rows per step [default: by the number of rows].")
@click.option(
    "--validation",
    default=0.2,
    show_default=True,
    help="Share of the rows that tells when to stop; 0 trains for all epochs.",
)
@click.option(
    "--test",
    default=0.2,
    show_default=True,
    help="Share of the rows that judges the result and nothing else.",
)
@click.option("--seed", default=0, show_default=True, help="Same seed, same result.")
@click.option("--engine", help="native or numpy [default: the best available].")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    help="Where the result goes [default: DATA-network].",
)
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def command(folder: Path | None, as_json: bool, **given: Any) -> None:
    """Train a network on DATA: a CSV or Parquet file, or sklearn:NAME (iris, wine, digits,
    breast_cancer, diabetes).

    Columns may be numbers, true or false, and texts; missing values are fine. Part of the rows
    tells when to stop, another part, never seen, how good the network is. Ctrl-C ends the
    training and keeps the best weights so far.
    """
    from chainrule.cli import folder as folders
    from chainrule.cli import job

    options = job.Options(**given)
    folder = folder or folders.default_folder(options.data)
    replaces = folders.check_folder(folder)
    result = job.run(options, quiet=as_json)
    files = save(result, folder)
    if as_json:
        extra = {"folder": str(folder), "files": files, "seconds": round(result.seconds, 3)}
        click.echo(folders.as_json(summary(result) | extra))
    else:
        from chainrule.cli.screens import show_training

        show_training(result, folder, files, replaces)
    if result.failure:
        raise NotFiniteError(f"{result.failure}. What was learned before is in {folder}")


def save(result: "Result", folder: Path) -> list[str]:
    """Write the folder; returns the names of its files, those that a reader wants first."""
    from chainrule import plots
    from chainrule.cli import folder as folders

    history = result.history
    result.model.save(folder)
    folders.write_preprocessor(folder, result.data.preprocessor)
    history.to_csv(folder / folders.HISTORY)
    folders.write_metrics(folder, summary(result))
    judge, _ = result.data.judge
    rows_are = "rows never seen" if judge == "test" else f"{judge} rows"
    preprocessor = result.data.preprocessor
    figures = {result.scores.figure_name: result.scores.figure(preprocessor, rows_are)}
    if len(history):
        figures["history.png"] = plots.plot_history(
            history.loss,
            history.gradient_norm,
            history.validation_loss,
            result.best_epoch,
            result.loss.replace("_", " "),
        )
    folders.write_figures(folder, figures)
    return [
        "model.json",
        folders.PREPROCESSING,
        folders.METRICS,
        folders.HISTORY,
        *sorted(figures, reverse=True),
    ]


def summary(result: "Result") -> dict[str, Any]:
    """The result in plain data: the content of `metrics.json`."""
    import chainrule

    data, scores = result.data, result.scores
    preprocessor = data.preprocessor
    return {
        "chainrule": chainrule.__version__,
        "data": data.source,
        "target": preprocessor.label.column,
        "task": preprocessor.label.task,
        "rows": {
            "training": len(data.training),
            "validation": len(data.validation),
            "test": len(data.test),
            "without_target": data.unlabelled,
        },
        "shares": {"validation": result.options.validation, "test": result.options.test},
        "features": len(preprocessor.feature_names),
        "left_out": dict(preprocessor.left_out),
        "network": repr(result.model.net),
        "parameters": sum(array.size for array in result.model.params.values()),
        "loss": result.loss,
        "optimizer": repr(result.model.optimizer),
        "batch_size": result.plan.batch_size,
        "balanced": result.options.balance,
        "epochs": {
            "trained": len(result.history),
            "at_most": result.plan.epochs,
            "kept": result.best_epoch or len(result.history),
        },
        "stopped": result.failure or result.history.stopped,
        "seed": result.options.seed,
        "judged_by": data.judge[0],
        "metrics": scores.network,
        "constant_guess": scores.constant,
        "diagnosis": [finding.to_dict() for finding in result.findings],
        "confusion": None if scores.confusion is None else scores.confusion.tolist(),
    }
