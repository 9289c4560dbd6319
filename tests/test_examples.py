"""The systems of the literature that the examples show, held to their known numbers.

Numbers are written with all the digits that are known, and compared to half a unit of the last.
"""

import importlib
import io
import pkgutil
from functools import cache

import numpy as np
import pytest
from rich.console import Console

import chainrule as cr
from chainrule import examples
from chainrule.examples import (
    chain_1_1_1,
    cross_entropy_2_2_1,
    forward_2_2_1,
    mazur_2_2_2,
    neuron,
    perceptron,
    xor_2_4_1,
    xor_fifty_starts,
)

NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(examples.__path__)
    if not module.name.startswith("_")
)
FIFTY, FULL_BATCH, BATCHES = (
    cache(xor_fifty_starts.train),
    cache(xor_2_4_1.full_batch),
    cache(xor_2_4_1.batches),
)


@pytest.fixture(autouse=True)
def _long_trainings_run_once(monkeypatch):
    monkeypatch.setattr(xor_fifty_starts, "train", FIFTY)
    monkeypatch.setattr(xor_2_4_1, "full_batch", FULL_BATCH)
    monkeypatch.setattr(xor_2_4_1, "batches", BATCHES)


def agree(actual, expected, digits=8):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=0.51 * 10.0**-digits)


def page(name, folder):
    """What an example prints on 80 columns."""
    text = io.StringIO()
    console = Console(file=text, width=80, highlight=False, markup=False)
    importlib.import_module(f"chainrule.examples.{name}").run(console, folder)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_example_prints_a_page_that_fits_and_saves_its_figures(name, tmp_path):
    text = page(name, tmp_path)
    title = importlib.import_module(f"chainrule.examples.{name}").TITLE
    assert text.strip().startswith(title)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text  # no column is cut off
    assert "nan" not in text
    figures = sorted(path.name for path in tmp_path.iterdir())
    assert figures
    for figure in figures:
        assert (tmp_path / figure).read_bytes().startswith(b"\x89PNG")
        assert str(tmp_path / figure) in "".join(text.split())  # long paths are wrapped


@pytest.mark.parametrize("name", NAMES)
def test_an_example_draws_nothing_without_a_folder(name, monkeypatch):
    module = importlib.import_module(f"chainrule.examples.{name}")
    if hasattr(module, "figure"):
        monkeypatch.setattr(module, "figure", lambda *_: pytest.fail("a figure was drawn"))
    assert "figure" not in page(name, None)


def test_every_example_has_its_place_in_the_list():
    assert sorted(examples.ORDER) == NAMES


def test_titles_fit_beside_the_names_on_eighty_columns():
    width = max(map(len, NAMES)) + 6
    for name in NAMES:
        assert len(importlib.import_module(f"chainrule.examples.{name}").TITLE) + width <= 80


# --- one neuron ----------------------------------------------------------------------------------


def test_the_factors_of_the_neuron_multiply_to_its_gradient():
    found = neuron.gradient(neuron.START)
    for name, factors in neuron.factors(neuron.START).items():
        agree(found[name], np.prod(factors), digits=15)


def test_the_neuron_agrees_with_differences():
    h = 1e-6
    for name, place in (("w₁", 0), ("w₂", 1)):
        nudge = h * np.eye(2)[place]
        up, down = ({**neuron.START, "w": neuron.START["w"] + d} for d in (nudge, -nudge))
        slope = np.subtract(*[neuron.error(p, neuron.X, neuron.TARGET) for p in (up, down)])
        agree(neuron.gradient(neuron.START)[name], slope / (2 * h), digits=9)


def test_the_neuron_learns_its_target():
    params, errors = neuron.train()
    assert np.all(np.diff(errors) < 0)
    agree(errors[0], 0.105839, digits=6)
    assert abs(neuron.output(params, neuron.X) - neuron.TARGET) < 0.06


# --- the perceptron ------------------------------------------------------------------------------


def rosenblatt(answers):
    """The rule as it was published, without any gradient."""
    weights, mistakes = np.zeros(3), 0
    for _ in range(perceptron.MOST_ROUNDS):
        before = mistakes
        for x, answer in zip(perceptron.X, answers, strict=True):
            if answer * (weights[:2] @ x + weights[2]) <= 0:
                weights += answer * np.array([*x, 1.0])
                mistakes += 1
        if mistakes == before:
            return weights, mistakes, True
    return weights, mistakes, False


@pytest.mark.parametrize("task", perceptron.ANSWERS)
def test_descending_the_criterion_is_rosenblatts_rule(task):
    answers = perceptron.ANSWERS[task]
    found = perceptron.learn(answers)
    weights, mistakes, learned = rosenblatt(answers)
    assert (len(found.mistakes), found.learned) == (mistakes, learned)
    w, b = found.weights
    assert [*w, b] == weights.tolist()


def test_the_perceptron_learns_and_and_or_and_goes_in_circles_on_xor():
    found = {name: perceptron.learn(answers) for name, answers in perceptron.ANSWERS.items()}
    assert {name: one.learned for name, one in found.items()} == {
        "AND": True,
        "OR": True,
        "XOR": False,
    }
    assert perceptron.cycle(found["AND"]) == 0
    assert perceptron.cycle(found["XOR"]) == 4


def test_the_number_of_mistakes_has_no_slope():
    weights = (np.array([1.0, -1.0]), np.array(0.5))
    w, b = cr.grad(perceptron.mistake)(weights, perceptron.X[3], -1.0)
    assert [*w, b] == [0, 0, 0]


# --- 1-1-1 ---------------------------------------------------------------------------------------

TABLE_1_1_1 = """\
Epoch 0, Loss: 0.0259, Output: 0.3723
Epoch 5, Loss: 0.0062, Output: 0.4891
Epoch 10, Loss: 0.0015, Output: 0.5460
Epoch 15, Loss: 0.0003, Output: 0.5738
Epoch 20, Loss: 0.0001, Output: 0.5873
Epoch 25, Loss: 0.0000, Output: 0.5938
Epoch 30, Loss: 0.0000, Output: 0.5970
Epoch 35, Loss: 0.0000, Output: 0.5985
Epoch 40, Loss: 0.0000, Output: 0.5993
Epoch 45, Loss: 0.0000, Output: 0.5997
Epoch 50, Loss: 0.0000, Output: 0.5998
Epoch 55, Loss: 0.0000, Output: 0.5999"""


def test_the_first_gradient_of_1_1_1():
    agree(chain_1_1_1.hidden() * (1 - chain_1_1_1.hidden()), 0.24445831)
    model = chain_1_1_1.network()
    found = model.gradients(chain_1_1_1.X, chain_1_1_1.TARGET)
    slopes = chain_1_1_1.scalars(found)
    agree(
        [slopes[name] for name in ("w1", "b1", "w2", "b2")],
        [-0.00834827, -0.01669655, -0.13078175, -0.22766724],
    )
    agree(model.evaluate(chain_1_1_1.X, chain_1_1_1.TARGET)["loss"], 0.02591619)


def test_the_sixty_epochs_of_1_1_1():
    found = chain_1_1_1.train()
    lines = [f"Epoch {e}, Loss: {loss}, Output: {output}" for e, loss, output in found.table]
    assert "\n".join(lines) == TABLE_1_1_1
    params = chain_1_1_1.scalars(found.model.params)
    assert {name: f"{value:.8f}" for name, value in params.items()} == {
        "w1": "0.40715390",
        "b1": "0.11430780",
        "w2": "0.39781199",
        "b2": "0.36970390",
    }
    assert [f"{value:.4f}" for value in params.values()] == ["0.4072", "0.1143", "0.3978", "0.3697"]
    assert f"{found.outputs[-1]:.8f}" == "0.59996093"
    assert f"{found.history.loss[59]:.5e}" == "1.01937e-09"
    assert f"{found.history.gradient_norm[0]:.8f}" == "0.26321988"
    assert f"{found.history.gradient_norm[59]:.5e}" == "5.23996e-05"


def test_the_page_of_1_1_1_shows_the_table(tmp_path):
    text = page("chain_1_1_1", None)
    for epoch, loss, output in chain_1_1_1.train().table:
        assert f"{epoch:<5}   {loss}   {output}" in text


def test_the_figure_of_1_1_1_is_twelve_by_five_inches():
    figure = chain_1_1_1.train().history.plot()
    assert tuple(figure.get_size_inches()) == (12, 5)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Gradient norm"]


# --- 2-2-1, cross-entropy ------------------------------------------------------------------------

TRUE_2_2_1 = {
    "w1": [[-0.01681304, -0.00336261], [-0.00813441, -0.00162688]],
    "b1": [[-0.03362607], [-0.01626883]],
    "w2": [[-0.19529432, -0.21019925]],
    "b2": [[-0.3428946]],
}
MISTAKEN_2_2_1 = {
    "w1": [[-0.00378828, -0.00075766], [-0.00183283, -0.00036657]],
    "b1": [[-0.00757656], [-0.00366566]],
    "w2": [[-0.04400331, -0.04736165]],
    "b2": [[-0.07726029]],
}


def test_the_forward_pass_of_2_2_1_with_cross_entropy():
    e = cross_entropy_2_2_1
    a1, y_hat = e.forward(e.START, e.X)
    agree(a1[:, 0], [0.56954622, 0.61301418])
    agree(y_hat.item(), 0.6571054, digits=7)
    agree(e.cross_entropy(e.START, e.X, e.Y), 0.4199108457, digits=10)


@pytest.mark.parametrize("name", TRUE_2_2_1)
def test_the_gradients_of_2_2_1_with_cross_entropy(name):
    e = cross_entropy_2_2_1
    agree(e.true_gradient()[name], TRUE_2_2_1[name])
    agree(e.backward_by_hand(e.START, e.X, e.Y, factors=0)[name], TRUE_2_2_1[name])
    agree(e.backward_by_hand(e.START, e.X, e.Y, factors=1)[name], MISTAKEN_2_2_1[name])
    agree(e.gradient_of_another_loss()[name], MISTAKEN_2_2_1[name])


def test_the_next_loss_of_2_2_1_with_cross_entropy():
    e = cross_entropy_2_2_1
    agree(e.loss_after(e.true_gradient()), 0.4001222005, digits=10)
    mistaken = e.backward_by_hand(e.START, e.X, e.Y, factors=1)
    agree(e.loss_after(mistaken), 0.4153863495, digits=10)


def test_a_model_of_rows_agrees_with_the_columns():
    """The same network as layers, whose samples are rows and whose weights are transposed."""
    e = cross_entropy_2_2_1
    net = cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, "binary_cross_entropy", cr.SGD(e.RATE), dtype="float64").build((2,))
    names = {"w1": "0.weight", "b1": "0.bias", "w2": "2.weight", "b2": "2.bias"}
    shapes = {name: array.shape for name, array in model.params.items()}
    model.set_params({names[n]: array.T.reshape(shapes[names[n]]) for n, array in e.START.items()})
    found = model.gradients(e.X.T, e.Y.T)
    for name, expected in TRUE_2_2_1.items():
        agree(found[names[name]], np.transpose(expected).reshape(shapes[names[name]]))
    model.fit(e.X.T, e.Y.T, epochs=1, progress=False)
    agree(model.evaluate(e.X.T, e.Y.T)["loss"], 0.4001222005, digits=10)


# --- 2-2-1, forward ------------------------------------------------------------------------------


def test_the_forward_pass_of_2_2_1():
    *_, (_, a2) = forward_2_2_1.forward()
    agree(a2, [[0.78257981]])
    for loss in forward_2_2_1.LOSSES:
        agree(forward_2_2_1.network(loss).predict(forward_2_2_1.X), [[0.78257981]])


def test_one_backward_pass_belongs_to_one_of_two_losses():
    squared, entropy = forward_2_2_1.gradients().values()
    agree(squared["2.weight"][:, 0], [-0.02079702, -0.02413803])
    agree(squared["0.weight"], [[-0.0031869, -0.0037747], [-0.00063738, -0.00075494]])
    agree(entropy["2.weight"][:, 0], [-0.12222852, -0.14186438])
    agree(entropy["0.weight"], [[-0.01873008, -0.02218472], [-0.00374602, -0.00443694]])
    for name, slope in squared.items():
        agree(entropy[name] / slope, np.full(slope.shape, 5.87721379))


def test_one_step_of_2_2_1():
    params = forward_2_2_1.after_one_step("binary_cross_entropy")
    agree(params["2.weight"][:, 0], [0.7122229, 0.9141864], digits=7)
    agree(params["0.bias"], [0.10374602, 0.20443694])
    agree(params["2.bias"], [0.32174202])


# --- XOR from fifty starts -----------------------------------------------------------------------


def test_thirty_six_of_fifty_starts_learn_xor():
    runs = FIFTY(xor_fifty_starts.cross_entropy)
    assert runs.solved.sum() == 36
    assert not runs.solved[42]
    legend = xor_fifty_starts.figure(runs).axes[0].get_legend().get_texts()
    assert [line.get_text() for line in legend] == ["learned: 36", "not learned: 14"]


@pytest.mark.parametrize(
    ("loss", "outputs", "digits"),
    [
        ("cross_entropy", [0.0017714, 0.49921246, 0.99838246, 0.50066478], 8),
        ("half_squared_error", [0.0523, 0.4954, 0.9528, 0.5029], 4),
    ],
)
def test_the_seed_42_is_stuck(loss, outputs, digits):
    found = FIFTY(getattr(xor_fifty_starts, loss)).outputs[42]
    agree(found, outputs, digits)
    if loss == "cross_entropy":
        agree(np.mean((found - xor_fifty_starts.Y[:, 0]) ** 2), 0.125365, digits=6)


def test_training_all_starts_at_once_is_training_each_alone():
    seed, y = 42, xor_fifty_starts.Y
    params = xor_fifty_starts.start(seed)
    slope = cr.compile(cr.grad(xor_fifty_starts.cross_entropy))
    for _ in range(50):
        slopes = slope(params, xor_fifty_starts.X, y)
        params = tuple(p - xor_fifty_starts.RATE * g for p, g in zip(params, slopes, strict=True))
    loss = xor_fifty_starts.cross_entropy(params, xor_fifty_starts.X, y)
    together = FIFTY(xor_fifty_starts.cross_entropy).losses[50, seed]
    agree(together, loss, digits=12)


# --- XOR, 2-4-1 ----------------------------------------------------------------------------------


def test_xor_without_biases_from_the_seed_0():
    agree(FULL_BATCH(), [0.11875, 0.90473, 0.89750, 0.08751], digits=5)


def test_thirty_of_thirty_starts_learn_xor_without_biases():
    def output(params):
        hidden = 1 / (1 + np.exp(-xor_2_4_1.X @ params[0]))
        return 1 / (1 + np.exp(-hidden @ params[1]))

    def loss(params):
        return np.sum(0.5 * (output(params)[:, 0] - xor_2_4_1.Y) ** 2)

    def step(params, data):
        slopes = cr.vmap(cr.grad(loss))(params)
        return tuple(p - 0.1 * slope for p, slope in zip(params, slopes, strict=True)), None

    generators = [np.random.RandomState(seed) for seed in range(30)]
    start = [(g.uniform(size=(2, 4)), g.uniform(size=(4, 1))) for g in generators]
    start = tuple(np.stack(arrays) for arrays in zip(*start, strict=True))
    params, _ = cr.run(step, start, np.zeros(1), 10_000)
    errors = np.abs(cr.vmap(output)(params)[..., 0] - xor_2_4_1.Y)
    assert np.all(errors < 0.5)
    agree(errors.max(), 0.408, digits=3)
    agree(errors[0], np.abs(FULL_BATCH() - xor_2_4_1.Y), digits=8)


def test_smaller_batches_make_more_steps():
    found = {one.batch_size: one for one in BATCHES()}
    assert {size: one.steps for size, one in found.items()} == {4: 2500, 2: 5000, 1: 10_000}
    losses = [found[size].history.loss[-1] for size in (4, 2, 1)]
    assert losses == sorted(losses, reverse=True)
    for one in found.values():
        assert np.all(np.abs(one.outputs - xor_2_4_1.Y) < 0.5)


# --- Mazur ---------------------------------------------------------------------------------------


def test_one_step_of_mazurs_network():
    e = mazur_2_2_2
    agree(e.error(e.START, e.X, e.TARGET), 0.29837111)
    after, _ = e.train(1)
    named = e.named(after)
    agree(
        [named[f"w{place}"] for place in range(1, 9)],
        # the published values of w2 … w4 and w6 … w8
        [
            *(0.14978072, 0.19956143, 0.24975114, 0.29950229),
            *(0.35891648, 0.408666186, 0.511301270, 0.561370121),
        ],
    )
    agree(e.error(after, e.X, e.TARGET), 0.29102777)


def test_ten_thousand_steps_of_mazurs_network():
    """The published error after 10,000 rounds is that of the last forward pass."""
    assert f"{mazur_2_2_2.train(10_000)[1][-1]:.10f}" == "0.0000351085"
