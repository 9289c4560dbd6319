"""The documentation does what it says: every snippet runs, every shown result is as shown."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SNIPPETS = runpy.run_path(str(ROOT / "docs" / "snippets.py"))
TABLES = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
PAGES: list[Path] = SNIPPETS["PAGES"]


def name(page: Path) -> str:
    return page.name


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_page_shows_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert SNIPPETS["refreshed"](read(page)) == read(page), "run python docs/snippets.py, and read"


@pytest.mark.parametrize("page", TABLES["PAGES"], ids=name)
def test_tables_are_current(page: Path) -> None:
    assert TABLES["filled"](read(page)) == read(page), "run python docs/make_tables.py"


def test_readme_begins_with_a_command_that_trains() -> None:
    """CI runs the first two blocks on a fresh machine; the training of the first runs above."""
    shell = [block for block in SNIPPETS["blocks"](read(PAGES[0])) if block.language == "sh"]
    train, test = map(SNIPPETS["commands"], shell[:2])
    assert train[-1].startswith("chainrule train ")
    assert test[-1] == "python -m pytest -n auto"
    for lines in (train, test):
        assert [line.split()[0] for line in lines[-3:-1]] == ["python3", "pip"]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", read(page))
    for target in targets:
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_index_names_every_page() -> None:
    index = read(ROOT / "docs" / "index.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, page.name


def test_tour_holds(capsys: pytest.CaptureFixture[str]) -> None:
    tour = ROOT / "docs" / "tour.py"
    runpy.run_path(str(tour), run_name="__main__")
    assert "every claim was checked" in capsys.readouterr().out
    assert len(read(tour).splitlines()) < 300
