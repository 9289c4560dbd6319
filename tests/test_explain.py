"""`cr.explain`: the worked numbers of well-known examples, names, steps, derivations and paths."""

import numpy as np
import pytest
from latex_numbers import evaluate

import chainrule as cr
from chainrule.engines.numpy import Program
from chainrule.errors import FileError, SettingError, ShapeError, UnknownNameError
from chainrule.explaining.story import NOT_YET
from chainrule.tex import parse, plain

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR_TARGETS = np.array([0, 1, 1, 0])


def chain() -> cr.Model:
    """One input, one sigmoid unit, one linear output, as drawn in many tutorials."""
    net = cr.Sequential(cr.Dense(1), cr.Sigmoid(), cr.Dense(1))
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64").build((1,))
    start = {"0.weight": [[0.4]], "0.bias": [0.1], "2.weight": [[0.3]], "2.bias": [0.2]}
    model.set_params(start)
    return model


def two_two_one(loss: str) -> cr.Model:
    net = cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    return cr.Model(net, loss, cr.SGD(0.1), dtype="float64").build((2,))


def xor(**settings) -> cr.Model:
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    settings = {"loss": "binary_cross_entropy", "optimizer": cr.SGD(0.1)} | settings
    return cr.Model(net, dtype="float64", **settings).build((2,))


def said(story, key: str, phase: str) -> str:
    """The step as its first lines in the terminal: formula, numbers, sentence."""
    step = story.step(key, phase)
    return f"{step.text} | {plain(step.numbers)} | {step.sentence}"


# --- worked examples -----------------------------------------------------------------------------


def test_one_unit_after_another() -> None:
    """Values and gradients that are often printed with slips in the fourth decimal."""
    story = cr.explain(chain(), [[0.5]], [[0.6]])
    assert story.loss == pytest.approx(0.02591619, abs=5e-9)
    assert story.values["a1"].item() == pytest.approx(0.5744, abs=5e-5)
    assert story.values["prediction"].item() == pytest.approx(0.3723, abs=5e-5)
    expected = {
        "0.weight": -0.00834827,
        "0.bias": -0.01669655,
        "2.weight": -0.13078175,
        "2.bias": -0.22766725,
    }
    for name, gradient in expected.items():
        assert story.gradients[name].item() == pytest.approx(gradient, abs=6e-9)
    slope = dict(story.step("z1", "backward").slopes)
    assert slope[r"\sigma'(z^{(1)})"].item() == pytest.approx(0.24445831, abs=5e-9)
    text = story.text(80)
    for shown in ("L = ½ · (0.3723 − 0.6)² = 0.02592", "= −0.1308", "= −0.0167", "= −0.2277"):
        assert shown in text
    (path,) = story.paths("0.weight", (0, 0))
    factors = [factor.value for factor in path.factors]
    assert factors == pytest.approx([-0.22766725, 0.3, 0.24445831, 0.5], abs=1e-8)
    assert [plain(factor.formula) for factor in path.factors] == ["ŷ − y", "w⁽²⁾", "σ′(z⁽¹⁾)", "x"]


def test_cross_entropy_and_sigmoid_cancel() -> None:
    """The true gradients of an example whose code multiplies by σ′ once too often."""
    model = two_two_one("binary_cross_entropy")
    model.set_params(
        {
            "0.weight": np.array([[0.2, 0.8], [0.5, 0.1]]).T,
            "0.bias": [0.1, 0.2],
            "2.weight": [[0.4], [0.2]],
            "2.bias": [0.3],
        }
    )
    story = cr.explain(model, [[0.5, 0.1]], [1])
    assert story.loss == pytest.approx(0.4199108457, abs=5e-11)
    assert story.values["z1"].ravel() == pytest.approx([0.28, 0.46])
    assert story.values["a1"].ravel() == pytest.approx([0.56954622, 0.61301418], abs=5e-9)
    assert story.values["z2"].item() == pytest.approx(0.65042132, abs=5e-9)
    assert story.gradients["z2"].item() == pytest.approx(-0.3428946, abs=5e-8)
    assert story.gradients["2.weight"].ravel() == pytest.approx(
        [-0.19529432, -0.21019925], abs=5e-9
    )
    expected = [-0.01681304, -0.00336261, -0.00813441, -0.00162688]
    assert story.gradients["0.weight"].T.ravel() == pytest.approx(expected, abs=5e-9)
    assert story.gradients["0.bias"] == pytest.approx([-0.03362607, -0.01626883], abs=5e-9)
    told = said(story, "z2", "backward")
    assert told.startswith("δ⁽²⁾ = ŷ − y | 0.6571 − 1 | ")
    assert "sigmoid and cross-entropy cancel, σ′ does not appear" in told
    assert said(story, "loss", "loss").split(" | ")[1] == "−ln σ(0.6504)"


def test_half_squared_error_keeps_the_slope() -> None:
    """An example whose coded gradient is that of the cross-entropy, not of the loss it states."""
    start = {
        "0.weight": [[0.2, 0.8], [0.5, 0.3]],
        "0.bias": [0.1, 0.2],
        "2.weight": [[0.7], [0.9]],
        "2.bias": [0.3],
    }
    found = {}
    for loss in ("half_squared_error", "binary_cross_entropy"):
        model = two_two_one(loss)
        model.set_params(start)
        found[loss] = story = cr.explain(model, [[0.5, 0.1]], [[1.0]])
        assert story.values["prediction"].item() == pytest.approx(0.78257981, abs=5e-9)
    story = found["half_squared_error"]
    assert story.step("z2", "backward").text == "δ⁽²⁾ = ∂L/∂ŷ · σ′(z⁽²⁾)"
    expected = [-0.02079702, -0.02413803]
    assert story.gradients["2.weight"].ravel() == pytest.approx(expected, abs=5e-9)
    expected = [-0.0031869, -0.0037747, -0.00063738, -0.00075494]
    assert story.gradients["0.weight"].ravel() == pytest.approx(expected, abs=5e-9)
    story = found["binary_cross_entropy"]
    assert story.step("z2", "backward").text == "δ⁽²⁾ = ŷ − y"
    expected = [-0.12222852, -0.14186438]
    assert story.gradients["2.weight"].ravel() == pytest.approx(expected, abs=5e-9)


def test_xor_without_biases() -> None:
    net = cr.Sequential(
        cr.Dense(4, bias=False), cr.Sigmoid(), cr.Dense(1, bias=False), cr.Sigmoid()
    )
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64", seed=1).build((2,))
    story = cr.explain(model, XOR, XOR_TARGETS)
    assert story.step("z1", "forward").text == "z⁽¹⁾ = x W⁽¹⁾"
    assert all("bias" not in step.key for step in story)
    p = model.params
    hidden = 1 / (1 + np.exp(-(XOR @ p["0.weight"])))
    y = 1 / (1 + np.exp(-(hidden @ p["2.weight"])))
    d2 = (y - XOR_TARGETS[:, None]) * y * (1 - y) / 4
    np.testing.assert_allclose(story.gradients["2.weight"], hidden.T @ d2, rtol=1e-12)
    d1 = (d2 @ p["2.weight"].T) * hidden * (1 - hidden)
    np.testing.assert_allclose(story.gradients["0.weight"], XOR.T @ d1, rtol=1e-11)


def test_mazurs_network() -> None:
    """Matt Mazur, "A Step by Step Backpropagation Example" (2015)."""
    net = cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(2), cr.Sigmoid())
    model = cr.Model(net, "half_squared_error", cr.SGD(0.5), dtype="float64").build((2,))
    model.set_params(
        {
            "0.weight": [[0.15, 0.25], [0.20, 0.30]],
            "0.bias": [0.35, 0.35],
            "2.weight": [[0.40, 0.50], [0.45, 0.55]],
            "2.bias": [0.60, 0.60],
        }
    )
    story = cr.explain(model, [[0.05, 0.10]], [[0.01, 0.99]])
    assert story.loss == pytest.approx(0.298371109, abs=5e-10)
    new = {step.key: step.value for step in story.phase("update")}
    assert new["2.weight"][0, 0] == pytest.approx(0.35891648, abs=5e-9)
    assert new["0.weight"][0, 0] == pytest.approx(0.149780716, abs=5e-10)


# --- the engine's numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_the_engines_bit_by_bit(dtype: str, training: bool) -> None:
    net = cr.Sequential(cr.Dense(5), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", "adam", engine="numpy", dtype=dtype).build((4,))
    x = np.random.default_rng(0).normal(size=(6, 4))
    y = np.array([0, 1, 2, 0, 1, 2])
    story = cr.explain(model, x, y, training=training)
    for name, gradient in model.gradients(x, y, training=training).items():
        assert np.array_equal(story.gradients[name], gradient)
        assert story.gradients[name].dtype == dtype


def test_the_update_is_the_next_training_step() -> None:
    for optimizer in (cr.SGD(0.1, momentum=0.9), cr.Adam(0.01), cr.Lion(), cr.Adam(clip_norm=0.01)):
        model = xor(optimizer=optimizer, engine="numpy")
        model.fit(XOR, XOR_TARGETS, epochs=2, batch_size=None, shuffle=False, progress=False)
        story = cr.explain(model, XOR, XOR_TARGETS, training=True)
        model.fit(XOR, XOR_TARGETS, epochs=1, batch_size=None, shuffle=False, progress=False)
        new = {s.key: s.value for s in story.phase("update")}  # the last step of a parameter
        for name, value in model.params.items():
            np.testing.assert_allclose(new[name], value, rtol=1e-12)


def test_the_model_is_left_alone() -> None:
    model = xor(optimizer="adam")
    before = model.params
    cr.explain(model, XOR, XOR_TARGETS, training=True).text(80)
    assert all(np.array_equal(value, model.params[name]) for name, value in before.items())
    assert model.epoch == 0


def test_every_node_is_in_the_graph_of_the_record() -> None:
    story = cr.explain(xor(), XOR, XOR_TARGETS)
    nodes = set(story.record.graph.nodes)
    assert all(step.node in nodes for step in story)
    again = Program(story.record.graph).trace_values(
        [story.record.values[node] for node in story.record.graph.inputs]
    )
    assert all(np.array_equal(again[step.node], step.value) for step in story)


# --- names and steps -----------------------------------------------------------------------------


def test_textbook_names() -> None:
    story = cr.explain(xor(), XOR, XOR_TARGETS)
    assert [step.text for step in story.phase("forward")] == [
        "z⁽¹⁾ = x W⁽¹⁾ + b⁽¹⁾",
        "a⁽¹⁾ = σ(z⁽¹⁾)",
        "z⁽²⁾ = a⁽¹⁾ W⁽²⁾ + b⁽²⁾",
        "ŷ = σ(z⁽²⁾)",
    ]
    assert [step.text for step in story.phase("backward")] == [
        "δ⁽²⁾ = ¼ (ŷ − y)",
        "∂L/∂b⁽²⁾ = Σₙ δ⁽²⁾ₙ",
        "∂L/∂a⁽¹⁾ = δ⁽²⁾ W⁽²⁾ᵀ",
        "∂L/∂W⁽²⁾ = a⁽¹⁾ᵀ δ⁽²⁾",
        "δ⁽¹⁾ = ∂L/∂a⁽¹⁾ ⊙ σ′(z⁽¹⁾)",
        "∂L/∂b⁽¹⁾ = Σₙ δ⁽¹⁾ₙ",
        "∂L/∂W⁽¹⁾ = xᵀ δ⁽¹⁾",
    ]
    assert story.phase("update")[0].text == "W⁽¹⁾ⁿᵉʷ = W⁽¹⁾ − 0.1 · ∂L/∂W⁽¹⁾"
    assert np.array_equal(story.values["z⁽¹⁾"], story.values["z1"])
    assert np.array_equal(story.gradients["δ⁽¹⁾"], story.gradients["z1"])
    assert list(story.gradients) == list(xor().params)


def test_a_step_is_data() -> None:
    step = cr.explain(xor(), XOR, XOR_TARGETS).step("z1", "forward")
    assert step.shapes[0] == ("z^{(1)}", (4, 4))
    assert ("W^{(1)}", (2, 4)) in step.shapes
    assert step.uses == ("x", "0.weight", "0.bias")
    assert (step.layer, step.phase, step.node.op.name) == ("0.Dense", "forward", "add")
    np.testing.assert_allclose(evaluate(step.numbers), step.value[step.index], rtol=2e-3)


def test_second_normalisation_of_a_level_gets_a_prime() -> None:
    net = cr.Sequential(cr.Dense(3), cr.BatchNorm(), cr.ReLU(), cr.LayerNorm(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", dtype="float64").build((2,))
    story = cr.explain(model, XOR, [0, 1, 1, 0], training=True)
    symbols = [quantity.text for quantity in story.quantities if quantity.kind == "parameter"]
    assert symbols == [
        "W⁽¹⁾", "b⁽¹⁾", "γ⁽¹⁾", "β⁽¹⁾", "γ′⁽¹⁾", "β′⁽¹⁾", "W⁽²⁾", "b⁽²⁾"
    ]  # fmt: skip
    assert story.step("z2", "backward").text == "δ⁽²⁾ = ¼ (softmax(z⁽²⁾) − y)"


def test_names_of_a_functions_own_variables(tmp_path) -> None:
    file = tmp_path / "written.py"
    file.write_text(
        "import numpy as np\n"
        "def loss(params, X, y):\n"
        "    z = X @ params['w_1'] + params['b']\n"
        "    y_hat = 1 / (1 + np.exp(-z))\n"
        "    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))\n"
    )
    space: dict = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    params = {"w_1": np.array([0.5, -0.25]), "b": 0.1}
    story = cr.explain(space["loss"], params, XOR * 1.0, XOR_TARGETS * 1.0)
    assert [step.text for step in story.phase("forward")] == ["z = X w₁ + b", "ŷ = σ(z)"]
    assert story.step("z", "backward").text == "∂L/∂z = ¼ (ŷ − y)"
    gradient = cr.grad(space["loss"])(params, XOR * 1.0, XOR_TARGETS * 1.0)
    np.testing.assert_allclose(story.gradients["w_1"], gradient["w_1"], rtol=1e-14)
    paths = story.paths("w_1", 0)
    assert paths.gradient == pytest.approx(gradient["w_1"][0], abs=1e-14)


def test_explain_can_be_assigned_to_any_name() -> None:
    """The line that calls `explain` is no part of what is explained."""
    z1 = cr.explain(xor(), XOR, XOR_TARGETS)
    assert z1.step("z1", "forward").text == "z⁽¹⁾ = x W⁽¹⁾ + b⁽¹⁾"
    assert all(quantity.kind != "line" for quantity in z1.quantities)


def test_a_loop_is_one_step() -> None:
    def final(w, xs):
        state, _ = cr.scan(lambda h, x: (np.tanh(w * h + x), None), 0.5, xs)
        return 0.5 * state**2

    xs = np.array([0.1, -0.4, 0.7])
    story = cr.explain(final, 0.8, xs)
    told = [step for step in story if "³(" in step.text]
    assert told[0].sentence == "The same step 3 times, for t = 1 to 3:"
    assert [plain(" = ".join(line)) for line in told[0].lines] == [
        "zₜ = w · hₜ₋₁ + xsₜ", "hₜ = tanh zₜ"
    ]  # fmt: skip
    backwards = story.step("w", "backward")
    assert backwards.text == "∂L/∂w = Σₜ₌₁³ (∂L/∂zₜ) · hₜ₋₁"
    assert backwards.sentence.startswith("The loop backwards")
    assert [plain(" = ".join(line)) for line in backwards.lines] == [
        "∂L/∂h₃ = ∂L/∂u₁", "∂L/∂hₜ = ∂L/∂zₜ₊₁ · w", "∂L/∂zₜ = ∂L/∂hₜ · tanh′(zₜ)"
    ]  # fmt: skip
    assert story.gradients["w"] == pytest.approx(cr.grad(final)(0.8, xs), abs=1e-15)
    assert story.paths("w", ()).gradient == pytest.approx(cr.grad(final)(0.8, xs), abs=1e-12)


def test_a_loop_of_a_lambda_has_a_name_and_a_sentence() -> None:
    def total(w, xs):
        _, squares = cr.scan(lambda h, x: (np.tanh(w * h + x), h * h), 0.5, xs)
        return np.sum(squares)

    def second(w, xs):
        state, _ = cr.scan(lambda h, x: ((np.tanh(w * h[0] + x), h[1] + x), None), (0.5, 0.0), xs)
        return state[0] + state[1]

    for function in (total, second):
        story = cr.explain(function, 0.8, np.array([0.1, -0.4, 0.7]))
        text = story.text(96)
        assert "<lambda>" not in text
        assert "The same step 3 times, for t = 1 to 3:" in " ".join(text.split())
        assert "zₜ = w · hₜ₋₁ + xsₜ" in text
        assert "<lambda>" not in story.html()
        paths = story.paths("w", ())
        assert sum(path.value for path in paths) == pytest.approx(story.gradients["w"], abs=1e-12)


def test_code_without_names_of_its_own() -> None:
    """Values inside a line, and on lines with several statements, are told as well."""
    a, x = np.array([0.5, -0.3, 0.8]), np.array([1.0, 2.0, -0.5])
    story = cr.explain(lambda a, x: np.sum(np.tanh(a * x) ** 2), a, x)
    (path,) = story.paths("a", 1)
    assert [str(factor).partition(" = ")[0] for factor in path.factors] == [
        "∂L/∂u₂,₂", "∂u₂,₂/∂u₁,₂", "∂u₁,₂/∂a₂"
    ]  # fmt: skip
    assert [plain(factor.formula) for factor in path.factors][1:] == ["tanh′(u₁,₂)", "x₂"]
    expected = [2 * np.tanh(a * x)[1], 1 - np.tanh(a * x)[1] ** 2, x[1]]
    assert [factor.value for factor in path.factors] == pytest.approx(expected)
    assert story.step("u1", "forward").text == "u₁ = a ⊙ x"


def test_a_table_of_ones() -> None:
    """A gradient that is one number everywhere is a matrix all the same."""
    story = cr.explain(lambda W, X: np.mean(X @ W), np.ones((3, 2)), np.ones((4, 3)))
    told = [step.text for step in story.phase("backward")]
    assert told == ["∂L/∂u₁ = ⅛ 1₄ₓ₂", "∂L/∂W = Xᵀ (∂L/∂u₁)"]
    lines = story.derivation("W").section("matrices").lines
    assert lines[0].right == r"\frac{1}{8} \, \underset{4 \times 2}{\mathbf{1}}"


def test_long_sums_below_a_mean() -> None:
    """Dots inside of a sum stay where they are: those terms are not all of it."""
    net = cr.Sequential(cr.Dense(10))
    model = cr.Model(net, "cross_entropy", dtype="float64").build((4,))
    story = cr.explain(model, np.random.default_rng(0).normal(size=(3, 4)), [1, 2, 3])
    step = story.step("loss", "loss")
    parse(step.numbers)
    assert float(step.value) == pytest.approx(story.loss)


def test_categories_become_features() -> None:
    net = cr.Sequential(cr.OneHot((0, 3, 0)), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", dtype="float64").build((3,))
    story = cr.explain(model, [[1.5, 2, 0.2]], [1.0], columns=["size", "town", "age"])
    step = story.phase("forward")[0]
    assert step.sentence == (
        "Side by side: column 1, size, as it is; column 2, town, as 3 features, each 1 for one "
        "category and else 0; column 3, age, as it is."
    )
    assert step.text.endswith("[x[·,1] ∣ [x[·,2] = (0,1,2)] ∣ x[·,3]]")
    many = cr.OneHot((0,) + (2,) * 9)
    wide = cr.Model(cr.Sequential(many, cr.Dense(1)), "mean_squared_error").build((10,))
    told = cr.explain(wide, np.zeros((1, 10)), [1.0]).phase("forward")[0].sentence
    assert told == (
        "Side by side: 1 column as it is, and 9 columns with categories as 18 features of 0 and 1."
    )


# --- the sentences -------------------------------------------------------------------------------


def test_sentences_speak_of_these_numbers() -> None:
    net = cr.Sequential(cr.Dense(3, weight=cr.initializers.fixed(-np.ones((2, 3)))), cr.ReLU())
    net = cr.Sequential(*net.layers, cr.Dense(1))
    model = cr.Model(net, "half_squared_error", dtype="float64").build((2,))
    story = cr.explain(model, [[1.0, 2.0]], [[1.0]])
    assert "3 of 3 entries are where its slope is 0" in story.step("a1", "forward").sentence
    assert "All of it is 0" in story.step("0.weight", "backward").sentence
    story = cr.explain(model, [[-1.0, 0.0]], [[1.0]])
    told = story.step("0.weight", "backward").sentence
    assert "1 input is 0 in every sample: its weights get no gradient" in told
    assert "passes where the input was positive, 3 of 3" in story.step("z1", "backward").sentence


def test_what_moves_most_and_why() -> None:
    model = xor(optimizer=cr.SGD(0.1, momentum=0.9), engine="numpy")
    model.fit(XOR, XOR_TARGETS, epochs=20, batch_size=None, progress=False)
    story = cr.explain(model, XOR, XOR_TARGETS)
    change = {
        step.key: step.value - story.values[step.key]
        for step in story.phase("update")
        if not step.is_memory
    }
    name = max(change, key=lambda key: np.abs(change[key]).max())
    (told,) = [line for line in " ".join(story.text(96).split()).split(". ") if "Of all" in line]
    assert f"({name}) moves most" in told
    for step in story.phase("update"):
        if not step.is_memory:
            moved = change[step.key]
            place = np.unravel_index(np.argmax(np.abs(moved)), moved.shape)
            along = moved[place] * story.gradients[step.key][place] > 0
            assert ("along the slope" in step.sentence) == along


def test_where_a_factor_comes_from() -> None:
    net = cr.Sequential(cr.Dense(2))
    for loss, samples, said in (
        ("mean_squared_error", 3, ", twice: the slope of the square, and over 6 because"),
        ("mean_squared_error", 1, ", twice: the slope of the square, and over 2 because"),
        ("half_squared_error", 3, ", over 3 because the loss is a mean"),
    ):
        model = cr.Model(net, loss, dtype="float64").build((2,))
        story = cr.explain(model, XOR[:samples], np.ones((samples, 2)))
        assert said in story.step("prediction", "backward").sentence


def test_a_bias_before_a_normalisation_learns_nothing() -> None:
    net = cr.Sequential(cr.Dense(3), cr.BatchNorm(), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", dtype="float64").build((2,))
    story = cr.explain(model, XOR + 0.1, XOR_TARGETS, training=True)
    assert "add up to 0 but for rounding" in story.step("0.bias", "backward").sentence
    assert story.step("0.weight", "backward").sentence.count("rounding") == 0
    assert "Each entry of z⁽¹⁾ minus" in " ".join(step.sentence for step in story)


def test_a_branch_is_told() -> None:
    net = cr.Sequential(cr.Dense(2), cr.Residual(cr.Tanh(), cr.Dense(2)), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error", dtype="float64").build((2,))
    story = cr.explain(model, XOR, XOR_TARGETS)
    assert "depends on z⁽¹⁾ in 2 ways" in story.step("z1", "backward").sentence
    chain_rule = story.derivation("0.weight").section("chain rule")
    assert [line.relation for line in chain_rule.lines] == ["=", "+"]


def test_a_vector_of_errors_is_not_a_vector_of_samples() -> None:
    """With one output and no axis for it, δ holds one error for each sample."""

    def loss(p, X, y):
        h = np.tanh(X @ p["W"])
        z = h @ p["w"]
        return np.mean((z - y) ** 2)

    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 3)), "w": rng.normal(size=3)}
    story = cr.explain(loss, params, rng.normal(size=(4, 2)), rng.normal(size=4))
    told = story.step("h", "backward").sentence
    assert told == "The error ∂L/∂z goes back along each weight of w: error times weight."
    lines = story.derivation("W").section("matrices").lines
    assert r"\underset{4 \times 1}{\frac{\partial L}{\partial z}} \, " in lines[1].right
    assert r"{\underset{3 \times 1}{w}}^\top" in lines[1].right or (
        r"\underset{3 \times 1}{w}^\top" in lines[1].right
    )


def test_columns_and_classes_have_names() -> None:
    net = cr.Sequential(cr.Dense(3), cr.Tanh(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.1), dtype="float64").build((2,))
    names = {"columns": ["age", "height"], "classes": ["no", "yes"]}
    story = cr.explain(model, XOR * 1.0, XOR_TARGETS, **names)
    text = story.text(90)
    age, height = XOR[story.sample]
    assert f"sample {story.sample + 1}: age = {age}, height = {height}" in text
    assert "no, yes, yes, no" in text
    assert "These are the logits, no " in story.step("z2", "forward").sentence
    told = [s.sentence for s in story.phase("update") if s.key == "0.weight" and not s.is_memory]
    assert "(from age) moves most" in told[0] or "(from height) moves most" in told[0]
    assert "age = " in story.html()


def test_t_is_the_number_of_this_update() -> None:
    model = xor(optimizer="adam", engine="numpy")
    model.fit(XOR, XOR_TARGETS, epochs=3, batch_size=None, progress=False)
    story = cr.explain(model, XOR, XOR_TARGETS)
    settings = "β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸"
    told = f"the number t of updates, here 4, with {settings}:"
    assert told in " ".join(story.text(80).split())
    step = next(s for s in story.phase("update") if s.key == "0.weight" and not s.is_memory)
    assert "(0.9)ᵗ)" in step.text
    assert "ᵗ⁺¹" not in step.text
    assert "mⁿᵉʷ(W⁽¹⁾)" in step.text
    np.testing.assert_allclose(evaluate(step.numbers), step.value[step.index], rtol=2e-3)


def test_lines_have_no_blanks_at_their_ends() -> None:
    story = cr.explain(chain(), [[0.5]], [[0.6]])
    for text in (
        story.text(80),
        story.text(80, until="loss"),
        story.paths("0.weight", (0, 0)).text(),
    ):
        assert all(line == line.rstrip() for line in text.splitlines())


# --- derivations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_derivation_gives_the_gradient(samples: str) -> None:
    story = cr.explain(xor(), XOR, XOR_TARGETS)
    for name, gradient in story.gradients.items():
        derivation = story.derivation(name, samples=samples, digits=10)
        headings = [section.heading for section in derivation.sections]
        assert headings == ["chain rule", "matrices", "indices", "numbers", "one entry"]
        parse(derivation.latex)
        for line in derivation.section("numbers").lines:
            left, _, right = line.right.rpartition(" = ")
            np.testing.assert_allclose(evaluate(left or right), evaluate(right), atol=1e-8)
        last = evaluate(derivation.section("numbers").lines[-1].right.rpartition(" = ")[2])
        turned = np.atleast_2d(gradient)
        turned = turned.T if samples == "columns" else turned
        np.testing.assert_allclose(last.reshape(turned.shape), turned, atol=1e-9)


def test_rows_and_columns() -> None:
    story = cr.explain(xor(), XOR, XOR_TARGETS)
    rows, columns = (
        [plain(f"{line.left} = {line.right}") for line in d.section("matrices").lines]
        for d in (story.derivation("0.weight"), story.derivation("0.weight", samples="columns"))
    )
    assert rows[-1] == "∂L/∂W⁽¹⁾ = xᵀ δ⁽¹⁾"
    assert columns[-1] == "∂L/∂W⁽¹⁾ = δ⁽¹⁾ xᵀ"
    assert r"\underset{2 \times 4}{x}" in story.latex("0.weight", samples="columns")
    assert r"\underset{4 \times 2}{x}" in story.latex("0.weight")


def test_index_form() -> None:
    lines = cr.explain(xor(), XOR, XOR_TARGETS).derivation("0.weight").section("indices").lines
    shown = [plain(f"{line.left} = {line.right}") for line in lines]
    assert shown == [
        "δ⁽²⁾ₙ = ¼ (ŷₙ − yₙ)",
        "∂L/∂a⁽¹⁾ₙⱼ = δ⁽²⁾ₙ w⁽²⁾ⱼ",
        "δ⁽¹⁾ₙⱼ = ∂L/∂a⁽¹⁾ₙⱼ · σ′(z⁽¹⁾ₙⱼ)",
        "∂L/∂w⁽¹⁾ᵢⱼ = Σₙ xₙᵢ δ⁽¹⁾ₙⱼ",
    ]


# --- paths ---------------------------------------------------------------------------------------


def test_all_paths_add_up() -> None:
    model = xor()
    story = cr.explain(model, XOR, XOR_TARGETS)
    for name, gradient in story.gradients.items():
        for index in np.ndindex(gradient.shape):
            paths = story.paths(name, index)
            assert paths.is_complete
            assert sum(path.value for path in paths) == pytest.approx(gradient[index], abs=1e-15)
            shares = [path.share for path in paths]
            assert shares == sorted(shares, reverse=True)
            assert sum(shares) == pytest.approx(1.0)


def test_the_largest_paths_are_found_without_looking_at_all() -> None:
    """Against all paths of a network that is small enough to list them."""
    net = cr.Sequential(cr.Dense(5), cr.Tanh(), cr.Dense(6), cr.Tanh(), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", dtype="float64").build((4,))
    story = cr.explain(model, [[0.3, -0.2, 0.9, 0.5]], [1])
    everything = story.paths("0.weight", (2, 1), most=10_000)
    assert everything.is_complete
    assert len(everything) == everything.number == 6 * 3
    best = story.paths("0.weight", (2, 1), most=4)
    assert not best.is_complete
    assert [p.value for p in best] == pytest.approx([p.value for p in everything[:4]])
    by_hand = sorted((abs(np.prod([f.value for f in p.factors])) for p in everything), reverse=True)
    assert [abs(p.value) for p in everything] == pytest.approx(by_hand)


def test_paths_that_cancel_and_paths_that_end() -> None:
    story = cr.explain(xor(), XOR, XOR_TARGETS)
    paths = story.paths("0.weight", (1, 2))
    assert paths.absolute > abs(paths.gradient)
    assert "The paths cancel" in paths.text()
    dead = cr.Sequential(
        cr.Dense(1, weight=cr.initializers.fixed([[-1.0]])), cr.ReLU(), cr.Dense(1)
    )
    model = cr.Model(dead, "half_squared_error", dtype="float64").build((1,))
    none = cr.explain(model, [[1.0]], [[1.0]]).paths("0.weight", (0, 0))
    assert (none.number, len(none), none.gradient) == (0, 0, 0.0)
    assert "does not reach the loss" in none.text()


def test_a_large_network_is_explained_by_its_largest_paths() -> None:
    net = cr.Sequential(cr.Dense(512), cr.ReLU(), cr.Dense(512), cr.ReLU(), cr.Dense(10))
    model = cr.Model(net, "cross_entropy").build((784,))
    x = np.random.default_rng(0).uniform(size=(1, 784))
    story = cr.explain(model, x, [3])
    text = story.text(80)
    paths = story.paths("0.weight", (100, 7))
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) < 280
    assert len(paths) == 10
    assert paths.number > 1000
    gradient = story.gradients["0.weight"][100, 7]
    assert paths.gradient == pytest.approx(gradient, abs=1e-6 * paths.absolute)


# --- the terminal --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 96])
def test_lines_fit(width: int) -> None:
    for story in (cr.explain(chain(), [[0.5]], [[0.6]]), cr.explain(xor(), XOR, XOR_TARGETS)):
        assert max(map(len, story.text(width).splitlines())) <= width


def test_before_the_backward_pass_gradients_are_not_there() -> None:
    story = cr.explain(chain(), [[0.5]], [[0.6]])
    before = story.text(80, until="loss")
    assert before.count(NOT_YET) == 4
    assert "Backward" not in before
    assert NOT_YET not in story.text(80)


def test_the_state_between_steps() -> None:
    story = cr.explain(chain(), [[0.5]], [[0.6]])
    first, last = story.state(0), story.state(-1)
    assert first["0.weight"].value.item() == 0.4
    assert (first["z1"].value, first["0.weight"].gradient) == (NOT_YET, NOT_YET)
    assert last["0.weight"].updated.item() == pytest.approx(0.4008348)
    forward = [step.phase for step in story].index("backward")
    between = story.state(forward)
    assert between["loss"].value.item() == pytest.approx(story.loss)
    assert all(isinstance(state.gradient, str) for state in between.values())
    assert not isinstance(story.state(forward + 1)["prediction"].gradient, str)


def test_notebooks_show_it() -> None:
    shown = cr.explain(chain(), [[0.5]], [[0.6]])._repr_html_()
    assert shown.startswith("<iframe")
    assert "δ⁽¹⁾" in shown
    assert repr(cr.explain(chain(), [[0.5]], [[0.6]])).startswith("<Story of Dense(units=1)")


def test_what_is_not_finite_is_shown_as_it_is() -> None:
    with np.errstate(all="ignore"):
        story = cr.explain(lambda w: np.sum(np.log(w - w) * w), np.array([1.0, 2.0]))
        assert "∞" in story.text(80) or "NaN" in story.text(80)


# --- bad input -----------------------------------------------------------------------------------


def test_too_many_samples_for_paths() -> None:
    """They meet in the statistics of the batch, so that each depends on each other one."""
    net = cr.Sequential(cr.Dense(64), cr.BatchNorm(), cr.Dense(64), cr.Tanh(), cr.Dense(1))
    model = cr.Model(net, "mean_squared_error").build((4,))
    x = np.random.default_rng(0).normal(size=(4000, 4))
    story = cr.explain(model, x, np.ones(4000), training=True)
    with pytest.raises(SettingError, match="explain fewer samples"):
        story.paths("0.weight", (0, 0))


def test_bad_input_is_one_sentence() -> None:
    model, story = xor(), cr.explain(xor(), XOR, XOR_TARGETS)
    by_hand = cr.explain(lambda w: w**2, 0.5)
    cases = [
        (lambda: cr.explain(model), SettingError, r"explain\(model, X, y\)"),
        (lambda: cr.explain(cr.Dense(2), XOR), SettingError, "not Dense; wrap a network"),
        (lambda: cr.explain(lambda w: w * 2, np.ones(2)), SettingError, "shape .2,.; take its sum"),
        (lambda: cr.explain(lambda w: (w, w), 1.0), SettingError, "returns 2 values"),
        (lambda: cr.explain(np.sum, np.ones(2), wrt=3), SettingError, "wrt=3 names no argument"),
        (lambda: cr.explain(lambda n: 1.0 * n, 3), SettingError, "no floating-point number"),
        (lambda: story.paths("0.weight", (9, 9)), SettingError, r"\(9, 9\) is no entry"),
        (lambda: story.paths("0.weigth", (0, 0)), UnknownNameError, "did you mean '0.weight'"),
        (lambda: story.latex("x"), SettingError, "does not depend on x"),
        (lambda: story.latex("0.weight", samples="rwos"), SettingError, "'rows' or 'columns'"),
        (lambda: story.values["z9"], UnknownNameError, "there is no quantity 'z9'"),
        (lambda: story.step("z1", "loss"), UnknownNameError, "there is no loss step 'z1'"),
        (lambda: story.step("z1", "fwd"), UnknownNameError, "there is no phase 'fwd'"),
        (lambda: story.phase("first"), UnknownNameError, "'backward', 'forward', 'given'"),
        (lambda: story.text(until="end"), UnknownNameError, "there is no phase 'end'"),
        (lambda: by_hand.step("w", "update"), UnknownNameError, "'w'; there are none"),
        (lambda: story.svg(after=999), SettingError, "after=999 is no moment of this story"),
        (lambda: story.svg(after="end"), SettingError, "after='end' is no moment"),
        (lambda: story.state(-99), SettingError, "after=-99 is no moment"),
        (lambda: story.paths("0.weight", (0, 0), most="all"), SettingError, "most='all' is no num"),
        (lambda: story.paths("0.weight", (0, 0), most=0), SettingError, "most=0 is no number"),
        (lambda: story.paths("0.weight", "00"), SettingError, "no entry of 0.weight"),
        (lambda: story.latex("0.weight", 1.5), SettingError, "no entry of 0.weight"),
        (lambda: story.html("/no/such/folder/x.html"), FileError, "cannot write '/no/such/folder/"),
        (lambda: story.html("/"), FileError, "it is a folder"),
        (lambda: story.quantity("weight"), UnknownNameError, "'0.weight' or '2.weight'"),
        (lambda: story.quantity("dW1"), UnknownNameError, "did you mean 'W1'"),
        (
            lambda: cr.explain(model, XOR, XOR_TARGETS, columns=["a"]),
            SettingError,
            "2 columns of X",
        ),
        (lambda: cr.explain(model, XOR, XOR_TARGETS, classes="ab"), SettingError, "the 2 classes"),
    ]
    for call, kind, message in cases:
        with pytest.raises(kind, match=message):
            call()
    unbuilt = cr.Model(cr.Dense(2), "mean_squared_error")
    with pytest.raises(SettingError, match="no parameters yet"):
        cr.explain(unbuilt, XOR, XOR)
    with pytest.raises((ShapeError, ValueError), match="target"):
        cr.explain(model, XOR, np.ones((3, 1)))
