"""The diagnosis names planted faults first, is silent about healthy runs, and cures.

`tests/diagnosis_suite.py` diagnoses all runs; here each symptom is met once, on its quickest run.
"""

import json
import math

import numpy as np
import pytest
from diagnosis_faults import FAULTY, Fault
from diagnosis_runs import HEALTHY
from test_every_layer import CASES

import chainrule as cr
from chainrule.diagnosis import SYMPTOMS, Finding
from chainrule.diagnosis.case import Case
from chainrule.diagnosis.measure import Probe, root_mean_square
from chainrule.diagnosis.slopes import reach
from chainrule.diagnosis.symptoms.gradients import way
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS

RANDOM = np.random.default_rng(0)
QUICKEST = {
    "vanishing-gradients": "ten layers of small weights",
    "exploding-gradients": "eight ReLU layers of large weights",
    "dead-relus": "most of a layer dead",
    "saturated-units": "tanh saturated from the start",
    "learning-rate-too-high": "SGD at 30",
    "learning-rate-too-low": "SGD at 1e-5",
    "unscaled-inputs": "wine as it comes",
    "symmetric-start": "three layers of 0.1",
    "stuck-start": "XOR from seed 42",
    "leaking-labels": "the target among the features",
    "loss-mismatch": "a ReLU for negative numbers",
}
SOUND = [
    "iris, defaults",
    "breast cancer, sigmoid end",
    "diabetes, defaults",
    "moons, tanh",
    "noisy labels",
    "linear, one layer",
    "wave",
    "XOR",
    "untrained",
]


def names(findings) -> list[str]:
    return [finding.symptom for finding in findings]


def diagnosed(training) -> tuple[cr.Model, tuple[Finding, ...]]:
    model, X, y = training.run()
    return model, cr.diagnose(model, X, y).findings


def test_every_symptom_has_runs_that_show_it() -> None:
    planted = [fault.symptom for fault in FAULTY.values()]
    assert set(planted) == set(SYMPTOMS) == set(QUICKEST)
    assert min(map(planted.count, SYMPTOMS)) >= 3
    assert len(HEALTHY) >= 30
    for name, row in SYMPTOMS.items():
        assert row.name == name
        assert set(row.follows) <= set(SYMPTOMS)
        assert row.doc
        assert row.shown_by


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_a_fault_is_named_first_and_its_remedy_cures_it(symptom) -> None:
    fault: Fault = FAULTY[QUICKEST[symptom]]
    model, X, y = fault.training.run()
    loss = model.evaluate(X, y)["loss"]
    found = cr.diagnose(model, X, y).findings
    assert names(found)[0] == symptom
    for finding in found:
        assert not finding.explanation[0].islower()
        assert finding.explanation.endswith(".")
        assert finding.remedy
        assert finding.severity in ("error", "warning")
        assert finding.evidence
    cured, left = diagnosed(fault.cure(fault, found[0]))
    assert names(left) == []
    data, target = fault.sound.data()
    if symptom != "leaking-labels":  # which makes the loss smaller than it should be
        assert cured.evaluate(data, target)["loss"] < loss


@pytest.mark.parametrize("name", SOUND)
def test_a_healthy_run_gives_no_findings(name) -> None:
    _, found = diagnosed(HEALTHY[name])
    assert names(found) == []


def test_the_model_is_left_as_it_is() -> None:
    model, X, y = FAULTY["XOR from seed 42"].training.run()
    before, history, epoch = model.params, list(model.history.loss), model.epoch
    report = cr.diagnose(model, X, y, starts=10)
    assert report.findings[0].evidence["starts tried"] == 10
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())
    assert (model.history.loss, model.epoch) == (history, epoch)
    model.fit(X, y, epochs=1, batch_size=None, progress=False)
    assert model.epoch == epoch + 1


@pytest.mark.parametrize("ask", [cr.diagnose, cr.why_not_finite])
def test_a_model_without_parameters_is_left_without(ask) -> None:
    """Data to look at do not decide which data are trained on."""
    random = np.random.default_rng(0)
    net = cr.Sequential(cr.Dense(3), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", seed=0)
    X, y = random.normal(size=(40, 4)), random.normal(size=40)
    ask(model, X, y)
    assert model.input_shape is None
    model.fit(X[:, :3], y, epochs=1, progress=False)
    assert model.params["0.weight"].shape == (3, 3)


def test_xor_from_seed_42_is_a_start_that_fails_and_no_mistake() -> None:
    model, X, y = FAULTY["XOR from seed 42"].training.run()
    (finding,) = cr.diagnose(model, X, y).findings
    failed, tried = finding.evidence["starts that fail"], finding.evidence["starts tried"]
    assert tried == 50
    assert 5 <= failed <= 25  # of the fifty seeds of NumPy 14 fail
    assert finding.evidence["error of the gradient"] < 1e-6
    assert "The gradient is right: it agrees with differences" in finding.explanation
    assert f"as {failed} of 50 others do" in finding.explanation


def test_without_other_starts_nothing_is_trained() -> None:
    model, X, y = FAULTY["XOR from seed 42"].training.run()
    assert names(cr.diagnose(model, X, y, starts=0).findings) == []


def test_text_json_and_html() -> None:
    model, X, y = FAULTY["SGD at 2, one layer"].training.run()
    report = cr.diagnose(model, X, y)
    assert len(report) == len(report.findings) >= 1
    assert "error: learning-rate-too-high" in report.text()
    assert "Instead: write a learning rate" in str(report)
    assert max(map(len, report.text().splitlines())) <= 88
    read = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert [entry["symptom"] for entry in read["findings"]] == names(report.findings)
    page = report._repr_html_()
    assert "<b>learning-rate-too-high</b>" in page
    assert "script" not in page
    assert "http" not in page
    healthy = cr.diagnose(*HEALTHY["linear, one layer"].run())
    assert healthy.text() == ("nothing found: 11 symptoms on 300 of 300 samples, 60 epochs trained")
    assert "Nothing found" in healthy._repr_html_()
    assert json.loads(healthy.to_json())["findings"] == []


def test_numbers_that_are_not_finite_are_text_in_json() -> None:
    finding = Finding("x", "X.", "y", evidence={"a": math.inf, "b": [math.nan, 1.0]})
    read = json.loads(cr.diagnosis.Diagnosis((finding,)).to_json(), parse_constant=pytest.fail)
    assert read["findings"][0]["evidence"] == {"a": "inf", "b": ["nan", 1.0]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cr.diagnose(cr.Dense(1), [[1.0]], [1.0]),
            "diagnose takes a model, .* not a Dense",
        ),
        (
            lambda: cr.diagnose(
                cr.Model(cr.Dense(1), "mean_squared_error"), [[1.0]], [1.0], starts=-1
            ),
            "diagnose: starts must be a whole number, 0 or more",
        ),
    ],
)
def test_what_is_no_model_is_refused(call, message) -> None:
    with pytest.raises(cr.SettingError, match=message):
        call()


def test_data_that_do_not_fit_are_refused() -> None:
    model = cr.Model(cr.Dense(1), "mean_squared_error").build((2,))
    with pytest.raises(cr.DataError, match="1 features instead of 2"):
        cr.diagnose(model, [[1.0]], [1.0])


def test_a_loss_of_ones_own_is_diagnosed_too() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2)) * 1000

    def error(prediction, target):
        return np.mean(np.square(prediction - target))

    model = cr.Model(cr.Sequential(cr.Dense(3), cr.Tanh(), cr.Dense(1)), error)
    assert names(cr.diagnose(model, X, X[:, 0]).findings)[0] == "unscaled-inputs"


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ((cr.Dense(4),), True),
        ((cr.Flatten(), cr.Sequential(cr.Dropout(0.1), cr.Dense(4))), True),
        ((cr.BatchNorm(), cr.Dense(4)), False),
        ((cr.Lambda(lambda x: x / 255), cr.Dense(4)), False),
        ((cr.OneHot((3, 3, 3)), cr.Dense(4)), False),
    ],
)
def test_inputs_are_unscaled_where_weights_meet_them(first, found) -> None:
    X = np.random.default_rng(0).integers(0, 256, size=(50, 3)).astype(float)
    model = cr.Model(cr.Sequential(*first, cr.Tanh(), cr.Dense(1)), "mean_squared_error")
    named = names(cr.diagnose(model, X, np.random.default_rng(1).normal(size=50)).findings)
    assert ("unscaled-inputs" in named) == found


ODD_DATA = {
    "one row": (RANDOM.normal(size=(1, 3)), [1.0]),
    "two rows": (RANDOM.normal(size=(2, 3)), [1.0, 2.0]),
    "constant features": (np.ones((50, 3)), RANDOM.normal(size=50)),
    "a constant target": (RANDOM.normal(size=(50, 3)), np.ones(50)),
    "a target of zeros": (RANDOM.normal(size=(50, 3)), np.zeros(50)),
    "huge targets": (RANDOM.normal(size=(50, 3)), 1e18 * RANDOM.normal(size=50)),
}


@pytest.mark.parametrize("name", ODD_DATA)
def test_odd_data_are_no_alarm(name) -> None:
    X, y = ODD_DATA[name]
    net = cr.Sequential(cr.Dense(5), cr.ReLU(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error")
    model.fit(X, y, epochs=3, progress=False)
    assert names(cr.diagnose(model, X, y).findings) == []


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_diagnosed(name) -> None:
    row = LOSSES[name]
    y = RANDOM.integers(0, 2, size=(40, 3)).astype(float)
    if row.task == "multiclass":
        y = RANDOM.dirichlet(np.ones(3), 40)
    ends = {"probabilities": (cr.Softmax() if row.task == "multiclass" else cr.Sigmoid(),)}
    net = cr.Sequential(cr.Dense(5), cr.Tanh(), cr.Dense(3), *ends.get(row.prediction, ()))
    model = cr.Model(net, name)
    X = RANDOM.normal(size=(40, 4))
    model.fit(X, y, epochs=2, progress=False)
    assert names(cr.diagnose(model, X, y).findings) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_of_every_optimizer_is_measured(name) -> None:
    """From the optimizer's own state: it is the step that training makes next."""
    X = RANDOM.normal(size=(40, 3))
    net = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", OPTIMIZERS[name](), dtype="float64")
    model.fit(X, X[:, 0], epochs=4, batch_size=None, progress=False)
    step, before = Case(model, X, X[:, 0], 0).next_step, model.params
    assert step.before == pytest.approx(model.evaluate(X, X[:, 0])["loss"])
    model.fit(X, X[:, 0], epochs=1, batch_size=None, progress=False)
    moved = [model.params[part] - before[part] for part in before]
    assert step.length == pytest.approx(math.sqrt(sum(np.sum(d**2) for d in moved)), rel=1e-9)
    assert step.after == pytest.approx(model.evaluate(X, X[:, 0])["loss"], rel=1e-9)


# --- how it is measured --------------------------------------------------------------------------


def test_curvature_along_a_step_of_gradient_descent_is_that_of_the_quadratic() -> None:
    """For ½ of a mean of squares of a linear network, H = XᵀX / n exactly."""
    random = np.random.default_rng(0)
    X, y, rate = random.normal(size=(50, 3)), random.normal(size=50), 0.3
    net = cr.Dense(1, bias=False)
    model = cr.Model(net, "half_squared_error", cr.SGD(rate), dtype="float64").build((3,))
    w = model.params["weight"][:, 0]
    g = X.T @ (X @ w - y) / len(X)
    hessian = X.T @ X / len(X)
    curvature = g @ hessian @ g / (g @ g)
    step = Case(model, X, y, 0).next_step
    assert step.curvature == pytest.approx(curvature, rel=1e-6)
    assert step.ratio == pytest.approx(rate / (2 / curvature), rel=1e-6)
    assert step.length == pytest.approx(rate * np.linalg.norm(g))
    after = 0.5 * np.mean(np.square(X @ (w - rate * g) - y))
    assert step.after == pytest.approx(after)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_is_measured(case) -> None:
    """Its output is what the layer gives, and the gradients are the model's own."""
    random = np.random.default_rng(0)
    x = random.normal(size=(6, *case.sample))
    if case.whole:
        x = random.integers(-1, 3, size=x.shape).astype(float)
    net = cr.Sequential(case.layer, cr.Lambda(lambda x: 1.0 * x), cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "mean_squared_error", dtype="float64").build(case.sample)
    y = random.normal(size=(6, 2))
    probe = Probe(model._task, x, y, cr.random.fold_in(model._noise, 0), model._carry)
    found = probe(model.params, model.state)
    for name, value in model.gradients(x, y, training=True).items():
        np.testing.assert_allclose(found.gradients[name], value, rtol=1e-9, atol=1e-12)
    by_name = {passage.name: passage for passage in found.passages}
    last = by_name["3.Dense"]
    np.testing.assert_allclose(last.adjoint, (last.output - y) / 6, rtol=1e-9)
    passed = by_name["1.Lambda"]
    assert passed.before is not None
    np.testing.assert_allclose(passed.before, passed.output)
    np.testing.assert_allclose(
        passed.adjoint.reshape(6, -1), last.adjoint @ model.params["3.weight"].T, rtol=1e-9
    )


def test_the_factors_of_the_way_back_multiply_to_the_whole() -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    net = cr.Sequential(
        *[layer for _ in range(5) for layer in (cr.Dense(6), cr.Sigmoid())], cr.Dense(1)
    )
    case = Case(cr.Model(net, "mean_squared_error"), X, X[:, 0], 0)
    found = way(case.now)
    assert found is not None
    assert np.prod([factor for _, factor in found.factors]) == pytest.approx(found.total)
    sizes = {p.name: root_mean_square(p.adjoint) for p in case.now.passages}
    assert found.total == pytest.approx(sizes["0.Dense"] / sizes["10.Dense"])
    slopes = [factor for passage, factor in found.factors if isinstance(passage.layer, cr.Sigmoid)]
    assert max(slopes) <= 0.25 + 1e-12  # σ′ is at most a quarter


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (cr.Sigmoid(), 0, 1),
        (cr.Tanh(), -1, 1),
        (cr.Softmax(), 0, 1),
        (cr.ReLU(), 0, math.inf),
        (cr.Softplus(), 0, math.inf),
        (cr.ELU(2.0), -2, math.inf),
        (cr.LeakyReLU(), -math.inf, math.inf),
        (cr.Identity(), -math.inf, math.inf),
    ],
)
def test_the_reach_of_an_activation(layer, low, high) -> None:
    assert reach(layer) == pytest.approx((low, high), abs=1e-9)


def test_a_cause_stands_before_what_follows_from_it() -> None:
    model, X, y = FAULTY["Adam at 3"].training.run()
    found = cr.diagnose(model, X, y).findings
    assert names(found) == ["learning-rate-too-high", "dead-relus"]
    assert found[1].since == "training"
    assert "lower the learning rate" in found[1].remedy
