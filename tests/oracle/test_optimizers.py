"""Optimizers and clipping against PyTorch's over 100 steps, in PyTorch's own configurations."""

import numpy as np
import pytest

from chainrule.optimizers import OPTIMIZERS

pytestmark = pytest.mark.oracle

SHARED = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam"]
STEPS = 100
SHAPES = [(3, 4), (4,), ()]

# Settings of PyTorch that chainrule has no counterpart of: negate the loss instead.
ABSENT = {"maximize"}


@pytest.fixture(scope="module", autouse=True)
def torch():
    """PyTorch in float64 throughout: it keeps step counts and NAdam's product in its default."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


def configurations(name):
    """PyTorch's test inputs of one optimizer, as settings of ours."""
    from torch.testing._internal.common_optimizers import optim_db

    (info,) = [entry for entry in optim_db if entry.optim_cls.__name__ == name]
    for case in info.optim_inputs_func(device="cpu"):
        if not ABSENT & set(case.kwargs):
            yield {key: getattr(v, "item", lambda v=v: v)() for key, v in case.kwargs.items()}


def farthest(torch, name, settings, clip_norm):
    """The largest difference of any parameter from PyTorch's after 100 steps."""
    rng = np.random.default_rng(0)
    params = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
    theirs = [torch.nn.Parameter(torch.tensor(p)) for p in params]
    their_optimizer = getattr(torch.optim, name)(theirs, **settings)
    ours = OPTIMIZERS[name](**settings, clip_norm=clip_norm)
    state = ours.init(params)
    for _ in range(STEPS):
        grads = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
        for parameter, g in zip(theirs, grads, strict=True):
            parameter.grad = torch.tensor(g)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(theirs, clip_norm)
        their_optimizer.step()
        params, state = ours.update(params, grads, state)
    return max(
        np.max(np.abs(p - parameter.detach().numpy()))
        for p, parameter in zip(params, theirs, strict=True)
    )


def test_whatever_has_a_namesake_is_compared(torch):
    assert [name for name in OPTIMIZERS if hasattr(torch.optim, name)] == SHARED


@pytest.mark.parametrize("clip_norm", [None, 0.7])
@pytest.mark.parametrize("name", SHARED)
def test_a_hundred_steps(torch, name, clip_norm):
    found = list(configurations(name))
    assert len(found) >= 4
    for settings in found:
        assert farthest(torch, name, settings, clip_norm) < 1e-10, settings


@pytest.mark.parametrize("name", SHARED)
def test_same_defaults(torch, name):
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(1))]).defaults
    ours = OPTIMIZERS[name]().config()
    for key in sorted(set(ours) & set(theirs)):
        kept = list(theirs[key]) if isinstance(theirs[key], tuple) else theirs[key]
        assert ours[key] == kept, key
    assert set(ours) - set(theirs) == {"name", "clip_norm"}


def test_pytorch_also_clips_the_gradients_of_all_parameters_together(torch):
    rng = np.random.default_rng(1)
    grads = [rng.normal(size=shape) for shape in SHAPES]
    from chainrule.optimizers import clip_by_global_norm, global_norm

    theirs = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
    for parameter, g in zip(theirs, grads, strict=True):
        parameter.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(theirs, 0.5)
    assert global_norm(grads) == pytest.approx(norm.item(), rel=1e-14)
    for clipped, parameter in zip(clip_by_global_norm(grads, 0.5), theirs, strict=True):
        np.testing.assert_allclose(clipped, parameter.grad.numpy(), rtol=1e-13)
