"""Schedules against their counterparts in torch.optim.lr_scheduler, step by step."""

import numpy as np
import pytest

from chainrule import schedules

pytestmark = pytest.mark.oracle

LR = 0.3

# Ours, the name and settings of PyTorch's, and up to which step the two are meant to agree.
PAIRS = [
    (schedules.constant(LR), "ConstantLR", {"factor": 1.0}, 40),
    (schedules.step_decay(LR, every=7, factor=0.3), "StepLR", {"step_size": 7, "gamma": 0.3}, 40),
    (schedules.exponential(LR, factor=0.9), "ExponentialLR", {"gamma": 0.9}, 40),
    (
        schedules.cosine(LR, steps=30, final=0.01),
        "CosineAnnealingLR",
        {"T_max": 30, "eta_min": 0.01},
        30,  # then PyTorch's rises again
    ),
    (
        schedules.linear_warmup(LR, steps=9),
        "LinearLR",
        {"start_factor": 0.1, "end_factor": 1.0, "total_iters": 9},
        40,
    ),
    (
        schedules.polynomial(LR, steps=20, power=1.7),
        "PolynomialLR",
        {"total_iters": 20, "power": 1.7},
        40,
    ),
    (
        schedules.one_cycle(LR, steps=40),
        "OneCycleLR",
        {"max_lr": LR, "total_steps": 40, "cycle_momentum": False},
        39,  # then PyTorch's raises an error
    ),
    (
        schedules.one_cycle(LR, steps=33, rise=0.45, start_divisor=7.0, final_divisor=50.0),
        "OneCycleLR",
        {
            "max_lr": LR,
            "total_steps": 33,
            "pct_start": 0.45,
            "div_factor": 7.0,
            "final_div_factor": 50.0,
            "cycle_momentum": False,
        },
        32,
    ),
]


@pytest.mark.parametrize(("schedule", "name", "settings", "last"), PAIRS)
def test_step_by_step(schedule, name, settings, last):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    theirs = getattr(torch.optim.lr_scheduler, name)(optimizer, **settings)
    for step in range(last + 1):
        np.testing.assert_allclose(schedule(step), theirs.get_last_lr()[0], rtol=1e-12, atol=1e-17)
        if step < last:
            optimizer.step()
            theirs.step()
