"""The documentation does what it says: every snippet runs, every shown result is compared.

The blocks of a document are run in their order, in one namespace and one empty folder:

    ```python    is executed; `print(...)  # result` is held against what was printed
    ```text      after Python: exactly what the block before printed
                 after sh: what the command printed, whatever its numbers (times differ)
    ```py        is a quotation, verbatim, from a source file
    ```sh        each `chainrule ...` line is run by the installed entry point. Lines that begin
                 with git, cd, python or pip are those of a fresh machine: CI runs them.
"""

import contextlib
import io
import linecache
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKING = [*PAGES, ROOT / "CHANGELOG.md"]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
ENTRY_POINT = Path(sys.executable).with_name("chainrule")

OF_A_FRESH_MACHINE = ("git ", "cd ", "python3 ", "python ", "pip ", "ruff ", "mypy", "lint-imports")
SHOWN = re.compile(r"^print\(.*\)  # (?P<result>.*)$")


class Block(NamedTuple):
    """A fenced block, and the line of the document on which its content begins."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M):
        yield Block(fence[1], fence[2], text[: fence.start(2)].count("\n") + 1)


def commands(block: Block) -> list[str]:
    """The command lines of an sh block, without the path of a virtual environment."""
    parts = re.split(r"&&|\n", block.text.replace("\\\n", " "))
    return [part.strip().removeprefix(".venv/bin/") for part in parts if part.strip()]


def run_python(block: Block, namespace: dict[str, object]) -> str:
    """Execute a snippet as if the reader had pasted it into example.py."""
    file = Path("example.py")
    file.write_text(block.text, encoding="utf-8")
    linecache.checkcache(str(file))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, str(file), "exec"), namespace)
    return printed.getvalue()


def check_shown(block: Block, printed: str, page: Path) -> None:
    """Hold `print(...)  # result` against the lines that were printed, in their order."""
    shown = [found["result"] for line in block.text.splitlines() if (found := SHOWN.match(line))]
    left = iter(printed.splitlines())
    for result in shown:
        assert result in left, f"{page.name}:{block.line} shows {result!r}, and prints:\n{printed}"


def run_command(command: str) -> str:
    words = shlex.split(command)
    done = subprocess.run(
        [ENTRY_POINT, *words[1:]], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def without_numbers(text: str) -> list[str]:
    """The words of a screen: numbers, and how far they stand apart, differ between machines."""
    return re.sub(r"\d[\d,.]*", "0", text).split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs_and_shows_what_it_prints(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "example"}
    printed, before = "", ""
    for block in blocks(page):
        place = f"{page.name}:{block.line}"
        if block.language == "python":
            printed = run_python(block, namespace)
            check_shown(block, printed, page)
        elif block.language == "sh":
            own = [line for line in commands(block) if line.startswith("chainrule ")]
            others = [line for line in commands(block) if line not in own]
            assert all(line.startswith(OF_A_FRESH_MACHINE) for line in others), place
            printed = "".join(run_command(line) for line in own)
        elif block.language == "py":
            assert any(block.text in file.read_text(encoding="utf-8") for file in SOURCES), place
        elif block.language == "text":
            assert before in ("python", "sh"), f"{place} follows no block that prints"
            if before == "python":
                assert block.text == printed, f"{place}:\n{printed}"
            else:
                assert without_numbers(block.text) == without_numbers(printed), (
                    f"{place}\n{printed}"
                )
        before = block.language


def test_readme_begins_with_a_command_that_trains() -> None:
    """CI runs the first block on a fresh machine; what it does there is run above as well."""
    first, second = [block for block in blocks(ROOT / "README.md") if block.language == "sh"][:2]
    assert commands(first)[-1].startswith("chainrule train ")
    assert commands(second)[-1] == "python -m pytest"
    for block in (first, second):
        assert any(line.startswith("python3 -m venv") for line in commands(block))
        assert any(line.startswith("pip install") for line in commands(block))


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_index_names_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, page.name


def test_tour_holds(capsys: pytest.CaptureFixture[str]) -> None:
    tour = ROOT / "docs" / "tour.py"
    runpy.run_path(str(tour), run_name="__main__")
    assert "every claim was checked" in capsys.readouterr().out
    assert len(tour.read_text(encoding="utf-8").splitlines()) < 300


def test_tables_are_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
    for page in made["PAGES"]:
        text = page.read_text(encoding="utf-8")
        assert made["filled"](text) == text, f"{page.name} is old: run python docs/make_tables.py"
