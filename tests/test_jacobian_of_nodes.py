"""Local derivatives found many at a time, against one by one."""

import numpy as np
import pytest
from test_every_layer import CASES

import chainrule as cr
from chainrule.explaining import jacobian


def story(layers, sample, samples=4, training=False, outputs=2):
    net = cr.Sequential(*layers, cr.Dense(outputs))
    rng = np.random.default_rng(1)
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64").build(sample)
    x = rng.normal(size=(samples, *sample))
    return cr.explain(model, x, rng.normal(size=(samples, outputs)), training=training)


def paths_of(found, name, entry, worth, monkeypatch):
    monkeypatch.setattr(jacobian, "WORTH_PROBING", worth)
    return found.paths(name, entry, most=10_000)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", [c for c in CASES if not c.whole], ids=str)
def test_swept_together_is_one_by_one(case, training, monkeypatch):
    """For every layer, whose output may meet other samples or not."""
    size = int(np.prod(case.sample))
    layers = [cr.Dense(size), cr.Reshape(case.sample), case.layer, cr.Flatten()]
    found = story(layers, (3,), training=training)
    one_by_one = paths_of(found, "0.weight", (1, 0), np.inf, monkeypatch)
    together = paths_of(found, "0.weight", (1, 0), -1, monkeypatch)
    assert together.number == one_by_one.number
    gradient = found.gradients["0.weight"][1, 0]
    for paths in (one_by_one, together):
        assert paths.gradient == pytest.approx(gradient, rel=1e-9, abs=1e-12)
        assert paths.absolute == pytest.approx(one_by_one.absolute, rel=1e-9, abs=1e-12)
        if paths.is_complete:
            total = sum(path.value for path in paths)
            assert total == pytest.approx(gradient, rel=1e-9, abs=1e-12)
    values = [sorted(path.value for path in paths) for paths in (one_by_one, together)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-15)


def test_samples_that_meet_are_told_from_those_that_do_not():
    def stage(training):
        found = story([cr.Dense(3), cr.BatchNorm()], (2,), training=training)
        below, above = found.quantity("z1").node, found.quantity("h1").node
        made = jacobian._Stage(found.record, above, below, {below, above})
        made.probe()
        return made.aligned

    assert stage(training=False) == (0, 1)  # elementwise
    assert stage(training=True) == (1,)  # each feature has statistics of its own


def test_a_batch_of_a_large_network_is_no_obstacle():
    """784-512-512-10 with 64 samples: 80,000 paths and more, of which the largest are listed."""
    net = cr.Sequential(cr.Dense(512), cr.ReLU(), cr.Dense(512), cr.ReLU(), cr.Dense(10))
    model = cr.Model(net, "cross_entropy").build((784,))
    rng = np.random.default_rng(0)
    found = cr.explain(model, rng.normal(size=(64, 784)), rng.integers(0, 10, 64))
    paths = found.paths("0.weight", (300, 7))
    assert paths.number > 80_000
    assert len(paths) == 10
    assert paths.gradient == pytest.approx(float(found.gradients["0.weight"][300, 7]), rel=1e-4)
    sizes = [abs(path.value) for path in paths]
    assert sizes == sorted(sizes, reverse=True)
