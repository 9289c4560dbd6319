"""What never reaches a tracer, what it would have frozen, and what to write instead.

Python and NumPy ask some objects for plain numbers without asking whether they would rather be
recorded. A traced value answers such questions with an error that shows the user's line.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from chainrule.tracing.places import line_text, refusal, user_source


@dataclass(frozen=True)
class Refusal:
    """A question (the special method asked), how its line looks, and the way out."""

    asked: str
    pattern: str
    remedy: str


# np.take(plain, t) never asks t, but np.take_along_axis does, and so does an array that is traced.
LOOKUP = "np.take_along_axis(plain, t, axis), or plain as an argument of the function"

# The first entry whose question and line match speaks; the last entry of a question always does.
REFUSALS = (
    Refusal("array", r"\bc_\s*\[", "np.column_stack([...])"),
    Refusal("array", r"\br_\s*\[", "np.concatenate([...])"),
    Refusal(
        "array",
        r"np\.(sum|mean|max|min|prod|std|var|amax|amin)\(\s*[\[(]",
        "np.sum(np.stack([...])), or a + b",
    ),
    Refusal("array", r"\.(dot|matmul)\(", "plain @ t, or np.dot(plain, t)"),
    Refusal("array", r"np\.(as|asany|ascontiguous)array\(", "t itself: it is an array already"),
    Refusal("array", r"np\.array\(\s*[\[(]", "np.stack([...])"),
    Refusal("array", r"np\.array\(", "t.copy()"),
    Refusal("array", r"\]\s*[-+*/@%&|^]?=[^=]", "start from np.zeros_like(t), or np.stack a list"),
    Refusal("array", r"\[[^\]]*\]|\btake\(", LOOKUP),
    Refusal("array", r"", "NumPy's own functions, np.stack to join, t.copy() to copy"),
    Refusal("float", r"math\.\w+\(", "np.exp, np.log, … instead of math.exp, math.log, …"),
    Refusal("float", r"\bint\(", "t.astype(int)"),
    Refusal("float", r"\]\s*=[^=]", "start from np.zeros_like(t), or np.stack a list"),
    Refusal("float", r"", "the value as it is; return it, and convert what the call gives back"),
    Refusal("index", r"\brange\(", "a loop over a Python int, or cr.scan"),
    Refusal("index", r"", LOOKUP),
    Refusal("bool", r"\bwhile\b", "a fixed number of steps: for, or cr.scan"),
    Refusal("bool", r"\bassert\b", "the check outside, on what the call returns"),
    Refusal("bool", r"\b(any|all|max|min|sorted)\(", "np.any, np.all, np.maximum, np.minimum"),
    Refusal("bool", r"\band\b|\bor\b|\bnot\b", "np.logical_and, np.logical_or, np.logical_not"),
    Refusal("bool", r"", "np.where(condition, a, b), or a * (condition)"),
    Refusal("format", r"", "a return value; print what the call gives back"),
)

REASONS = {
    "array": "a plain NumPy array is asked for, and the traced value would freeze into a constant",
    "float": "a plain number is asked for, and the traced value would freeze into a constant",
    "index": "a plain whole number is asked for, and the traced value would freeze into a constant",
    "bool": "which way Python goes depends on a traced value, and only one way would be recorded",
    "format": "a traced value is written as text, but it has no number yet",
}


def refuse(asked: str) -> NoReturn:
    """Raise the TraceError for this question at the user's line."""
    source = user_source()
    line = line_text(source)
    remedy = next(
        entry.remedy
        for entry in REFUSALS
        if entry.asked == asked and re.search(entry.pattern, line)
    )
    stop(REASONS[asked], remedy)


def stop(reason: str, remedy: str) -> NoReturn:
    """Raise a TraceError that shows the line, the reason, and what to write instead."""
    raise refusal(reason, remedy, user_source())
