"""What is going on while a function is recorded: where the user is, and what was captured."""

import linecache
import random as python_random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.random  # loaded before a recording replaces np.empty and its like

from chainrule.errors import LeakedValueError, TraceError
from chainrule.graph import Node, Source, captured_node, current_scope

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_EXAMPLES = str(Path(_PACKAGE) / "examples")
_NUMPY = str(Path(np.__file__).resolve().parent)

_active: ContextVar["Recording | None"] = ContextVar("recording", default=None)


@dataclass
class Recording:
    """One function being recorded.

    captured  arrays from outside, by identity, and their nodes; they are inputs, read at each call
    baked     (array, copy): arrays whose contents decided the shape of the graph
    """

    name: str
    captured: dict[int, tuple[np.ndarray[Any, Any], Node]] = field(default_factory=dict)
    baked: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = field(default_factory=list)
    frozen: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def capture(self, array: np.ndarray[Any, Any]) -> Node:
        """The node of a plain array. It is read at run time, so it must not change until then."""
        known = self.captured.get(id(array))
        if known is not None:
            return known[1]
        if array.dtype == object:
            raise TraceError(
                f"{where()}an array of objects cannot be recorded; where it holds traced values, "
                f"join them with np.stack([...])"
            )
        node = captured_node(array, user_source())
        self.captured[id(array)] = (array, node)
        if array.flags.writeable:
            array.flags.writeable = False
            self.frozen.append(array)
        return node

    def bake(self, array: np.ndarray[Any, Any]) -> None:
        self.baked.append((array, array.copy()))


def active() -> Recording:
    """The innermost recording; raises LeakedValueError where there is none."""
    recording = _active.get()
    if recording is None:
        raise LeakedValueError(
            f"{where()}this value was traced in a call that has ended, so it has no number. "
            "Return what you need from the traced function, or call the function again"
        )
    return recording


def is_recording() -> bool:
    return _active.get() is not None


@contextmanager
def recording(name: str) -> Iterator[Recording]:
    """Record inside; captured arrays are read-only until the end, and global dice are watched."""
    session = Recording(name)
    token = _active.set(session)
    dice = _dice()
    try:
        yield session
    except ValueError as error:
        if isinstance(error.__cause__, TraceError):
            # NumPy puts an error of its own, without a remedy, in front of a refusal: array[0] = t
            raise error.__cause__ from None
        if session.frozen and "read-only" in str(error):
            raise TraceError(
                f"{_place_of(error)}an array that a traced value has met is changed in place; the "
                "graph would read the changed numbers. Change a copy: array = array.copy()"
            ) from error
        raise
    finally:
        _active.reset(token)
        # A view can only be made writeable when the array it looks into is.
        for array in sorted(session.frozen, key=lambda array: array.base is not None):
            array.flags.writeable = True
    if _dice() != dice:
        raise TraceError(
            f"{name} draws from a global random generator: the noise would freeze into a constant. "
            "Draw from a key instead: key = cr.random.key(seed), cr.random.normal(key, shape)"
        )


def _dice() -> tuple[Any, ...]:
    """The state of the global generators of NumPy and Python."""
    state: Any = np.random.get_state(legacy=True)
    name, words, position, has_gauss, gauss = state
    return (name, words.tobytes(), position, has_gauss, gauss, hash(python_random.getstate()))


# --- where the user is ---------------------------------------------------------------------------


def is_user_file(file: str) -> bool:
    """Whether code of this file is neither chainrule's nor an installed library's."""
    if file.startswith(_EXAMPLES):
        return True
    return not file.startswith((_PACKAGE, _NUMPY)) and "site-packages" not in file


def user_source() -> Source | None:
    """The innermost line that is neither chainrule's nor NumPy's."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_EXAMPLES) or not file.startswith((_PACKAGE, _NUMPY)):
            return Source(file, frame.f_lineno, frame.f_code.co_qualname, current_scope())
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return None


def where() -> str:
    """`file.py:12: `, or nothing."""
    source = user_source()
    return f"{source}: " if source else ""


def line_text(source: Source | None) -> str:
    return linecache.getline(source.file, source.line).strip() if source else ""


def _place_of(error: BaseException) -> str:
    """Where in the user's code an error was raised."""
    place = ""
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((_PACKAGE, _NUMPY)):
            place = f"{Path(file).name}:{step.tb_lineno}: "
        step = step.tb_next
    return place
