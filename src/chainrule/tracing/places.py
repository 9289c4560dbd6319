"""Where the user is: the line that is recorded, and errors that show it."""

import linecache
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FrameType

import numpy as np

from chainrule.errors import TraceError
from chainrule.graph import Source, current_scope

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_EXAMPLES = str(Path(_PACKAGE) / "examples")
_NUMPY = str(Path(np.__file__).resolve().parent)
MOST_CALLS = 4  # lines that a line was called from: enough to know what a helper is called for
_PYTHON = sysconfig.get_path("stdlib")


@cache
def is_user_file(file: str) -> bool:
    """Whether code of this file is neither chainrule's nor a library's."""
    if file.startswith(_PACKAGE):
        return file.startswith(_EXAMPLES)
    return not file.startswith((_NUMPY, _PYTHON)) and "site-packages" not in file


@cache
def _is_between(file: str) -> bool:
    """Whether such code may stand between the user's line and here: ours, NumPy's or Python's."""
    if file.startswith((_PACKAGE, _NUMPY)):
        return not file.startswith(_EXAMPLES)
    return file.startswith(_PYTHON) and "site-packages" not in file


def user_source() -> Source | None:
    """The innermost line that is the user's, or another library's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not _is_between(code.co_filename):
            return Source(
                code.co_filename,
                frame.f_lineno,
                code.co_qualname,
                current_scope(),
                frame.f_lasti,
                _calls(frame),
            )
        frame = frame.f_back
    return None


def _calls(frame: FrameType) -> tuple[tuple[str, int], ...]:
    """The user's lines that called a function, as far as they call one another."""
    found: list[tuple[str, int]] = []
    caller = frame.f_back
    while caller is not None and len(found) < MOST_CALLS:
        file = caller.f_code.co_filename
        if _is_between(file):
            break
        found.append((file, caller.f_lineno))
        caller = caller.f_back
    return tuple(found)


def where() -> str:
    """`file.py:12: `, or nothing."""
    source = user_source()
    return f"{source}: " if source else ""


def line_text(source: Source | None) -> str:
    return linecache.getline(source.file, source.line).strip() if source else ""


def refusal(
    reason: str, remedy: str, source: Source | None, kind: type[TraceError] = TraceError
) -> TraceError:
    """The error that shows a line, why it cannot be recorded, and what to write instead."""
    place = f"{source}: " if source else ""
    line = line_text(source)
    shown = f"\n    {line}" if line else ""
    return kind(f"{place}{reason}.{shown}\nWrite instead: {remedy}")


def place_of(error: BaseException) -> Source | None:
    """Where in the user's code an error was raised."""
    found = None
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not _is_between(code.co_filename):
            found = Source(code.co_filename, step.tb_lineno, code.co_qualname)
        step = step.tb_next
    return found
