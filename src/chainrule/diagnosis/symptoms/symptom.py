"""What a symptom is: a name, how it is found, and what it usually follows from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding


@dataclass(frozen=True)
class Symptom:
    """One row of the table.

    find     what a case shows of it; nothing where it does not
    shown_by what must be measured for it to be found, in words
    follows  symptoms of which this one is a usual consequence: found together, they come first
    doc      what it is, in one line
    is_last_resort  whether it is looked for only where nothing else was found: it takes long
    """

    name: str
    find: Callable[[Case], Iterable[Finding]]
    doc: str
    shown_by: str
    follows: tuple[str, ...] = ()
    is_last_resort: bool = False
