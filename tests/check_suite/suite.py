"""The labelled programs of the check suite. The schema of the labels stands in README.md.

>>> from check_suite import suite
>>> for program in suite.programs("single"):
...     report = check(program.path)
"""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FROZEN = Path(__file__).with_name("frozen")
OPEN_SCRIPTS = Path(__file__).with_name("open_script")
CATEGORIES = ("single", "pair", "correct", "script")
KINDS = (
    "missing-activation-derivative",
    "activation-derivative-twice",
    "derivative-at-wrong-point",
    "wrong-activation-derivative",
    "missing-mean",
    "mean-twice",
    "wrong-constant-factor",
    "wrong-sign",
    "ascent-update",
    "update-before-propagate",
    "wrong-transpose",
    "elementwise-for-matmul",
    "matmul-for-elementwise",
    "bias-not-summed",
    "wrong-axis",
    "wrong-operand",
    "gradient-of-another-loss",
    "missing-term",
    "extra-term",
    "stale-cache",
    "not-accumulated",
    "softmax-jacobian-diagonal",
    "shape-error",
    "off-by-one",
    "unexplained",
)


@dataclass(frozen=True)
class Mistake:
    """One edit of the true backward pass."""

    kind: str  # as in the table of kinds
    line: int  # 1-based, in the program's file
    effect: int  # the line where the backward pass meets it: `line`, or a later one
    first: tuple[str, ...]  # the parameters that it reaches first, going backward from the loss
    accepted: tuple[str, ...]  # `kind`, and other kinds that name the same edit of the graph
    reason: str  # why the others are the same edit
    fix: dict[int, str]  # line -> its corrected source; "" where the line goes


@dataclass(frozen=True)
class Probe:
    """How one training step of a script is isolated, so that its truth can be measured."""

    params: tuple[str, ...]  # expressions of the parameters
    loss: str  # an expression of the loss, independent of the script's own backward pass
    rate: str  # an expression of the learning rate
    loop: int | None  # the line of the loop whose first round is the step …
    before: int | None  # … or the script is run up to this line,
    step: str  # and these statements are the step
    setup: str  # what `loss` needs besides the script's own names


@dataclass(frozen=True)
class Program:
    """A program, its label, and where the idea of it comes from."""

    id: str
    category: str
    mistakes: tuple[Mistake, ...]  # none when the program is correct
    style: tuple[str, ...]
    idea: str
    note: str
    update: str  # the update rule of a `step`; "gradient" for `grads`
    loss_stated: str  # scripts: the loss that the script states; "" where it states none
    probe: Probe | None  # scripts only
    path: Path

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def fixed(self, *which: int) -> str:
        """The source with the mistakes of these indices corrected; with all of them by default."""
        lines = self.source.splitlines()
        for index in which or range(len(self.mistakes)):
            for number, text in self.mistakes[index].fix.items():
                lines[number - 1] = text
        return "\n".join(lines) + "\n"


@cache
def programs(category: str | None = None) -> tuple[Program, ...]:
    """All programs of the frozen half, or those of one category."""
    return tuple(
        _program(row, FROZEN / row["category"])
        for row in _rows(FROZEN)
        if category in (None, row["category"])
    )


@cache
def open_scripts() -> tuple[Program, ...]:
    """The scripts of the open half."""
    return tuple(_program(row, OPEN_SCRIPTS) for row in _rows(OPEN_SCRIPTS))


def digest() -> str:
    """SHA-256 of the frozen half: names and texts, whatever the line endings of the checkout."""
    found = hashlib.sha256()
    for path in sorted(FROZEN.rglob("*.*")):
        if path.suffix in (".py", ".toml"):
            found.update(path.relative_to(FROZEN).as_posix().encode())
            found.update("\n".join(path.read_text(encoding="utf-8").splitlines()).encode())
    return found.hexdigest()


def _rows(folder: Path) -> list[dict]:
    with (folder / "labels.toml").open("rb") as file:
        return tomllib.load(file)["program"]


def _program(row: dict, folder: Path) -> Program:
    probe = row.get("probe")
    return Program(
        id=row["id"],
        category=row["category"],
        mistakes=tuple(_mistake(mistake) for mistake in row.get("mistake", ())),
        style=tuple(row["style"]),
        idea=row["idea"],
        note=row.get("note", ""),
        update=row.get("update", "gradient"),
        loss_stated=row.get("loss_stated", ""),
        probe=None if probe is None else _probe(probe),
        path=folder / f"{row['id']}.py",
    )


def _mistake(row: dict) -> Mistake:
    accept = row.get("accept")
    return Mistake(
        kind=row["kind"],
        line=row["line"],
        effect=row.get("effect", row["line"]),
        first=tuple(row["first"]),
        accepted=(row["kind"],) if accept is None else (row["kind"], accept["kind"]),
        reason="" if accept is None else accept["reason"],
        fix={int(line): text for line, text in row["fix"].items()},
    )


def _probe(row: dict) -> Probe:
    return Probe(
        params=tuple(row["params"]),
        loss=row["loss"],
        rate=row["rate"],
        loop=row.get("loop"),
        before=row.get("before"),
        step=row.get("step", ""),
        setup=row.get("setup", ""),
    )
