"""What is going on while a function is recorded: what was captured, and what must not change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import LeakedValueError, TraceError
from chainrule.graph import Node, captured_node
from chainrule.tracing.dice import numpy_dice, refuse_dice, states
from chainrule.tracing.places import place_of, refusal, user_source

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
    global_dice: tuple[Any, ...] = ()

    def capture(self, array: np.ndarray[Any, Any]) -> Node:
        """The node of a plain array. It is read at run time, so it must not change until then."""
        known = self.captured.get(id(array))
        if known is not None:
            return known[1]
        if array.dtype.kind not in "fiub":
            raise refusal(
                f"an array of {array.dtype} values cannot be recorded, only real numbers and "
                "booleans",
                "np.stack([...]) to join traced values, array.astype(float) for numbers",
                user_source(),
            )
        self.check_dice()  # here, because the line may be the one that draws
        node = captured_node(array, user_source())
        self.captured[id(array)] = (array, node)
        self.freeze(array)
        return node

    def freeze(self, array: Any) -> None:
        """Make an array, and the one that it is a view of, read-only until the end."""
        while isinstance(array, np.ndarray):
            if array.flags.writeable:
                array.flags.writeable = False
                self.frozen.append(array)
            array = array.base

    def check_dice(self) -> None:
        if numpy_dice() != self.global_dice:
            refuse_dice(self.name)

    def bake(self, array: np.ndarray[Any, Any]) -> None:
        self.baked.append((array, array.copy()))


def active() -> Recording:
    """The innermost recording; raises LeakedValueError where there is none."""
    recording = _active.get()
    if recording is None:
        raise refusal(
            "this value was traced in a call that has ended, so it has no number",
            "a return of the value from the traced function, or a new call of it",
            user_source(),
            LeakedValueError,
        )
    return recording


def is_recording() -> bool:
    return _active.get() is not None


@contextmanager
def recording(
    name: str, outside: Sequence[np.ndarray[Any, Any]] = (), dice: Sequence[Any] = ()
) -> Iterator[Recording]:
    """Record inside; captured arrays are read-only until the end, and global dice are watched.

    `outside`, `dice`: further arrays and random generators that must stay as they are.
    """
    before = states(dice)
    session = Recording(name, global_dice=numpy_dice())
    token = _active.set(session)
    try:
        for array in outside:
            session.freeze(array)
        yield session
    except ValueError as error:
        if isinstance(error.__cause__, TraceError):
            # NumPy puts an error of its own, without a remedy, in front of a refusal: array[0] = t
            raise error.__cause__ from None
        if session.frozen and "read-only" in str(error):
            raise refusal(
                "an array from outside, or one that a traced value has met, is changed in place; "
                "calls of the graph would not change it again",
                "array = array.copy(), and changes of the copy",
                place_of(error),
            ) from error
        raise
    finally:
        _active.reset(token)
        # A view can only be made writeable when the array it looks into is.
        for array in sorted(session.frozen, key=lambda array: array.base is not None):
            array.flags.writeable = True
    session.check_dice()
    if states(dice) != before:
        refuse_dice(name)
