"""Losses against torch.nn.functional."""

import numpy as np
import pytest

from chainrule.losses import LOSSES, huber
from chainrule.pipeline import grad

pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def torch():
    import torch

    return torch


def normal(*shape, scale=1.0):
    return scale * RNG.normal(size=shape)


def probabilities(*shape):
    return RNG.uniform(0.02, 0.98, shape)


def distributions(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


def yes_no(*shape):
    return RNG.integers(0, 2, shape).astype(float)


def named(name, prediction, target, theirs, title=""):
    return pytest.param(LOSSES[name], prediction, target, theirs, id=f"{name}{title}")


# Our loss, a prediction, a target, and PyTorch's way to the same number.
CASES = [
    named(
        "half_squared_error",
        normal(7, 3),
        normal(7, 3),
        lambda F, p, t: F.mse_loss(p, t, reduction="sum") / (2 * len(p)),
    ),
    named("mean_squared_error", normal(7, 3), normal(7, 3), lambda F, p, t: F.mse_loss(p, t)),
    named("mean_absolute_error", normal(7, 3), normal(7, 3), lambda F, p, t: F.l1_loss(p, t)),
    named("huber", normal(7, 3, scale=2.0), normal(7, 3), lambda F, p, t: F.huber_loss(p, t)),
    pytest.param(
        huber(delta=0.3),
        normal(7, 3),
        normal(7, 3),
        lambda F, p, t: F.huber_loss(p, t, delta=0.3),
        id="huber, delta 0.3",
    ),
    named(
        "poisson",
        normal(7, 3),
        RNG.poisson(3.0, (7, 3)).astype(float),
        lambda F, p, t: F.poisson_nll_loss(p, t),
    ),
    named(
        "binary_cross_entropy",
        probabilities(7, 3),
        probabilities(7, 3),
        lambda F, p, t: F.binary_cross_entropy(p, t),
    ),
    named(
        "binary_cross_entropy_with_logits",
        normal(7, 3, scale=5.0),
        yes_no(7, 3),
        lambda F, p, t: F.binary_cross_entropy_with_logits(p, t),
    ),
    named(
        "hinge",
        normal(7, 1),
        yes_no(7, 1),
        # PyTorch has no hinge of one score; of the two scores (0, s) it takes half of it.
        lambda F, p, t: 2 * F.multi_margin_loss(F.pad(p, (1, 0)), t[:, 0].long()),
    ),
    named(
        "cross_entropy",
        normal(7, 5, scale=3.0),
        distributions(7, 5),
        lambda F, p, t: F.cross_entropy(p, t),
    ),
    named(
        "cross_entropy",
        normal(7, 5, scale=3.0),
        RNG.integers(0, 5, 7),
        lambda F, p, t: F.cross_entropy(p, t),
        " of labels",
    ),
    named(
        "cross_entropy",
        normal(7, 4, 5),
        RNG.integers(0, 5, (7, 4)),
        lambda F, p, t: F.cross_entropy(p.transpose(1, 2), t),  # PyTorch's classes are axis 1
        " of labels over time",
    ),
    named(
        "kl_divergence",
        distributions(7, 5),
        distributions(7, 5),
        lambda F, p, t: F.kl_div(p.log(), t, reduction="batchmean"),
    ),
]
EVERY = pytest.mark.parametrize(("loss", "prediction", "target", "theirs"), CASES)


def test_every_loss_is_compared():
    assert {case.values[0].name for case in CASES} == set(LOSSES)


@EVERY
def test_value(torch, loss, prediction, target, theirs):
    expected = theirs(torch.nn.functional, torch.tensor(prediction), torch.tensor(target))
    assert loss(prediction, target) == pytest.approx(expected.item(), rel=1e-12)


@EVERY
def test_gradient(torch, loss, prediction, target, theirs):
    leaf = torch.tensor(prediction, requires_grad=True)
    theirs(torch.nn.functional, leaf, torch.tensor(target)).backward()
    np.testing.assert_allclose(
        grad(loss)(prediction, target), leaf.grad.numpy(), rtol=1e-12, atol=1e-15
    )


def test_pytorch_stops_the_logarithm_at_the_same_place(torch):
    prediction, target = np.array([0.0, 1.0, 1e-50]), np.array([1.0, 0.0, 1.0])
    theirs = torch.nn.functional.binary_cross_entropy(
        torch.tensor(prediction), torch.tensor(target), reduction="none"
    )
    np.testing.assert_allclose(
        LOSSES["binary_cross_entropy"].per_sample(prediction, target), theirs.numpy(), rtol=1e-14
    )
