"""`chainrule explain`: every number of a forward and a backward pass, in the terminal."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.rows import Case, row_of_table
from chainrule.errors import DataError, SettingError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chainrule.explaining.story import Story

PHASES = ("forward", "loss", "backward", "update")


@click.command("explain", short_help="Show every number of a forward and a backward pass.")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.argument("data", required=False)
@click.option("--row", type=int, help="Which row of DATA, counted from 0 [default: 0].")
@click.option(
    "--step", type=int, help="This step of the training on DATA, counted from 0; -1 is the last."
)
@click.option("--network", metavar="SIZES", help="A network instead of a folder, such as 2-4-1.")
@click.option("--loss", default="half_squared_error", show_default=True)
@click.option("--activation", default="sigmoid", show_default=True, help="Between the layers.")
@click.option("--output", metavar="ACTIVATION", help="After the last layer [default: by the loss].")
@click.option("--no-bias", is_flag=True, help="Leave the biases out.")
@click.option("--optimizer", default="sgd", show_default=True)
@click.option("--lr", "rate", type=float, default=0.1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first weights.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=NUMBERS",
    help="Set a parameter: 0.weight=0.2,0.5;0.8,0.1 (rows end with a semicolon). Repeatable.",
)
@click.option("--sample", "samples", multiple=True, metavar="NUMBERS", help="0.5,0.1. Repeatable.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NUMBERS",
    help="One for each sample; with DATA, a class or value instead of the row's own.",
)
@click.option("--training", is_flag=True, help="Layers behave as while training.")
@click.option("--until", type=click.Choice(PHASES), default="update", help="Stop after this phase.")
@click.option("--latex", metavar="NAME", help="Instead, derive the gradient of NAME in LaTeX.")
@click.option("--columns", is_flag=True, help="With --latex: samples as columns of matrices.")
@click.option("--paths", metavar="NAME[I,J]", help="Instead, the paths of one gradient.")
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Instead, write a page."
)
@click.option("--json", "as_json", is_flag=True, help="Values and gradients as JSON.")
def command(
    folder: Path | None,
    data: str | None,
    row: int | None,
    step: int | None,
    network: str | None,
    until: str,
    latex: str | None,
    columns: bool,
    paths: str | None,
    page: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Explain one pass: of a network given by its sizes, or of what 'chainrule train' left.

    \b
    chainrule explain --network 2-4-1 --sample 0,1 --target 1
    chainrule explain --network 2-4-1 --paths 0.weight[1,2]
    chainrule explain houses-network houses.csv --row 3
    chainrule explain houses-network houses.csv --step 417

    A sample that is not given is drawn by the seed.
    """
    from chainrule.explanation import explain

    if (folder is None) == (network is None):
        raise SettingError("name either a FOLDER that was trained, or --network with sizes: 2-4-1")
    if network is not None:
        case = _untrained(network, options)
    else:
        _refuse_settings_of_a_network()
        case = _training(folder, data) if step is not None else _trained(folder, data, row, options)
    story = explain(
        case.model,
        case.x,
        case.y,
        training=options["training"],
        columns=case.columns,
        classes=case.classes,
        step=step,
    )
    if not case.has_target and not (latex is None and paths is None and page is None):
        raise DataError(f"{case.notes[0]}; a gradient needs one: name it with --target")
    if latex is not None:
        click.echo(story.latex(latex, samples="columns" if columns else "rows"), nl=False)
    elif paths is not None:
        click.echo(story.paths(*_entry(paths)).text(), nl=False)
    elif page is not None:
        _write_page(story, page, case.notes)
    elif as_json:
        click.echo(_json(story, case.notes))
    else:
        _print(story, until if case.has_target else "forward", case.notes)


def _print(story: "Story", until: Any, notes: list[str]) -> None:
    from chainrule.cli.terminal import answers
    from chainrule.explaining.text import show, wrapped

    console = answers()
    show(story, console, until)
    for note in notes:
        lines = wrapped(f"note: {note}", console.width - 4, "      ")
        console.print("\n" + "\n".join(f"  {line}" for line in lines), style="dim")


def _write_page(story: "Story", path: Path, notes: list[str]) -> None:
    from chainrule.cli.terminal import answers

    size = len(story.html(path).encode())
    console = answers()
    console.print(f"{path}: {len(story.steps)} steps, {size / 1000:,.0f} kB")
    for note in notes:
        console.print(f"note: {note}", style="dim")


def _json(story: "Story", notes: list[str]) -> str:
    from chainrule.cli.folder import as_json

    return as_json(
        {
            "title": story.title,
            "loss": story.loss,
            "values": {name: value.tolist() for name, value in story.values.items()},
            "gradients": {name: value.tolist() for name, value in story.gradients.items()},
            "steps": [
                {"phase": step.phase, "formula": step.text, "why": step.sentence} for step in story
            ],
            "notes": notes,
        }
    )


# --- a network by its sizes ----------------------------------------------------------------------


def _untrained(network: str, options: dict[str, Any]) -> Case:
    from chainrule.cli.networks import make_optimizer
    from chainrule.layers import LAYERS, Dense, Sequential
    from chainrule.losses import LOSSES
    from chainrule.model import Model

    sizes = _sizes(network)
    if options["loss"] not in LOSSES:
        raise UnknownNameError("loss", options["loss"], LOSSES)
    loss = LOSSES[options["loss"]]
    output = options["output"] or _natural_output(loss)
    layers: list[Any] = []
    for place, units in enumerate(sizes[1:], 1):
        layers.append(Dense(units, bias=not options["no_bias"]))
        activation = output if place == len(sizes) - 1 else options["activation"]
        if activation.casefold() not in ("identity", "none"):
            layers.append(LAYERS.instance(activation))
    model = Model(
        Sequential(*layers),
        loss,
        make_optimizer(options["optimizer"], options["rate"]),
        seed=options["seed"],
        dtype="float64",
    ).build((sizes[0],))
    for setting in options["settings"]:
        name, equals, text = setting.partition("=")
        if not equals:
            raise SettingError(f"--set takes NAME=NUMBERS, such as 0.bias=0.1,0.2, not {setting!r}")
        model.set_params({name: _table("--set", text, model.params.get(name))})
    x, notes = _samples(options, sizes[0])
    y, more = _targets(options, loss, len(x), sizes[-1])
    return Case(model, x, y, notes + more)


def _sizes(text: str) -> list[int]:
    parts = text.split("-")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise SettingError(
            f"--network takes the size of each layer, inputs first, such as 2-4-1, not {text!r}"
        )
    return [int(part) for part in parts]


def _natural_output(loss: Any) -> str:
    """What the last layer must be for the loss to mean something."""
    if loss.prediction != "probabilities":
        return "identity"
    return "softmax" if loss.task == "multiclass" else "sigmoid"


def _samples(options: dict[str, Any], features: int) -> tuple["NDArray[Any]", list[str]]:
    import numpy as np

    given = options["samples"]
    if not given:
        drawn = np.random.default_rng(options["seed"]).uniform(-1, 1, (1, features)).round(2)
        return drawn, ["the sample was drawn by the seed; --sample gives one of yours"]
    rows = [_numbers("--sample", text) for text in given]
    for numbers in rows:
        if len(numbers) != features:
            raise DataError(
                f"--sample has {len(numbers)} numbers, and the network takes {features}"
            )
    return np.array(rows), []


def _targets(
    options: dict[str, Any], loss: Any, samples: int, outputs: int
) -> tuple["NDArray[Any]", list[str]]:
    import numpy as np

    from chainrule.cli.terminal import plural

    given = options["targets"]
    multiclass = loss.task == "multiclass"
    notes = []
    if not given:
        given = ["0" if multiclass else ",".join(["1"] * outputs)] * samples
        if loss.target.classes == "rows":
            given = [",".join(["1", *["0"] * (outputs - 1)])] * samples
        notes.append(f"the target is taken to be {given[0]}; --target gives another")
    if len(given) != samples:
        counted = f"{plural(samples, 'sample')} and {plural(len(given), 'target')}"
        raise DataError(f"there are {counted}; name one target for each sample")
    rows = np.array([_numbers("--target", text) for text in given], dtype=float)
    if multiclass and rows.shape[1] == 1:
        return rows[:, 0].astype(np.int64), notes
    if rows.shape[1] != outputs:
        raise DataError(f"--target has {rows.shape[1]} numbers, and the network gives {outputs}")
    return rows, notes


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SettingError(f"{option} takes numbers with commas between, not {text!r}") from None


def _table(option: str, text: str, like: Any) -> Any:
    import numpy as np

    rows = [_numbers(option, part) for part in text.strip("; ").split(";")]
    if len({len(row) for row in rows}) != 1:
        raise SettingError(f"{option} {text!r} has rows of different lengths")
    array = np.array(rows)
    flat = like is not None and np.ndim(like) == 1 and len(rows) == 1
    return array[0] if flat else array


def _entry(text: str) -> tuple[str, tuple[int, ...]]:
    """`0.weight[1,2]` as a name and an index."""
    match = re.fullmatch(r"([^\[\]]+)\[(-?\d+(?:,-?\d+)*)\]", text.replace(" ", ""))
    if match is None:
        raise SettingError(f"--paths takes one entry, such as 0.weight[1,2], not {text!r}")
    return match[1], tuple(int(part) for part in match[2].split(","))


# --- a network that was trained ------------------------------------------------------------------


NETWORK_ONLY = ("loss", "activation", "output", "no_bias", "optimizer", "rate", "seed", "settings")


def _refuse_settings_of_a_network() -> None:
    """SettingError for options that a trained folder has answered already."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if parameter.name in NETWORK_ONLY and given is click.core.ParameterSource.COMMANDLINE:
            raise SettingError(
                f"{parameter.opts[0]} is for a --network; the network in FOLDER has its own"
            )


def _trained(
    folder: Path | None, data: str | None, row: int | None, options: dict[str, Any]
) -> Case:
    import numpy as np

    from chainrule.cli.folder import PREPROCESSING, read_preprocessor
    from chainrule.model import load

    assert folder is not None  # asked by the caller
    model = load(folder)
    if data is not None:
        if options["samples"]:
            raise SettingError("name a row of DATA with --row, or give a --sample; not both")
        return row_of_table(model, read_preprocessor(folder), data, row or 0, options["targets"])
    if row is not None:
        raise SettingError(f"--row {row} is a row of DATA: name the table behind FOLDER")
    shape = model.input_shape or ()
    if options["samples"]:
        x, notes = _samples(options, int(np.prod(shape)))
        x = x.reshape(-1, *shape)
    else:
        x, notes = np.zeros((1, *shape)), ["no sample was named, so every input is 0"]
        if (folder / PREPROCESSING).exists():
            notes = ["no row was named, so an average one stands in; name one with DATA and --row"]
    y, more = _targets(options, model.loss, len(x), int(np.prod(model.output_shape)))
    return Case(model, x, y, notes + more)


def _training(folder: Path | None, data: str | None) -> Case:
    """The model with all the rows that trained it, divided as they were then."""
    from chainrule.cli.folder import read_preprocessor, read_shares
    from chainrule.cli.predict import read_columns
    from chainrule.model import load
    from chainrule.tabular import split
    from chainrule.tabular.targets import CLASSIFICATION, labelled_rows

    if folder is None or data is None:
        raise SettingError(
            "--step takes the FOLDER and the DATA that trained it: the rows are not in the folder"
        )
    model = load(folder)
    preprocessor = read_preprocessor(folder)
    shares = read_shares(folder)
    target = preprocessor.label.column
    frame = read_columns(data, preprocessor, (target,))
    labelled = labelled_rows(frame[target])
    classes = None
    if preprocessor.label.task == CLASSIFICATION:
        classes = preprocessor.target(frame, labelled)
    parts = split(
        labelled,
        validation=shares["validation"],
        test=shares["test"],
        seed=model.seed,
        classes=classes,
    )
    rows = parts.training
    x, y = preprocessor.encode(frame, rows), preprocessor.target(frame, rows)
    return Case(model, x, y)
