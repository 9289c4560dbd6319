"""Fill the tables of the documentation from the registries: `python docs/make_tables.py`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; what is between them is replaced.
So a new layer or optimizer has an entry unasked, and a test fails until this has been run.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import chainrule as cr
from chainrule.diagnosis import SYMPTOMS
from chainrule.explaining.page.glossary import listed
from chainrule.graph import Op
from chainrule.initializers import INITIALIZERS
from chainrule.layers import LAYERS
from chainrule.layers.layer import Container
from chainrule.losses import LOSSES
from chainrule.ops import TABLE
from chainrule.optimizers import OPTIMIZERS
from chainrule.schedules import SCHEDULES
from chainrule.tracing.value import FUNCTIONS, UFUNCS

DOCS = Path(__file__).parent
PAGES = [
    DOCS / f"{name}.md" for name in ("networks", "numpy-code", "design", "diagnosis", "explain")
]

MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", flags=re.S)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def formula(latex: str) -> str:
    """LaTeX for a cell, where an upright bar would end the cell."""
    latex = latex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return f"$`{latex}`$"


def call(row: type, hidden: tuple[str, ...] = ()) -> str:
    """How it is written: `Dense(units, bias=True, …)`."""
    if issubclass(row, Container):
        return f"`{row.__name__}(*layers)`"
    settings = [
        field.name if field.default is MISSING else f"{field.name}={field.default!r}"
        for field in fields(row)
        if field.name not in hidden
    ]
    return f"`{row.__name__}({', '.join(settings)})`"


def text(words: str) -> str:
    return words.replace("|", r"\|")


def layers() -> str:
    public = [LAYERS[name] for name in cr.__all__ if name in LAYERS]
    return table(["layer", "what it does"], ([call(row), text(row.doc())] for row in public))


def losses() -> str:
    def cells(row: Any) -> Iterator[str]:
        settings = ", ".join(f"{name}={value:g}" for name, value in row.settings.items())
        yield f"`{row.name}`" + (f" ({settings})" if settings else "")
        yield row.prediction.replace("_", " ")
        yield row.target.words
        yield formula(row.latex)
        yield text(row.doc)

    head = ["loss", "of", "targets", "formula", "remarks"]
    return table(head, map(cells, LOSSES.values()))


def optimizers() -> str:
    return table(
        ["optimizer", "what it does", "one update, with its default settings"],
        (
            [
                call(row, hidden=("clip_norm",)),
                text(row.doc()),
                "<br>".join(map(formula, row().rule())),
            ]
            for row in OPTIMIZERS.values()
        ),
    )


def schedules() -> str:
    return table(
        ["schedule", "what it does", "formula"],
        ([call(row), text(row.doc()), formula(row.latex)] for row in SCHEDULES.values()),
    )


def initializers() -> str:
    return table(
        ["initializer", "what it does"],
        ([call(row), text(row.doc())] for row in INITIALIZERS.values()),
    )


def ops() -> str:
    """The rows of the op table by the file that holds their mechanism."""
    files: dict[str, list[str]] = {}
    for name, op in TABLE.items():
        family = type(op).__mro__[type(op).__mro__.index(Op) - 1]  # below Op itself
        files.setdefault(family.__module__.rpartition(".")[2], []).append(f"`{name}`")
    found = ((f"`ops/{file}.py`", " ".join(names)) for file, names in sorted(files.items()))
    return table(["mechanism", "rows"], found)


def functions() -> str:
    """NumPy's functions that can be recorded, by module."""
    modules: dict[str, list[str]] = {}
    for function in FUNCTIONS:
        modules.setdefault(function.__module__.replace("numpy", "np"), []).append(function.__name__)
    found = ((f"`{module}`", " ".join(sorted(modules[module]))) for module in sorted(modules))
    return table(["in", "functions"], found)


def ufuncs() -> str:
    own = {name for name, op in TABLE.items() if getattr(op, "ufunc", None) is not None}
    return " ".join(sorted(own | {ufunc.__name__ for ufunc in UFUNCS})) + "\n"


def symptoms() -> str:
    return table(
        ["symptom", "what it is", "found where"],
        ([f"`{row.name}`", text(row.doc), text(row.shown_by)] for row in SYMPTOMS.values()),
    )


def terms() -> str:
    return table(["term", "what it is"], listed())


TABLES: dict[str, Callable[[], str]] = {
    made.__name__: made
    for made in (
        layers,
        losses,
        optimizers,
        schedules,
        initializers,
        functions,
        ufuncs,
        ops,
        symptoms,
        terms,
    )
}


def filled(page: str) -> str:
    """The page with its tables as the registries have them now."""
    return MARKED.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
