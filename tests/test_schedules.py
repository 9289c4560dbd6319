"""Every schedule: its values, its form and its place in files."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest

from chainrule import schedules
from chainrule.errors import SettingError, UnknownNameError
from chainrule.pipeline import compile
from chainrule.schedules import (
    SCHEDULES,
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    linear_warmup,
    one_cycle,
    polynomial,
    step_decay,
)

# Values worked out by hand, by step.
VALUES = [
    (constant(0.3), {0: 0.3, 1000: 0.3}),
    (step_decay(0.8, every=3, factor=0.5), {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2}),
    (exponential(0.8, factor=0.5), {0: 0.8, 1: 0.4, 3: 0.1}),
    (exponential(0.8, factor=0.25, every=4), {0: 0.8, 2: 0.4, 4: 0.2, 6: 0.1}),
    (cosine(0.4, steps=6), {0: 0.4, 2: 0.3, 3: 0.2, 4: 0.1, 6: 0.0, 7: 0.0, 100: 0.0}),
    (cosine(0.4, steps=6, final=0.1), {0: 0.4, 2: 0.325, 3: 0.25, 6: 0.1, 9: 0.1}),
    (cosine(0.4, steps=9, warmup=3), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 5: 0.3, 6: 0.2, 9: 0.0}),
    (linear_warmup(0.4, steps=3), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 4: 0.4, 50: 0.4}),
    (linear_warmup(0.4, steps=0), {0: 0.4, 1: 0.4}),
    (
        linear_warmup(step_decay(0.4, every=2, factor=0.5), steps=3),
        {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 4: 0.4, 5: 0.2, 7: 0.1},
    ),
    (
        one_cycle(1.0, steps=21, rise=5 / 21, start_divisor=10.0, final_divisor=100.0),
        {0: 0.1, 2: 0.55, 4: 1.0, 12: 0.5005, 20: 0.001, 30: 0.001},
    ),
    (one_cycle(1.0, steps=3, rise=0.0, start_divisor=2.0, final_divisor=5.0), {2: 0.1, 5: 0.1}),
    (polynomial(0.4, steps=4), {0: 0.4, 1: 0.3, 3: 0.1, 4: 0.0, 5: 0.0}),
    (polynomial(0.5, steps=4, power=2.0, final=0.1), {0: 0.5, 2: 0.2, 4: 0.1, 9: 0.1}),
    (inverse_sqrt(0.6), {0: 0.6, 3: 0.3, 8: 0.2}),
    (inverse_sqrt(0.6, warmup=2), {0: 0.2, 1: 0.4, 2: 0.6, 11: 0.3}),
]
EVERY = pytest.mark.parametrize("schedule", [row for row, _ in VALUES], ids=repr)


def test_every_schedule_has_a_row():
    assert {type(schedule).__name__ for schedule, _ in VALUES} == set(SCHEDULES)


@pytest.mark.parametrize(("schedule", "values"), VALUES, ids=repr)
def test_values(schedule, values):
    found = [schedule(step) for step in values]
    np.testing.assert_allclose(found, list(values.values()), rtol=1e-13, atol=1e-16)


@EVERY
def test_any_integer_is_a_step_and_the_result_float64(schedule):
    for step in (5, np.int64(5), np.int32(5), np.array(5)):
        found = schedule(step)
        assert (np.shape(found), found.dtype) == ((), np.float64)
        assert found == schedule(5)
    many = schedule(np.arange(40))
    np.testing.assert_allclose(many, [schedule(t) for t in range(40)], rtol=1e-15)
    assert np.all(many >= 0)


@EVERY
def test_recorded_it_is_the_same_function(schedule):
    recorded = compile(schedule)
    for step in (0, 3, 50):
        found = recorded(np.array(step))
        assert found.dtype == np.float64
        assert found == pytest.approx(schedule(step), rel=1e-14)


@EVERY
def test_back_from_a_file(schedule):
    assert schedules.from_config(json.loads(json.dumps(schedule.config()))) == schedule
    assert schedules.get(schedule) is schedule


@pytest.mark.parametrize("name", SCHEDULES)
def test_row_is_complete(name):
    row = SCHEDULES[name]
    assert row.doc().endswith(".")
    assert row.latex.count("{") == row.latex.count("}")
    with pytest.raises(SettingError, match=f"schedule '{name}' needs lr"):
        schedules.get(name)


NOT_NUMBERS = [math.nan, math.inf, -0.1, "0.1", None, True]
NOT_COUNTS = [0, -1, 2.5, math.nan, math.inf, "3", None, True]
UNFIT = {
    "lr": NOT_NUMBERS,
    "every": NOT_COUNTS,
    "steps": NOT_COUNTS,
    "warmup": [-1, 0.5, math.nan, "3", None],
    "factor": NOT_NUMBERS,
    "final": NOT_NUMBERS,
    "rise": [*NOT_NUMBERS, 1.0],
    "start_divisor": [*NOT_NUMBERS, 0.0],
    "final_divisor": [*NOT_NUMBERS, 0.0],
    "power": [*NOT_NUMBERS, 0.0],
}


@EVERY
def test_unfit_settings_are_refused_by_name(schedule):
    row = type(schedule)
    good = {field.name: getattr(schedule, field.name) for field in fields(row)}
    for name in good:
        for value in UNFIT[name]:
            if (row, name, value) == (linear_warmup, "steps", 0):
                continue  # no rise at all is a rise that ends at once
            with pytest.raises(SettingError, match=f"^{row.__name__}: {name} must be .*, not "):
                row(**{**good, name: value})


def test_a_warmup_leaves_steps_for_the_wave():
    with pytest.raises(SettingError, match="cosine: warmup must be smaller than steps"):
        cosine(0.1, steps=10, warmup=10)


def test_whole_floats_are_counts():
    assert cosine(0.1, steps=1e3).steps == 1000


def test_a_rise_to_a_function_of_the_user_cannot_be_saved():
    schedule = linear_warmup(lambda step: 0.1 / (1.0 + step), steps=1)
    assert schedule(0) == 0.05
    assert schedule(2) == 0.05
    with pytest.raises(SettingError, match="linear_warmup: lr is a function of your own"):
        schedule.config()


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'one_cycle'"):
        schedules.get("onecycle")
