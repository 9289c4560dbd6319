"""Settings that check themselves, apart from the families that the other tests go through."""

from dataclasses import dataclass

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError, UnknownNameError
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


def test_a_setting_that_there_is_not_is_answered_with_the_one_that_there_is():
    with pytest.raises(
        SettingError, match=r"thing 'Thing' has no setting 'sise'; did you mean 'size'"
    ):
        Thing(sise=2.0)
    with pytest.raises(SettingError, match=r"layer 'Dense' has no .* a layer of its own: .*ReLU"):
        cr.Dense(4, activation="relu")
    with pytest.raises(SettingError, match=r"optimizer 'Adam' has no .* it is called lr here"):
        cr.Adam(learning_rate=0.1)


def test_initials_name_a_thing():
    with pytest.raises(UnknownNameError, match="did you mean 'mean_squared_error'"):
        cr.Model(cr.Dense(1), loss="mse")
