"""What a page says of any weight: its update and its gradient, with the numbers in them."""

import json
import re
from dataclasses import fields

import numpy as np
import pytest
from latex_numbers import evaluate
from pages import STORIES

import chainrule as cr
from chainrule.explaining.normalising import statistic
from chainrule.explaining.page import weights, worked
from chainrule.explaining.page.shares import shares
from chainrule.explaining.silent import silent
from chainrule.optimizers import OPTIMIZERS
from chainrule.tex import figure, plain

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
PLACE = re.compile(r"\\text\{@(\d+)\}")


def trained(optimizer, *layers) -> cr.explaining.story.Story:
    net = cr.Sequential(*(layers or (cr.Dense(4), cr.Tanh(), cr.Dense(2))))
    model = cr.Model(net, "half_squared_error", optimizer, dtype="float64", seed=1)
    model.fit(X, Y, epochs=2, batch_size=3)
    return cr.explain(model, X, Y)


def optimizers():
    """Every optimizer as it comes, and with each of its switches and other settings turned on."""
    for name, row in OPTIMIZERS.items():
        own = {field.name: field.default for field in fields(row)}
        yield pytest.param(row(0.01), id=name)
        for setting, value in (("clip_norm", 0.01), ("weight_decay", 0.1), ("momentum", 0.9)):
            if setting in own:
                yield pytest.param(row(0.01, **{setting: value}), id=f"{name}-{setting}")
        for setting in ("amsgrad", "centered"):
            if setting in own:
                yield pytest.param(row(0.01, **{setting: True}), id=f"{name}-{setting}")


@pytest.mark.parametrize("optimizer", list(optimizers()))
def test_every_optimizers_update_is_worked_out_for_every_weight(optimizer) -> None:
    """The numbers of any weight put into the formula give its new value, and its new memory."""
    story = trained(optimizer)
    record, quantity = story.record, story.quantity("0.weight")
    found = worked.worked_update(story, quantity)
    values = story.values["0.weight"]
    after = record.value(record.updates["0.weight"])
    known = [None, values, story.gradients["0.weight"], None, after, after - values, None]
    for slot in worked.memory_of(story, quantity):
        known += [record.value(slot.before), record.value(slot.after)]
    known += found.extras
    formulas, results = [], []
    for _, right in found.lines:
        whole = PLACE.fullmatch(right)
        if whole is not None:
            results.append(known[int(whole[1])])
        elif PLACE.search(right):
            formulas.append(right)
    assert len(formulas) == len(results) - 1 >= 1  # and what the weight moves by
    assert results[-2] is after
    step = np.abs(after - values).max()
    for formula, result in zip(formulas, results, strict=False):
        for index in ((0, 0), (2, 3), (1, 2)):
            filled = PLACE.sub(lambda m, at=index: f"{{({known[int(m[1])][at]:.17f})}}", formula)
            size = step if result is after else np.abs(result).max()
            assert evaluate(filled).item() == pytest.approx(result[index], rel=0, abs=2e-3 * size)


def page_data(story) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', story.html(), re.DOTALL)[1])


def test_a_gradient_is_written_as_the_sum_that_it_is() -> None:
    story = STORIES["classes"]()
    for key, held in page_data(story)["entries"].items():
        for place, entry in held["of"].items():
            added = entry[worked.SUM]
            assert added
            gradient = story.gradients[key].flat[int(place)]
            terms = added.replace("−", "-").replace("·", "*").replace(" 10⁻", "1e-")
            found = evaluate(terms.replace("*", r"\cdot")).item()
            assert found == pytest.approx(gradient, abs=2e-3 * np.abs(story.gradients[key]).max())


def test_columns_have_their_lengths() -> None:
    story = STORIES["xor"]()
    held = page_data(story)["entries"]["0.weight"]
    arrays = story.values["0.weight"], story.gradients["0.weight"]
    expected = [[figure(np.linalg.norm(a[:, k])) for a in arrays] for k in range(4)]
    assert held["columns"] == expected
    assert weights.MOST_COLUMNS >= 100


def test_a_units_largest_path_has_its_product_and_its_share() -> None:
    """By hand, of a small network: all products of slopes from an input's unit to the loss."""
    story = STORIES["two_outputs"]()
    units = page_data(story)["units"][str(story.sample)]
    first, second = story.values["a1"][0], story.values["prediction"][0]
    slope = story.gradients["prediction"][0] * second * (1 - second)
    paths = story.values["2.weight"] * slope  # (unit, output)
    for unit in range(len(first)):
        products = paths[unit]
        largest = products[np.argmax(np.abs(products))]
        whole, absolute = products.sum(), np.abs(products).sum()
        told = units["a1"]["of"][str(unit)][6]
        assert told == [[figure(largest, 6)], *shares(largest, whole, absolute)]
        assert told[1] == [f"{abs(largest) / absolute:.1%}", figure(absolute)]


def test_a_path_of_the_other_sign_is_outweighed() -> None:
    assert shares(2.0, -1.0, 5.0) == [["40.0%", "5"], ["80%"], ["-"]]
    assert shares(2.0, 4.0, 5.0) == [["40.0%", "5"], []]
    assert shares(0.0, 0.0, 0.0) == []


# --- normalisations ------------------------------------------------------------------------------


def test_a_standard_deviation_is_called_so() -> None:
    story = trained(cr.SGD(0.1), cr.Dense(4), cr.LayerNorm(), cr.Dense(2))
    told = {plain(step.symbol): step for step in story.phase("forward")}
    means = story.values["z1"].mean(axis=1)
    assert f"The means: {', '.join(map(figure, means))}." in told["u₁"].sentence
    assert told["s₁"].sentence.startswith("The standard deviation of each row of z⁽¹⁾")
    assert np.allclose(told["s₁"].value[:, 0], story.values["z1"].std(axis=1), atol=1e-4)
    assert told["u₂"].sentence.endswith("the standard deviation of its row.")


@pytest.mark.parametrize(
    ("centre", "name", "of"),
    [(True, "standard deviation", "z"), (False, "root mean square", "c")],
)
def test_what_has_no_mean_subtracted_is_no_deviation(centre, name: str, of: str) -> None:
    def scaled(w, x):
        z = x @ w
        mu = np.mean(z, axis=0) if centre else np.max(z, axis=0)
        c = z - mu
        size = np.sqrt(np.mean(c * c, axis=0) + 0.001)
        y = c / size
        return np.mean(np.exp(y))

    story = cr.explain(scaled, RNG.normal(size=(3, 2)), X)
    found = [statistic(story, step.expression) for step in story.phase("forward")]
    roots = [one for one in found if one is not None and "0.001 is added" in one.told]
    assert [(one.name, one.kept, one.of) for one in roots] == [(name, "column", of)]


# --- what the loss applies itself, and what is 0 -------------------------------------------------


def test_logits_are_called_logits_and_their_softmax_stands_by_the_loss() -> None:
    story = STORIES["classes"]()
    last, loss = story.phase("forward")[-1], story.phase("loss")[-1]
    assert "These are the logits, " in last.sentence
    assert "This is the answer" not in last.sentence
    logits = last.value[story.sample]
    shown = np.exp(logits) / np.exp(logits).sum()
    assert f"of sample {story.sample + 1} is {', '.join(map(figure, shown))}." in loss.sentence
    assert "one row a sample" in story.html()
    assert "logits" not in STORIES["two_outputs"]().html()


def test_silent_units_are_named_and_counted() -> None:
    net = cr.Sequential(cr.Dense(3), cr.ReLU(), cr.Dense(2))
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64", seed=0).build((3,))
    model.set_params({"0.bias": [9.0, -99.0, 0.0]})
    told = silent(cr.explain(model, X, Y))
    assert told.startswith("1 unit is silent, 0 for all samples: unit 2 of a⁽¹⁾. ")
    assert "6 of the 20 gradients of parameters are exactly 0: 3 in W⁽¹⁾, 1 in b⁽¹⁾, 2" in told
    model.set_params({"0.bias": [9.0, 0.0, 0.0]})
    story = cr.explain(model, X, Y)
    assert (story.values["a1"] == 0).any()
    told = silent(story)
    assert told == (
        "No unit is silent: none is 0 for all samples. "
        "None of the gradients of the 20 parameters is exactly 0."
    )
    assert told in story.html()
