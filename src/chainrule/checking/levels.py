"""How much a report tells, each level more than the one before."""

from typing import Literal, get_args

Level = Literal["where", "kind", "formula", "fix"]
LEVELS: tuple[Level, ...] = get_args(Level)
