"""Random generators: noise drawn while a function is recorded would freeze into a constant."""

import random
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.random  # loaded before a recording replaces np.empty and its like

from chainrule.tracing.places import refusal, user_source
from chainrule.trees import flatten

DICE = (np.random.Generator, np.random.RandomState, random.Random)


def refuse_dice(name: str) -> NoReturn:
    raise refusal(
        f"{name} draws from a random generator: the noise would freeze into a constant",
        "key = cr.random.key(seed), and cr.random.normal(key, shape)",
        user_source(),
    )


def numpy_dice() -> tuple[Any, ...]:
    """The state of NumPy's global generator."""
    state: Any = np.random.get_state(legacy=True)
    name, words, position, has_gauss, gauss = state
    return (name, words.tobytes(), position, has_gauss, gauss)


def states(dice: Sequence[Any]) -> list[Any]:
    """The states of Python's global generator and of some others."""
    return [random.getstate(), *map(_state, dice)]


def _state(die: Any) -> Any:
    if isinstance(die, random.Random):
        return die.getstate()
    state: Any = (
        die.bit_generator.state
        if isinstance(die, np.random.Generator)
        else die.get_state(legacy=False)
    )
    parts, _ = flatten(state)
    return [part.tobytes() if isinstance(part, np.ndarray) else part for part in parts]
