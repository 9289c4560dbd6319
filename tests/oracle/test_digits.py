"""The digits beside PyTorch: a short form of the second table of `bench/real_data.py`."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.oracle

SEEDS = 3
SPREAD = 0.01  # of the difference of two means over three seeds: four standard errors of ten seeds


@pytest.fixture(scope="module")
def bench():
    """`bench/real_data.py`, which is a program and in no package."""
    path = Path(__file__).parents[2] / "bench" / "real_data.py"
    specification = importlib.util.spec_from_file_location("real_data", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["real_data"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    yield module
    del sys.modules["real_data"]


def test_the_same_network_ends_as_accurate(bench):
    ours, theirs = np.mean([bench.digits_of_seed(seed) for seed in range(SEEDS)], axis=0)
    assert ours >= 0.96
    assert ours >= theirs - SPREAD
