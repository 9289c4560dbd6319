"""Where the user's code stands."""

import sys
from pathlib import Path
from types import FrameType

import numpy as np

from chainrule.checking.steps import Frame

OURS = str(Path(__file__).parent)
NUMPY = str(Path(np.__file__).parent)


def frames() -> tuple[Frame, ...]:
    """The user's calls, the innermost last."""
    found: list[Frame] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        if file.startswith(OURS):
            if code.co_name == "record":
                break
        elif not file.startswith(NUMPY):
            found.append(Frame(file, frame.f_lineno, frame.f_lasti, code.co_name))
        frame = frame.f_back
    return tuple(reversed(found))
