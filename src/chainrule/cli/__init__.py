"""The command line: `chainrule COMMAND …`.

A command is a module of this package with a click command called `command`, and a row in
`COMMANDS`. Its module imports nothing heavy before the command runs, so that `--help` is quick.

Exit codes: 0 on success, 1 when a check finds a mistake, 2 with one line on standard error for
anything that the user can put right, 130 when Ctrl-C stopped the work with nothing to keep.
"""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from chainrule import __version__
from chainrule.errors import ChainruleError, UnknownNameError

COMMANDS = ("train", "predict", "explain", "check", "examples", "bench")

BAD_INPUT = 2
STOPPED = 130


class _Commands(click.Group):
    """The rows of `COMMANDS`, each imported when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"chainrule.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments[0] not in COMMANDS:
            raise UnknownNameError("command", arguments[0], COMMANDS)
        return super().resolve_command(context, arguments)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)
@click.version_option(__version__, message="chainrule %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Neural networks as one graph: train on a table, predict, and look inside.

    \b
    chainrule train sklearn:iris            a first network, on data that comes along
    chainrule train houses.csv --target price
    chainrule predict houses-network new-houses.csv
    chainrule explain --network 2-4-1       every number of a forward and a backward pass
    chainrule check my_backprop.py          the mistake in a hand-written backward pass
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default this process's own) and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        # What click's own `main` adds is another way to print errors and other exit codes.
        with group.make_context("chainrule", words) as context:
            group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        return _refuse(error.format_message())
    except ChainruleError as error:
        return _refuse(str(error))
    except (click.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Whoever read our output has enough of it. Python would complain once more on its way
        # out, when it flushes what is left (docs.python.org, library/signal, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _refuse(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
