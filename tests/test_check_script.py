"""Whole scripts under check: the mistakes of tutorials by name, at their line, with the proof."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from check_suite.suite import Program, programs

import chainrule as cr
from chainrule.cli import main

SCRIPTS = {program.id: program for program in programs("script")}

# The scripts that stand for the tutorials whose mistakes are known to the digit.
WRONG = ("t01", "t08", "t11", "t13", "t14", "t25")
RIGHT = ("t29",)  # t04, t06 and t07 are asked below

ONE_STEP = """
import numpy as np
x = np.array([[0.5, 0.1], [0.3, -0.2]])
t = np.array([[1.0], [0.0]])
w = np.array([[0.3], [-0.2]])
b = np.array([0.1])
for _ in range(3):
    y = x @ w + b
    loss = 0.5 * np.sum((y - t) ** 2)
    delta = y - t
    w = w - 0.1 * x.T @ delta
    b = b - 0.1 * {bias}
"""


def written(tmp_path: Path, source: str) -> Path:
    script = tmp_path / "script.py"
    script.write_text(source, encoding="utf-8")
    return script


@pytest.mark.parametrize("program", [SCRIPTS[name] for name in WRONG], ids=lambda p: p.id)
def test_a_mistake_is_named_at_its_line_and_proved(program: Program) -> None:
    report = cr.check_script(program.path)
    (mistake,) = program.mistakes
    finding = report.findings[0]
    assert finding.kind in mistake.accepted
    assert finding.line in (mistake.line, mistake.effect)
    assert finding.evidence < 1e-9
    assert set(mistake.first) & set(finding.parameters)


@pytest.mark.parametrize("program", [SCRIPTS[name] for name in RIGHT], ids=lambda p: p.id)
def test_correct_scripts_pass(program: Program) -> None:
    report = cr.check_script(program.path)
    assert report.ok, report.text()
    assert report.also_gradient_of or program.loss_stated


def test_a_script_without_a_loss_is_told_whose_gradient_it_has() -> None:
    assert cr.check_script(SCRIPTS["t07"].path).also_gradient_of == ("½(ŷ - y)², summed",)
    report = cr.check_script(SCRIPTS["t04"].path)
    assert report.ok
    assert report.also_gradient_of == ("binary cross-entropy, summed",)
    assert "computes no loss" in report.text()


def test_a_crash_is_explained_with_the_shapes() -> None:
    (finding,) = cr.check_script(SCRIPTS["t03"].path).findings
    assert finding.kind == "shape-error"
    assert finding.line == 27
    assert "(2,)" in finding.explanation
    assert "(1, 2)" in finding.explanation
    assert "keepdims" in finding.explanation


def test_a_broadcast_that_changes_a_parameter_is_found(tmp_path: Path) -> None:
    script = written(tmp_path, ONE_STEP.format(bias="delta.sum(axis=0, keepdims=True)"))
    (finding,) = cr.check_script(script).findings
    assert (finding.kind, finding.parameter, finding.line) == ("shape-error", "b", 12)
    assert "(1,)" in finding.explanation
    assert cr.check_script(written(tmp_path, ONE_STEP.format(bias="delta.sum(axis=0)"))).ok


def test_parameters_can_be_named(tmp_path: Path) -> None:
    script = written(tmp_path, ONE_STEP.format(bias="delta.mean(axis=0)"))
    assert set(cr.check_script(script, params=["b"]).errors) == {"b"}
    with pytest.raises(cr.ScriptError, match="none of q"):
        cr.check_script(script, params=["q"])


def test_a_loss_can_be_named() -> None:
    report = cr.check_script(SCRIPTS["t07"].path, loss="binary_cross_entropy")
    assert not report.ok
    assert "binary cross-entropy" in report.notes[-1]
    assert cr.check_script(SCRIPTS["t06"].path, loss="loss").ok
    with pytest.raises(cr.ScriptError, match="no number 'cost'"):
        cr.check_script(SCRIPTS["t06"].path, loss="cost")


def test_hints_have_a_ceiling(tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, ONE_STEP.format(bias="delta.mean(axis=0)")))
    finding = report.findings[0]
    assert finding.line == 12
    low = json.loads(report.to_json("where"))
    assert low["findings"][0]["kind"] == ""
    assert set(low["findings"][0]["hints"]) == {"where"}
    assert low["true"] == {}
    assert finding.hints["fix"] not in report.text("kind")
    assert finding.hints["fix"] in report.text()
    with pytest.raises(cr.UnknownNameError, match="fix"):
        report.text("all")


def test_the_page_marks_the_line_and_shows_the_gradients(tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, ONE_STEP.format(bias="delta.mean(axis=0)")))
    for level in ("where", "kind", "formula", "fix"):
        report.html(tmp_path / "page.html", level)
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert '<tr class="marked" id="line-12">' in page, level
        assert ("<caption>mine / true</caption>" in page) is (level in ("formula", "fix"))
        assert (report.findings[0].kind.replace("-", " ") in page) is (level != "where")
        assert page.count("<table") == page.count("</table>"), level


def test_the_command_line_has_three_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = written(tmp_path, ONE_STEP.format(bias="delta.sum(axis=0)"))
    assert main(["check", str(right)]) == 0
    assert "Every gradient is that of the loss" in capsys.readouterr().out
    wrong = written(tmp_path, ONE_STEP.format(bias="delta.mean(axis=0)"))
    assert main(["check", str(wrong), "--json", "--hints", "kind"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["line"] == 12
    assert main(["check", str(tmp_path / "nowhere.py")]) == 2
    assert capsys.readouterr().err.startswith("error: there is no file")


def test_a_thousand_steps_take_little_memory(tmp_path: Path) -> None:
    code = (
        "import resource, sys, chainrule as cr; report = cr.check_script(sys.argv[1]);"
        "peak = max(resource.getrusage(who).ru_maxrss for who in"
        " (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN));"
        "print(report.findings[0].kind, report.findings[0].line, peak)"
    )
    pytest.importorskip("resource")
    # By way of another process: a new one counts as its own peak that of who started it.
    between = "import subprocess, sys; raise SystemExit(subprocess.call(sys.argv[1:]))"
    inner = [sys.executable, "-c", code, str(SCRIPTS["t09"].path)]
    command = [sys.executable, "-c", between, *inner]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kind, line, peak = done.stdout.split()
    assert (kind, line) == ("wrong-constant-factor", "30")
    assert int(peak) < (1_000_000_000 if sys.platform == "darwin" else 1_000_000)


ROUNDS = """
import numpy as np
x = np.array([[0.5, 0.1, -0.7], [0.3, -0.2, 0.4]])
t = np.array([[1], [0]])
u, v = np.array([[0.8]]), np.array([[0.3]])
for _ in range(3):
    h, kept = np.zeros((2, 1)), []
    for k in range(3):
        before, h = h, np.tanh(x[:, k : k + 1] @ u + h @ v)
        kept.append((before, h))
    loss = np.sum((h - t) ** 2)
    dh, du, dv = 2 * (h - t), 0, 0
    for k in (2, 1, 0):
        before, h = kept[k]
        dz = dh * {slope}
        du, dv = du + x[:, k : k + 1].T @ dz, dv + before.T @ dz
        dh = dz @ v.T
    u, v = u - 0.1 * du, v - 0.1 * dv
"""


def test_a_factor_left_out_in_every_round_is_found(tmp_path: Path) -> None:
    assert cr.check_script(written(tmp_path, ROUNDS.format(slope="(1 - h**2)"))).ok
    (finding,) = cr.check_script(written(tmp_path, ROUNDS.format(slope="1"))).findings
    assert (finding.kind, finding.line) == ("missing-activation-derivative", 15)
    assert finding.evidence < 1e-9


# --- layers and tests ----------------------------------------------------------------------------

LAYER = """
import numpy as np


class Dense:
    def __init__(self):
        self.params = {"W": np.array([[0.2, -0.1], [0.4, 0.3]]), "b": np.array([0.1, -0.2])}
        self.grads = {}

    def forward(self, x):
        self.x = x
        self.y = np.tanh(x @ self.params["W"] + self.params["b"])
        return self.y

    def backward(self, gradient):
        dz = gradient * (1 - self.y**2)
        self.grads["W"] = self.x.T @ dz
        self.grads["b"] = dz.sum(axis=0)
        return SENT
"""


def layer(tmp_path: Path, sent: str) -> object:
    path = written(tmp_path, LAYER.replace("SENT", sent))
    space: dict[str, object] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    return space["Dense"]()  # type: ignore[operator]


X = [[0.5, 0.1], [0.3, -0.2], [-0.4, 0.9]]


def test_a_layer_is_held_against_its_forward_pass(tmp_path: Path) -> None:
    assert cr.check_layer(layer(tmp_path, 'dz @ self.params["W"].T'), X).ok
    report = cr.check_layer(layer(tmp_path, 'dz @ self.params["W"]'), X)
    assert report.findings[0].kind == "wrong-transpose"
    assert report.findings[0].parameters == ("x",)
    assert report.findings[0].line == 19


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(cr.SettingError, match="has no forward"):
        cr.check_layer(object(), X)


def test_assert_gradients_names_the_mistake() -> None:
    def loss(params, x):
        return (params["w"] ** 2 * x).sum()

    def right(params, x):
        return {"w": 2 * params["w"] * x}

    def wrong(params, x):
        return {"w": -2 * params["w"] * x}

    import numpy as np

    case = {"w": np.array([0.3, -0.7])}, (np.array([1.0, 2.0]),)
    assert cr.testing.assert_gradients(loss, right, *case).ok
    with pytest.raises(AssertionError, match="wrong sign"):
        cr.testing.assert_gradients(loss, wrong, *case)
    with pytest.raises(AssertionError) as raised:
        cr.testing.assert_gradients(loss, wrong, *case, hints="where")
    assert "sign" not in str(raised.value)


XOR = """
import numpy as np
np.random.seed(42)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
W1, b1 = np.random.randn(2, {hidden}), np.zeros((1, {hidden}))
W2, b2 = np.random.randn({hidden}, 1), np.zeros((1, 1))
for epoch in range(800):
    a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    cost = -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))
    d2 = (a2 - y) / 4
    d1 = d2 @ W2.T * a1 * (1 - a1)
    W2 -= 3.0 * a1.T @ d2
    b2 -= 3.0 * d2.sum(axis=0, keepdims=True)
    W1 -= 3.0 * X.T @ d1
    b1 -= 3.0 * d1.sum(axis=0, keepdims=True)
"""


@pytest.mark.parametrize(("hidden", "fails"), [(2, True), (8, False)])
def test_a_start_that_fails_is_told_apart(hidden: int, fails: bool, tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, XOR.format(hidden=hidden)))
    assert report.ok, report.text()
    assert any("cr.diagnose" in note for note in report.notes) == fails


AT_ONE_GO = """
import numpy as np
np.random.seed(0)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
W1, W2 = np.random.randn(2, 4), np.random.randn(4, 1)
for i in range(5):
    hidden = 1 / (1 + np.exp(-X @ W1))
    output = 1 / (1 + np.exp(-hidden @ W2))
    cost = 0.5 * np.sum((output - y) ** 2)
    delta = {delta}
    hidden_delta = {hidden}
    W2 -= 0.1 * (hidden.T @ delta)
    W1 -= 0.1 * (X.T @ hidden_delta)
"""
SLOPES = "(output - y) * output * (1 - output)", "delta @ W2.T * hidden * (1 - hidden)"


@pytest.mark.parametrize(
    ("delta", "hidden", "kind", "line", "fix"),
    [
        ("output - y", SLOPES[1], "missing-activation-derivative", 11, "output * (1 - output)"),
        (SLOPES[0], "delta @ W2.T", "missing-activation-derivative", 12, "hidden * (1 - hidden)"),
        (
            SLOPES[0],
            "delta @ W2.T * hidden",
            "wrong-activation-derivative",
            12,
            "hidden * (1 - hidden)",
        ),
    ],
)
def test_a_sigmoid_at_one_go_is_known_as_one(
    delta: str, hidden: str, kind: str, line: int, fix: str, tmp_path: Path
) -> None:
    report = cr.check_script(written(tmp_path, AT_ONE_GO.format(delta=delta, hidden=hidden)))
    finding = report.findings[0]
    assert (finding.kind, finding.line) == (kind, line)
    assert f"`{fix}` (the derivative of the sigmoid" in finding.explanation
    assert finding.evidence < 1e-9


def test_a_sigmoid_at_one_go_passes(tmp_path: Path) -> None:
    right = AT_ONE_GO.format(delta=SLOPES[0], hidden=SLOPES[1])
    assert cr.check_script(written(tmp_path, right)).ok


def test_what_is_computed_and_overwritten_is_not_accumulated() -> None:
    finding = cr.check_script(SCRIPTS["t16"].path).findings[0]
    assert (finding.kind, finding.line) == ("not-accumulated", 26)
    assert finding.evidence < 1e-9


def test_a_constant_that_another_step_contradicts_is_none() -> None:
    finding = cr.check_script(SCRIPTS["t05"].path).findings[0]
    assert (finding.kind, finding.line, finding.severity) == ("unexplained", 17, "wrong")


RULES = """
import numpy as np
np.random.seed(0)
X, y = np.random.randn(8, 3), np.random.randn(8, 1)
W, m, v = np.random.randn(3, 1), np.zeros((3, 1)), np.zeros((3, 1))
for t in range(1, 20):
    error = X @ W - y
    cost = np.mean(error ** 2)
    g = 2 * X.T @ error / len(y)
    {memory}
    {update}
"""
ADAM = "m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g ** 2"
ADAPTIVE = "Adam, RMSprop or Adagrad"
CORRECTED = "W = W {sign} 0.01 * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.999 ** t)) + 1e-8)"


@pytest.mark.parametrize(
    ("memory", "update", "rule"),
    [
        ("m = 0.9 * m - 0.01 * g", "W = W + m", "momentum"),
        ("v = 0.9 * v + 0.1 * g ** 2", "W -= 0.01 * g / (np.sqrt(v) + 1e-8)", ADAPTIVE),
        (ADAM, CORRECTED.format(sign="-"), ADAPTIVE),
        (ADAM, "W -= 0.01 * m / (np.sqrt(v) + 1e-8)", ADAPTIVE),
        (ADAM, CORRECTED.format(sign="-") + "; W -= 0.001 * W", ADAPTIVE),
    ],
)
def test_a_rule_with_a_memory_is_named(memory: str, update: str, rule: str, tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, RULES.format(memory=memory, update=update)))
    assert report.ok, report.text()
    assert f"The update's first step is one of {rule}." in report.notes


@pytest.mark.parametrize(
    ("memory", "update"),
    [
        ("m = 0.9 * m + 0.01 * g", "W = W + m"),
        ("m = 0.9 * m - 0.01 * g", "W = W - m"),
        (ADAM, CORRECTED.format(sign="+")),
    ],
)
def test_a_rule_that_climbs_is_found(memory: str, update: str, tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, RULES.format(memory=memory, update=update)))
    finding = report.findings[0]
    assert (finding.kind, finding.line) == ("ascent-update", 11)
    assert finding.evidence < 1e-9


def test_another_rule_is_said_not_to_be_judged(tmp_path: Path) -> None:
    script = RULES.format(memory="v = 0.9 * v + g ** 4", update="W -= 0.01 * g / (v + 1)")
    report = cr.check_script(written(tmp_path, script))
    assert report.ok
    assert any("not judged" in note for note in report.notes)
