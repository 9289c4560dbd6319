"""Arrays made inside a traced function: np.zeros and its like.

NumPy offers no protocol for functions without an array argument, yet published code fills such
buffers line by line (`h = np.zeros((T, n)); h[t] = ...`). While a function is recorded, the names
below on the `numpy` module make traced arrays in the recording thread; they are put back when the
last recording ends. In other threads, and for whoever imported the names, they are NumPy's own.
"""

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from threading import Lock
from types import FrameType
from typing import Any

import numpy as np

from chainrule.graph import constant_node
from chainrule.tracing.filling import filled
from chainrule.tracing.places import is_user_file
from chainrule.tracing.recording import is_recording
from chainrule.tracing.value import Traced

_lock = Lock()
_recordings = 0
_originals: dict[str, Any] = {}


def _full(value: Any) -> Any:
    def make(shape: Any, dtype: Any = None, order: str = "C", **kwargs: Any) -> Any:
        return filled(shape, value, np.float64 if dtype is None else dtype)

    return make


def _given(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **kwargs: Any) -> Any:
    if dtype is None:
        dtype = fill_value.dtype if isinstance(fill_value, Traced) else np.array(fill_value).dtype
    return filled(shape, fill_value, dtype)


def _eye(N: int, M: Any = None, k: int = 0, dtype: Any = float, **kwargs: Any) -> Any:
    return Traced(constant_node(_originals["eye"](N, M, k, dtype)), is_scalar=False)


_MAKERS = {
    "zeros": _full(0),
    "ones": _full(1),
    "empty": _full(0),
    "full": _given,
    "eye": _eye,
    "identity": lambda n, dtype=float, **kwargs: _eye(n, dtype=dtype),
}


def _routed(name: str, original: Any) -> Any:
    maker = _MAKERS[name]

    @wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        users = is_recording() and _named_by_user(sys._getframe(1), name)
        return maker(*args, **kwargs) if users else original(*args, **kwargs)

    return make


def _named_by_user(frame: FrameType, name: str) -> bool:
    """Whether the user's own line calls this function, and not a library that the line calls.

    Compiled code (NumPy's generators) has no frame of its own, so the line must name the function.
    """
    code = frame.f_code
    if not is_user_file(code.co_filename) or name not in code.co_names:
        return False
    first, last, _, _ = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    lines = range(first or frame.f_lineno, (last or frame.f_lineno) + 1)
    text = "".join(linecache.getline(code.co_filename, line) for line in lines)
    return not text or f"{name}(" in text


@contextmanager
def traced_makers() -> Iterator[None]:
    global _recordings
    with _lock:
        if _recordings == 0:
            for name in _MAKERS:
                _originals[name] = getattr(np, name)
                setattr(np, name, _routed(name, _originals[name]))
        _recordings += 1
    try:
        yield
    finally:
        with _lock:
            _recordings -= 1
            if _recordings == 0:
                for name, original in _originals.items():
                    setattr(np, name, original)
