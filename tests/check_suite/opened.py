"""The open half of the suite: mistakes made in programs that are right, one marked line each.

The programs in `bases/` are hand-written and right. Below a line stand the mistakes that people
make there, and other ways to write it:

    #! missing-mean | d2 = p - y
    #= d2 = np.divide(p - y, len(X))

Behind the kind may stand another one that names the same edit. From these come the programs with
one mistake, with two (marks of two lines of one base), and those without. They exist in memory
only; `linecache` knows their text, so that lines can be shown.
"""

import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from check_suite.suite import Mistake, Program

BASES = Path(__file__).with_name("bases")
PAIRS = 2  # of each base


@dataclass(frozen=True)
class Opened(Program):
    """A program made of a base."""

    text: str = ""

    @property
    def source(self) -> str:
        return self.text


@dataclass(frozen=True)
class Mark:
    """Another text of a line: a mistake of this kind, or "" where it is as right."""

    line: int
    kinds: tuple[str, ...]
    text: str


def read(path: Path) -> tuple[list[str], list[Mark]]:
    """The lines of a base without its marks, and the marks."""
    lines: list[str] = []
    marks: list[Mark] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        bare = line.strip()
        if bare.startswith("#!"):
            kinds, _, text = bare[2:].partition("|")
            marks.append(Mark(len(lines), tuple(kinds.split()), text.strip()))
        elif bare.startswith("#="):
            marks.append(Mark(len(lines), (), bare[2:].strip()))
        else:
            lines.append(line)
    return lines, marks


def _made(name: str, category: str, lines: list[str], marks: list[Mark]) -> Opened:
    changed, mistakes = list(lines), []
    for mark in marks:
        old = lines[mark.line - 1]
        indent = old[: len(old) - len(old.lstrip())]
        changed[mark.line - 1] = indent + mark.text
        if mark.kinds:
            fix = {mark.line: old}
            mistakes.append(Mistake(mark.kinds[0], mark.line, mark.line, (), mark.kinds, "", fix))
    text = "\n".join(changed) + "\n"
    program = Opened(
        id=name,
        category=category,
        mistakes=tuple(mistakes),
        style=(),
        idea="made of a base",
        note="",
        update="gradient",
        loss_stated="",
        probe=None,
        path=Path(f"/opened/{name}.py"),
        text=text,
    )
    linecache.cache[str(program.path)] = (
        len(text),
        None,
        text.splitlines(keepends=True),
        str(program.path),
    )
    return program


def _of_base(path: Path) -> Iterator[Opened]:
    lines, marks = read(path)
    wrong = [mark for mark in marks if mark.kinds]
    right = [mark for mark in marks if not mark.kinds]
    base = path.stem
    for number, mark in enumerate(wrong):
        yield _made(f"{base}-s{number:02}", "single", lines, [mark])
    for number in range(PAIRS):
        first = wrong[3 * number]
        others = [mark for mark in wrong if mark.line > first.line]
        second = others[(5 * number + 2) % len(others)]
        yield _made(f"{base}-p{number:02}", "pair", lines, [first, second])
    yield _made(f"{base}-c00", "correct", lines, [])
    for number, mark in enumerate(right, 1):
        yield _made(f"{base}-c{number:02}", "correct", lines, [mark])


@cache
def opened(category: str | None = None) -> tuple[Program, ...]:
    """All programs of the open half, or those of one category."""
    found = [program for path in sorted(BASES.glob("*.py")) for program in _of_base(path)]
    return tuple(program for program in found if category in (None, program.category))
