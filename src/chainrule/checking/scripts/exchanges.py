"""What only a script's own operations show: crossed indices, and the place of a second 1/N.

Each is proved as everything else is: the gradients are computed again with the exchange.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.checking.report import Finding, Report
from chainrule.checking.scripts.reading import Bench, Step
from chainrule.checking.scripts.replay import compute
from chainrule.checking.scripts.tape import Entry, Ref
from chainrule.checking.search import EXACT, distance
from chainrule.checking.sentences import hints

Exchange = dict[int, Any]  # entry -> the value that it has instead
MOST_SAMPLES = 1e9
CELL = re.compile(r"(.*)\[(\d+)\]\[(\d+)\]$")


def told_again(findings: list[Finding], report: Report, step: Step) -> list[Finding]:
    """The findings, with what the script's own operations say about them."""
    crossed = _crossed(findings, report, step)
    if crossed is not None:
        return [crossed]
    return [_at_its_division(finding, report, step) for finding in findings]


def _error(report: Report, step: Step, exchange: Exchange) -> float:
    """The largest deviation from the true gradients that an exchange leaves."""
    bench = Bench(step)
    pieces = [
        (step.names[first], [(-change.sign, part, change) for change, part in parts])
        for first, parts in step.gradient_slices.items()
    ]
    for parts in step.gradient_slices.values():
        for _, part in parts:
            bench.place(part.frontier)
    params = {step.names[first]: step.player.value(old) for old, first in step.start.items()}
    found = bench.function(pieces, exchange)(params, *bench.data)
    return max((distance(found[name], true) for name, true in report.true.items()), default=np.inf)


# --- lists in lists: `w[j][k]` where `w[k][j]` belongs --------------------------------------------


def _crossed(findings: list[Finding], report: Report, step: Step) -> Finding | None:
    """Where numbers of a table in one line are those of the table on its side."""
    lines = {finding.line for finding in findings}
    kinds = {finding.kind for finding in findings}
    if len(lines) != 1 or not kinds <= {"wrong-operand", "unexplained"}:
        return None
    line = lines.pop()
    exchange, table = _on_its_side(step, line)
    if not exchange or (error := _error(report, step, exchange)) > EXACT:
        return None
    said = (
        f"In line {line} the indices of {table} are crossed: going back, the sum runs over its "
        f"other index. Write {table}[k][j] for {table}[j][k]."
    )
    told = hints("wrong-transpose", line, said)
    names = tuple(dict.fromkeys(name for finding in findings for name in finding.parameters))
    return replace(
        findings[0],
        kind="wrong-transpose",
        explanation=said,
        hints=told,
        evidence=error,
        alternatives=(),
        parameters=names,
    )


def _on_its_side(step: Step, line: int) -> tuple[Exchange, str]:
    """What the operations of a line give when each number of a table is that across from it."""
    cells = {old: step.names[first] for old, first in step.start.items()}
    by_name = {name: old for old, name in cells.items()}
    exchange: Exchange = {}
    tables: set[str] = set()
    for index in step.backward:
        entry = step.tape.entries[index]
        if step.tape.line_of(index) != line or index not in step.live:
            continue
        across: dict[int, int] = {}
        for ref in entry.refs():
            cell = CELL.match(cells.get(ref, ""))
            if cell:
                table, row, column = cell.groups()
                other = by_name.get(f"{table}[{column}][{row}]")
                if other is None:
                    return {}, ""
                tables.add(table)
                across[ref] = other
        if across:
            exchange[index] = _with(step, entry, across)
    return (exchange, tables.pop()) if len(tables) == 1 else ({}, "")


def _with(step: Step, entry: Entry, others: dict[int, int]) -> Any:
    arguments = [
        step.player.value(others.get(part.index, part.index)) if isinstance(part, Ref) else part
        for part in entry.arguments
    ]
    return compute(entry, arguments, {})


# --- 1/N twice: where the second one is written ---------------------------------------------------


def _at_its_division(finding: Finding, report: Report, step: Step) -> Finding:
    """A mean taken twice, at the line that divides rather than at one that only passes it on."""
    if finding.kind != "mean-twice":
        return finding
    own = {number for number, _ in _divisions(step, finding.line)}
    if own:
        return finding
    found: dict[int, float] = {}
    for index, constant in _divisions(step, None):
        line = step.tape.line_of(index)
        error = _error(report, step, {index: step.player.value(index) * constant})
        if error <= EXACT:
            found.setdefault(line, error)
    if len(found) != 1:
        return finding
    [(line, error)] = found.items()
    said = f"Line {line} divides by N, and the mean is taken once more further on: leave out one."
    told = hints("mean-twice", line, said)
    return replace(finding, line=line, explanation=said, hints=told, evidence=error)


def _divisions(step: Step, line: int | None) -> Iterator[tuple[int, float]]:
    """Entries of the backward pass that divide by a whole number, and that number."""
    for index in sorted(step.backward & step.live):
        entry = step.tape.entries[index]
        if line is not None and step.tape.line_of(index) != line:
            continue
        if entry.op not in ("divide", "np.divide", "multiply", "np.multiply"):
            continue
        divides = entry.op.endswith("divide")
        for part in entry.arguments[divides:2]:
            number = _number(step, part)
            constant = number if divides else 1 / number if number else 0.0
            if 1 < constant < MOST_SAMPLES and abs(constant - round(constant)) < 1e-9:
                yield index, constant


def _number(step: Step, part: Any) -> float:
    """A number that depends on no parameter, or 0."""
    if isinstance(part, Ref):
        if part.index in step.live or step.tape.entries[part.index].shape:
            return 0.0
        part = step.player.value(part.index)
    return float(part) if isinstance(part, int | float | np.number) else 0.0
