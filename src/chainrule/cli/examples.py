"""`chainrule examples`: list the examples, or run one."""

import importlib
import json
import pkgutil
from pathlib import Path
from types import ModuleType

import click

from chainrule.errors import UnknownNameError


@click.command("examples", short_help="List the small systems that show the idea, or run one.")
@click.argument("name", required=False)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where its figures go [default: NAME-example].",
)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def command(name: str | None, folder: Path | None, as_json: bool) -> None:
    """List the small systems that show the whole idea, or run the one called NAME."""
    from chainrule import examples
    from chainrule.cli.terminal import answers, facts

    names = _names(examples)
    if name is not None:
        module = _load(examples, name, names)
        _run(module, folder or Path(f"{name}-example"))
        return
    titles = {known: _load(examples, known, names).TITLE for known in names}
    if as_json:
        click.echo(json.dumps([{"name": name, "title": titles[name]} for name in names], indent=2))
        return
    console = answers()
    console.print(facts(list(titles.items())))
    console.print("\nrun one: chainrule examples NAME", style="dim")


def _names(package: ModuleType) -> list[str]:
    """As they are typed, with hyphens; the simplest first."""
    found = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    place = {name: number for number, name in enumerate(package.ORDER)}
    found.sort(key=lambda name: place.get(name, len(place)))
    return [name.replace("_", "-") for name in found if not name.startswith("_")]


def _load(package: ModuleType, name: str, names: list[str]) -> ModuleType:
    wanted = name.replace("_", "-")
    if wanted not in names:
        raise UnknownNameError("example", name, names)
    return importlib.import_module(f"{package.__name__}.{wanted.replace('-', '_')}")


def _run(module: ModuleType, folder: Path) -> None:
    from chainrule.cli.terminal import answers

    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        module.run(answers(), folder)
    finally:
        if made and not any(folder.iterdir()):  # an example without figures leaves no trace
            folder.rmdir()
