"""Every error that chainrule raises on purpose.

    ChainruleError
    ├── GraphError           a graph broke its own rules: a defect in chainrule, please report it
    ├── TraceError           NumPy code that cannot be recorded; shows the line and the way out
    │   └── LeakedValueError a traced value was used outside the trace that made it
    ├── ShapeError           shapes that do not fit together
    ├── DataError            X, y or a table that cannot be used; names row and column
    ├── SettingError         a setting outside its domain: batch size 0, learning rate NaN
    │   └── UnknownNameError a layer, loss or optimizer that does not exist; suggests one
    ├── FileError            a file that is missing, damaged or not ours
    ├── ScriptError          a script under check cannot be read, or does what it may not
    └── NotFiniteError       training stopped at a NaN or Inf; names the op that made it first

Each also derives from the built-in exception that NumPy or Python would raise there, so that
`except ValueError` keeps working.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

MOST_SUGGESTED, MOST_LISTED = 3, 40


class ChainruleError(Exception):
    """Base class: `except cr.ChainruleError` catches whatever chainrule raises on purpose."""


class GraphError(ChainruleError, AssertionError):
    """A graph broke its own rules (a shape, a dtype, an unknown input)."""


class TraceError(ChainruleError, TypeError):
    """NumPy code did something that cannot be recorded as a graph."""


class LeakedValueError(TraceError):
    """A traced value was used outside the trace that made it."""


class ShapeError(ChainruleError, ValueError):
    """Shapes do not fit together."""


class DataError(ChainruleError, ValueError):
    """Training data or a table cannot be used as it stands."""


class SettingError(ChainruleError, ValueError):
    """A setting lies outside its domain."""


class UnknownNameError(SettingError):
    """Something was asked for by a name that does not exist."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        super().__init__(f"there is no {kind} {name!r}; {suggestion(name, known)}")


class FileError(ChainruleError, ValueError):
    """A file is missing, damaged, or not one of ours."""


class ScriptError(ChainruleError, RuntimeError):
    """A script that is to be checked cannot be read, or does what it may not."""


class NotFiniteError(ChainruleError, ArithmeticError):
    """A NaN or an infinity stopped the training.

    origin  the op that made it, and the numbers that led there (`chainrule.finite.Origin`)
    """

    origin: Any = None


def suggestion(name: object, known: Iterable[str]) -> str:
    """`did you mean 'relu'?`, or the list of all names where none is near.

    Initials count as near, 'mse' is mean_squared_error; so does a part of a name, where few share
    it.
    """
    names = sorted(known)
    if not names:
        return "there are none"
    folded = {other.casefold(): other for other in names}
    wanted = str(name).casefold()
    near = [other for other in folded if wanted == "".join(word[:1] for word in other.split("_"))]
    near = near or get_close_matches(wanted, folded, n=1, cutoff=0.6)
    if near and wanted in near[0]:  # others may hold it just as well
        near = [other for other in folded if wanted in other and len(other) == len(near[0])]
    if not near and len(wanted) > 1:
        near = [
            other for other in folded if wanted in other or (len(other) > 1 and other in wanted)
        ]
    if 0 < len(near) <= MOST_SUGGESTED:
        return f"did you mean {' or '.join(repr(folded[other]) for other in near)}?"
    listed = ", ".join(map(repr, names[:MOST_LISTED]))
    more = len(names) - MOST_LISTED
    return f"choose one of {listed}" + (f" and {more} more" if more > 0 else "")
