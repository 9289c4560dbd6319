"""Layers against torch.nn: values, gradients, running statistics, and a whole network."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.layers import LAYERS, OneHot

pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
TIGHT = {"rtol": 1e-12, "atol": 1e-13}


@pytest.fixture(scope="module", autouse=True)
def torch():
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


# Our layer, a sample's shape, and PyTorch's module. Where modules have parameters, ours are copied
# into them in order; PyTorch keeps a Linear's weight transposed.
CASES = [
    (cr.Dense(4), (3,), lambda nn: nn.Linear(3, 4)),
    (cr.Dense(4), (2, 3), lambda nn: nn.Linear(3, 4)),
    (cr.Dense(4, bias=False), (3,), lambda nn: nn.Linear(3, 4, bias=False)),
    (cr.Identity(), (3,), lambda nn: nn.Identity()),
    (cr.Sigmoid(), (3,), lambda nn: nn.Sigmoid()),
    (cr.Tanh(), (3,), lambda nn: nn.Tanh()),
    (cr.ReLU(), (3,), lambda nn: nn.ReLU()),
    (cr.LeakyReLU(), (3,), lambda nn: nn.LeakyReLU()),
    (cr.LeakyReLU(0.3), (3,), lambda nn: nn.LeakyReLU(0.3)),
    (cr.ELU(), (3,), lambda nn: nn.ELU()),
    (cr.ELU(0.7), (3,), lambda nn: nn.ELU(0.7)),
    (cr.GELU(), (3,), lambda nn: nn.GELU()),
    (cr.SiLU(), (3,), lambda nn: nn.SiLU()),
    (cr.Softplus(), (3,), lambda nn: nn.Softplus()),
    (cr.Softmax(), (2, 3), lambda nn: nn.Softmax(-1)),
    (cr.Softmax(axis=1), (2, 3), lambda nn: nn.Softmax(1)),
    (cr.Flatten(), (2, 3), lambda nn: nn.Flatten()),
    (cr.Reshape((3, 2)), (2, 3), lambda nn: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 2)))),
    (cr.LayerNorm(), (2, 3), lambda nn: nn.LayerNorm(3)),
    (cr.LayerNorm(0.1), (3,), lambda nn: nn.LayerNorm(3, eps=0.1)),
    (cr.BatchNorm(), (3,), lambda nn: nn.BatchNorm1d(3)),
    (cr.BatchNorm(0.3, 0.1), (3,), lambda nn: nn.BatchNorm1d(3, momentum=0.3, eps=0.1)),
    (cr.Dropout(0.0), (3,), lambda nn: nn.Dropout(0.0)),
    (
        cr.Sequential(cr.Dense(5), cr.BatchNorm(), cr.ELU(), cr.Dense(2)),
        (3,),
        lambda nn: nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ELU(), nn.Linear(5, 2)),
    ),
]
# Layers that torch.nn has no module for, and what vouches for them.
ABSENT = {
    "Concat": "torch.cat inside a forward method; test_residual_and_concat",
    "Residual": "an addition inside a forward method; test_residual_and_concat",
    "Lambda": "the user's own function",
    "OneHot": "a function; test_one_hot",
}


def shown(part):
    """A part of a case in a test's name: the same in every process."""
    return repr(part) if isinstance(part, cr.Layer | tuple) else None


EVERY = pytest.mark.parametrize(("layer", "sample", "module"), CASES, ids=shown)


def test_every_layer_is_compared():
    assert {type(layer).__name__ for layer, _, _ in CASES} == set(LAYERS) - set(ABSENT)


def twins(torch, layer, sample, module):
    """Parameters and state away from where they begin, and PyTorch's module with the same."""
    params, state = layer.init(sample, dtype="float64")
    params = {name: value + RNG.normal(size=value.shape) for name, value in params.items()}
    theirs = module(torch.nn)
    with torch.no_grad():
        for own, value in zip(theirs.parameters(), params.values(), strict=True):
            own.copy_(torch.tensor(value.T))
    return params, state, theirs


@pytest.mark.parametrize("training", [False, True])
@EVERY
def test_value_and_gradients(torch, layer, sample, module, training):
    params, state, theirs = twins(torch, layer, sample, module)
    theirs.train(training)
    x = RNG.normal(size=(6, *sample)) * 3
    leaf = torch.tensor(x, requires_grad=True)
    y = theirs(leaf)
    direction = RNG.normal(size=tuple(y.shape))
    (torch.tensor(direction) * y).sum().backward()

    def component(params, x):
        return np.sum(direction * layer(params, state, x, training=training)[0])

    ours, _ = layer(params, state, x, training=training)
    np.testing.assert_allclose(ours, y.detach().numpy(), **TIGHT)
    slopes, slope = (
        cr.grad(component, wrt=(0, 1))(params, x)
        if params
        else (
            {},
            cr.grad(component, wrt=1)(params, x),
        )
    )
    np.testing.assert_allclose(slope, leaf.grad.numpy(), rtol=1e-9, atol=1e-11)
    for own, name in zip(theirs.parameters(), params, strict=True):
        np.testing.assert_allclose(slopes[name], own.grad.numpy().T, rtol=1e-9, atol=1e-11)


def test_running_statistics_over_many_steps(torch):
    """Several batches of several sizes, over samples and time, then evaluation by the averages."""
    layer, theirs = cr.BatchNorm(momentum=0.2), torch.nn.BatchNorm1d(3, momentum=0.2)
    params, state = layer.init((4, 3), dtype="float64")
    for size in (8, 8, 5, 2, 8):
        x = RNG.normal(size=(size, 4, 3)) * 2 + 1
        ours, state = layer(params, state, x, training=True)
        y = theirs(torch.tensor(x.transpose(0, 2, 1)))  # PyTorch's features are axis 1
        np.testing.assert_allclose(ours.transpose(0, 2, 1), y.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(state["mean"], theirs.running_mean.numpy(), rtol=1e-12)
        np.testing.assert_allclose(state["variance"], theirs.running_var.numpy(), rtol=1e-12)
    theirs.eval()
    y = theirs(torch.tensor(x.transpose(0, 2, 1))).detach().numpy()
    np.testing.assert_allclose(layer(params, state, x)[0].transpose(0, 2, 1), y, rtol=1e-12)


def test_residual_and_concat(torch):
    net = cr.Sequential(
        cr.Residual(cr.Dense(4), cr.Tanh(), cr.Dense(3)),
        cr.Concat(cr.Dense(2), cr.Identity()),
    )
    params, state = net.init((3,), dtype="float64")
    x = RNG.normal(size=(5, 3))
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}

    def dense(name, x):
        return x @ leaves[f"{name}.weight"] + leaves[f"{name}.bias"]

    inner = torch.tensor(x) + dense("0.2", torch.tanh(dense("0.0", torch.tensor(x))))
    y = torch.cat([dense("1.0", inner), inner], dim=-1)
    y.square().sum().backward()
    np.testing.assert_allclose(net(params, state, x)[0], y.detach().numpy(), **TIGHT)
    slopes = cr.grad(lambda p: np.sum(np.square(net(p, state, x)[0])))(params)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(slopes[name], leaf.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_one_hot(torch):
    numbers = RNG.integers(0, 4, size=(6, 2))
    ours, _ = OneHot((4, 4))({}, {}, numbers.astype(float))
    theirs = torch.nn.functional.one_hot(torch.tensor(numbers), 4).reshape(6, 8)
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_a_network_learns_the_same(torch):
    """Twenty steps of Adam with clipping, dropout aside: the same weights to ten digits."""
    net = cr.Sequential(cr.Dense(16, l2=1e-3), cr.BatchNorm(), cr.GELU(), cr.Dense(3))
    x, labels = RNG.normal(size=(64, 5)), RNG.integers(0, 3, 64)
    optimizer = cr.Adam(0.01, clip_norm=0.5)
    model = cr.Model(net, loss="cross_entropy", optimizer=optimizer, dtype="float64").build((5,))
    nn = torch.nn
    theirs = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 3))
    with torch.no_grad():
        for own, value in zip(theirs.parameters(), model.params.values(), strict=True):
            own.copy_(torch.tensor(value.T))
    steps = torch.optim.Adam(theirs.parameters(), lr=0.01)
    losses, norms = [], []
    for _ in range(20):
        steps.zero_grad()
        loss = nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
        loss = loss + 1e-3 * theirs[0].weight.square().sum()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(theirs.parameters(), 0.5).item())
        losses.append(loss.item())
        steps.step()
    history = model.fit(x, labels, epochs=20, batch_size=None, progress=False)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(history.gradient_norm, norms, rtol=1e-8)
    for own, value in zip(theirs.parameters(), model.params.values(), strict=True):
        np.testing.assert_allclose(value, own.detach().numpy().T, rtol=1e-7, atol=1e-9)
    theirs.eval()
    prediction = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), prediction, rtol=1e-7, atol=1e-9)
