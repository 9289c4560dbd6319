"""The house keeps its own rules: floors of imports, line lengths, public names, import time."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import chainrule

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_module_stands_on_a_floor() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    floors = " ".join(config["tool"]["importlinter"]["contracts"][0]["layers"])
    named = {name.split(".")[1] for name in floors.replace("|", " ").replace(":", " ").split()}
    present = {
        path.stem
        for path in (ROOT / "src" / "chainrule").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert present - named == {"__init__", "__main__"}  # the doors, which stand on no floor


def test_lines_are_at_most_100_characters() -> None:
    page = (ROOT / "src" / "chainrule" / "explaining" / "page").glob("page.*")
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (*SOURCES, *page, ROOT / "pyproject.toml")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 100
    ]
    assert long == []


def test_public_names_exist_once_and_carry_docstrings() -> None:
    assert len(set(chainrule.__all__)) == len(chainrule.__all__)
    for name in chainrule.__all__:
        assert getattr(chainrule, name).__doc__, name


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    """The public names stand twice in __init__.py: for loading, and for type checkers."""
    tree = ast.parse((ROOT / "src" / "chainrule" / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
    } - {("typing", "TYPE_CHECKING"), ("typing", "Any")}
    loaded = {(home, name) for name, home in chainrule._HOME_OF.items()}
    loaded |= {("chainrule", name) for name in chainrule._MODULES}
    assert seen == loaded


def test_import_loads_nothing_heavy() -> None:
    """Plots, tables, progress and other heavy libraries load when they are used."""
    heavy = [
        "numpy",
        "matplotlib",
        "polars",
        "rich",
        "sklearn",
        "scipy",
        "torch",
        "click",
        "hypothesis",
    ]
    code = f"import sys, chainrule; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
