"""`chainrule check`: the mistake in a script's backward pass, by name."""

from pathlib import Path

import click

from chainrule.checking.levels import LEVELS, Level

MISTAKE = 1


@click.command("check", short_help="Name the mistake in a script's hand-written backward pass.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--params", default="", metavar="NAMES", help="What is trained, by comma: W1,b1.")
@click.option("--loss", metavar="NAME", help="The variable that holds the loss, or a usual loss.")
@click.option(
    "--hints",
    type=click.Choice(LEVELS),
    default="fix",
    show_default=True,
    help="How much is told at most.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A page with the code, the marked lines and the gradients.",
)
@click.option(
    "--time",
    "seconds",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Seconds after which the script is stopped.",
)
@click.option(
    "--memory",
    "megabytes",
    type=click.IntRange(min=100),
    default=1500,
    show_default=True,
    help="Megabytes that the script may use.",
)
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    params: str,
    loss: str | None,
    hints: Level,
    as_json: bool,
    page: Path | None,
    seconds: float,
    megabytes: int,
) -> None:
    """Check the backward pass that FILE codes by hand, a tutorial's script or a homework.

    \b
    chainrule check my_backprop.py
    chainrule check homework.py --hints kind --json

    The script runs in a process of its own, which may not write outside of a temporary folder, use
    the network or start programs. Exit code 0: the gradient is right; 1: a mistake was found.
    """
    from chainrule.checking.scripts.front import check_script

    names = [name.strip() for name in params.split(",") if name.strip()]
    report = check_script(
        file, params=names or None, loss=loss, seconds=seconds, megabytes=megabytes
    )
    if page is not None:
        report.html(page, hints)
    if as_json:
        click.echo(report.to_json(hints))
    else:
        click.echo(report.text(hints))
        if page is not None:
            click.echo(f"\nwrote {page}")
    if not report.ok:
        context.exit(MISTAKE)
