"""Run the snippets of the documentation and refresh what they show: `python docs/snippets.py`.

The blocks of a page are run in their order, in one namespace and one empty folder:

    ```python    is executed; behind `print(...)  # ` stands what it printed
    ```text      after Python: what the block before printed
                 after sh: what the command printed. Numbers may differ: times do.
    ```sh        each `chainrule ...` line is run by the installed entry point. The others are
                 those of a fresh machine, which CI runs.
    ```py        is a quotation, verbatim, from a source file

A test fails where refreshing a page would change it.
"""

import ast
import contextlib
import io
import linecache
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

OF_A_FRESH_MACHINE = ("git", "cd", "python3", "python", "pip", "ruff", "mypy", "lint-imports")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.S | re.M)
_SHOWN = re.compile(r"^(print\(.*\)  # ).*$")


class Block(NamedTuple):
    """A fenced block: its language, its content, and where this stands in the page."""

    language: str
    text: str
    start: int
    end: int


def blocks(page: str) -> Iterator[Block]:
    for fence in _FENCE.finditer(page):
        yield Block(fence[1], fence[2], fence.start(2), fence.end(2))


def commands(block: Block) -> list[str]:
    """The command lines of an sh block, without the path of a virtual environment."""
    lines = re.split(r"&&|\n", block.text.replace("\\\n", " "))
    return [line.strip().removeprefix(".venv/bin/") for line in lines if line.strip()]


def refreshed(page: str) -> str:
    """The page with its results as they are now; run in the current folder, which is written to."""
    parts: list[str] = []
    namespace: dict[str, object] = {"__name__": "example"}
    end, before, printed = 0, "", ""
    for block in blocks(page):
        text = block.text
        if block.language == "python":
            text, printed = run_python(text, namespace)
        elif block.language == "sh":
            printed = "".join(map(run_command, commands(block)))
        elif block.language == "py":
            if not any(text in file.read_text(encoding="utf-8") for file in _sources()):
                raise AssertionError(f"this is in no source file:\n{text}")
        elif block.language == "text":
            if before not in ("python", "sh"):
                raise AssertionError(f"this follows no block that prints:\n{text}")
            if before == "python" or _words(text) != _words(printed):
                text = printed
        parts += [page[end : block.start], text]
        end, before = block.end, block.language
    return "".join([*parts, page[end:]])


def run_python(text: str, namespace: dict[str, object]) -> tuple[str, str]:
    """Execute a snippet as if it had been pasted into example.py, statement by statement.

    Returns it with its results as they are now, and all that it printed.
    """
    file = Path("example.py")
    file.write_text(text, encoding="utf-8")
    linecache.checkcache(str(file))
    lines = text.splitlines()
    everything = ""
    for statement in ast.parse(text).body:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.Module([statement], []), str(file), "exec"), namespace)
        everything += printed.getvalue()
        last = (statement.end_lineno or statement.lineno) - 1
        lines[last] = _SHOWN.sub(lambda found: found[1], lines[last]) + (
            printed.getvalue().rstrip("\n") if _SHOWN.match(lines[last]) else ""
        )
    return "\n".join(lines) + "\n", everything


def run_command(command: str) -> str:
    """What a `chainrule` command prints; nothing for those that only CI runs."""
    program, *words = shlex.split(command)
    if program in OF_A_FRESH_MACHINE:
        return ""
    if program != "chainrule":
        raise AssertionError(f"nothing runs this command: {command}")
    entry_point = Path(sys.executable).with_name("chainrule")
    environment = os.environ | {"COLUMNS": "80", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [entry_point, *words], capture_output=True, text=True, env=environment, timeout=300
    )
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


def _words(text: str) -> list[str]:
    """A screen without its numbers, and without how far its columns stand apart."""
    return re.sub(r"\d[\d,.]*", "0", text).split()


def _sources() -> list[Path]:
    return sorted((ROOT / "src").rglob("*.py"))


if __name__ == "__main__":
    for path in PAGES:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
