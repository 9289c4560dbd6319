"""Settings that check themselves, apart from the families that the other tests go through."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule.settings import Configured, Number, Registry

THINGS: Registry = Registry("thing")


@dataclass(frozen=True)
class Thing(Configured):
    size: Number = 1.0


Thing.family = THINGS
THINGS.register(Thing)


def test_a_registry_is_a_mapping_of_its_rows():
    assert dict(THINGS) == {"Thing": Thing}
    assert len(THINGS) == 1
    assert "thing" not in THINGS
    assert THINGS.find("thing") is Thing


def test_one_name_one_row():
    with pytest.raises(ValueError, match="two things are called 'Thing'"):
        THINGS.register(Thing)


def test_numbers_are_kept_as_python_numbers():
    assert type(Thing(np.float32(2)).size) is float
    assert type(Thing(2).size) is float
    assert Thing(np.int8(2)).config() == {"name": "Thing", "size": 2.0}
