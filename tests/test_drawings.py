"""Drawings and pages of a story: well formed, nothing overlaps, nothing is claimed too early."""

from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from re import findall
from xml.etree import ElementTree

import numpy as np
import pytest
from pages import STORIES
from random_stories import network

import chainrule as cr
from chainrule.errors import UnknownNameError
from chainrule.explaining.changes import most_moved
from chainrule.explaining.differences import differences
from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.drawing import KINDS, draw, heat
from chainrule.explaining.drawing.canvas import width_of
from chainrule.explaining.drawing.layers import flowing
from chainrule.explaining.page.nudges import OFFSETS, chosen_weights, nudge
from chainrule.explaining.samples import samples
from chainrule.explaining.story import NOT_YET, Story
from chainrule.tex import mathml

SVG = "{http://www.w3.org/2000/svg}"
story_of = cache(lambda name: STORIES[name]())
page_of = cache(lambda name: story_of(name).html())

# From random layers of every kind.
SEEDS = range(10)


def random_story(seed: int) -> Story:
    found = network(np.random.default_rng(seed))
    return cr.explain(found.model, found.x, found.y, training=found.training)


def moments(story: Story) -> list[int]:
    """Before everything, before the backward pass, and at the end."""
    before = len(story.steps) - len(story.phase("backward")) - len(story.phase("update"))
    return [0, before, len(story.steps)]


def check_drawing(story: Story, kind: str, after: int) -> None:
    canvas = draw(story, kind, after)
    for one, other in combinations(canvas.labels, 2):
        assert not one.box.overlaps(other.box), (one.texts, other.texts)
    root = ElementTree.fromstring(canvas.svg(""))
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text
    left, top, wide, high = map(float, root.get("viewBox").split())
    for label in canvas.labels:
        assert left <= label.box.left
        assert label.box.right <= left + wide
        assert top <= label.box.top
        assert label.box.bottom <= top + high
    for element in root.iter():
        if element.get("tabindex") is not None:  # whatever takes the focus says what it is
            assert element.get("aria-label")
            assert element.get("role") in ("img", "button")


# --- drawings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORIES)
def test_labels_have_room_of_their_own(name: str, kind: str) -> None:
    story = story_of(name)
    for after in moments(story):
        check_drawing(story, kind, after)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_network_can_be_drawn(seed: int) -> None:
    story = random_story(seed)
    for kind in KINDS:
        check_drawing(story, kind, len(story.steps))
    check_page(story.html())


@pytest.mark.parametrize("kind", KINDS)
def test_before_the_backward_pass_no_gradient_has_a_value(kind: str) -> None:
    story = story_of("xor")
    _, before, end = moments(story)
    early, late = story.svg(kind, before), story.svg(kind, end)
    assert NOT_YET in early
    assert NOT_YET not in [e.text for e in ElementTree.fromstring(late).iter(f"{SVG}text")]
    for element in ElementTree.fromstring(early).iter(f"{SVG}text"):
        if "gradient" in element.get("class") and element.get("data-step"):
            assert (element.text or NOT_YET).endswith(NOT_YET)
    shown = story.state(before)
    assert {state.gradient for key, state in shown.items() if isinstance(state.gradient, str)} == {
        NOT_YET
    }


def test_units_show_the_numbers_of_the_story() -> None:
    story = story_of("xor")
    root = ElementTree.fromstring(story.svg())
    told = {element.text for element in root.iter(f"{SVG}text")}
    sample = story.phase("forward")[0].index[0]
    for unit in range(4):
        value = f"{story.values['a1'][sample, unit]:.4g}".replace("-", "−")
        assert any(text.startswith(f"a⁽¹⁾{'₁₂₃₄'[unit]} {value}") for text in told)
    weights = [element.get("data-weight") for element in root.iter(f"{SVG}g")]
    assert sum(weight is not None for weight in weights) == 2 * 4 + 4 + 4 + 1
    thickest = max(
        (e for e in root.iter(f"{SVG}path") if e.get("data-weights")),
        key=lambda e: float(e.get("data-weights").split(",")[0]),
    )
    values = np.concatenate([story.values[k].ravel() for k in story.gradients])
    sign = int(thickest.get("data-weights").split(",")[1])
    assert sign == np.sign(values[np.argmax(np.abs(values))])


def test_the_single_neuron_is_taken_apart() -> None:
    """Inputs, weights, the bias as a node, the sum, the function, output, target, and back."""
    story = story_of("neuron")
    root = ElementTree.fromstring(story.svg())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for sign in ("x₁", "x₂", "b⁽¹⁾", "Σ", "σ", "L", "y"):
        assert sign in texts
    for name in ("w⁽¹⁾₁", "w⁽¹⁾₂", "ŷ", "z⁽¹⁾", "target", "∂L/∂w⁽¹⁾₁", "∂L/∂b⁽¹⁾", "δ⁽¹⁾", "∂L/∂ŷ"):
        assert any(text.startswith(f"{name} ") for text in texts), name
    assert sum(e.get("class") == "back" for e in root.iter(f"{SVG}path")) == 5


def test_large_networks_are_drawn_by_layers() -> None:
    assert story_of("digits").svg() == story_of("digits").svg("layers")
    assert story_of("xor").svg() != story_of("xor").svg("layers")


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError, match="layers"):
        story_of("chain").svg("layer")


def test_room_is_never_less_than_a_font_needs() -> None:
    """Against the widths of DejaVu Sans, the widest of the usual fonts, as matplotlib has it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold")
    for text in ("∂L/∂w⁽¹⁾₁₂ −0.008348", "not yet computed", "W⁽¹⁾ 784 × 512", "ŷ 0.3815", "mmWW"):
        measured = TextPath((0, 0), text, size=13, prop=font).get_extents().width
        assert width_of(text, 13) >= measured


# --- formulas ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_every_formula_is_mathml(name: str) -> None:
    for step in story_of(name).steps:
        for latex in (step.symbol, step.formula, step.numbers, step.entry):
            root = ElementTree.fromstring(mathml(latex, display=True))
            assert root.tag == "math"
            for script in root.iter("msubsup"):
                assert len(script) == 3
            for fraction in root.iter("mfrac"):
                assert len(fraction) == 2


# --- pages ---------------------------------------------------------------------------------------

VOID = {"meta", "input", "br", "link", "img"}


class Reader(HTMLParser):
    """Opens and closes must match; what a page would fetch is collected."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs) -> None:
        for name, value in attrs:
            if name in ("src", "href", "data", "poster", "action"):
                self.fetched.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs) -> None:
        if tag not in VOID:
            self.handle_starttag(tag, attrs)
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", STORIES)
def test_pages_are_whole_and_need_nothing_else(name: str) -> None:
    page = page_of(name)
    check_page(page)
    assert len(page.encode()) < (3_000_000 if name == "large" else 1_000_000)


def check_page(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.fetched == []
    assert len(reader.ids) == len(set(reader.ids))
    addresses = set(findall(r"(?:https?:)?//[\w.-]+\.\w+[^\"'\s<]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert set(findall(r"url\(([^)]*)\)", page)) <= {"#plot-clip"}


def test_the_page_is_written(tmp_path) -> None:
    path = tmp_path / "story.html"
    text = story_of("chain").html(path)
    assert path.read_text(encoding="utf-8") == text
    assert story_of("chain")._repr_html_().startswith("<iframe")


def test_nudges_are_losses_of_the_changed_network() -> None:
    story = story_of("xor")
    weights = chosen_weights(story)
    assert len(weights) == 17
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, "binary_cross_entropy", cr.SGD(0.1), dtype="float64").build((2,))
    start = {name: np.array(value) for name, value in model.params.items()}
    for found in nudge(story, weights[:9]):
        gradient = story.gradients[found.key][found.index]
        place = OFFSETS.index(0.001)
        mirror = OFFSETS.index(-0.001)
        slope = (found.losses[place] - found.losses[mirror]) / 0.002
        assert slope == pytest.approx(gradient, abs=1e-6)
        changed = {name: value.copy() for name, value in start.items()}
        changed[found.key][found.index] += OFFSETS[-1]
        model.set_params(changed)
        again = cr.explain(model, story.values["x"], story.values["y"].ravel())
        assert found.losses[-1] == pytest.approx(again.loss, rel=1e-12)


def test_products_multiply() -> None:
    """In every product that a page shows, rows times columns make the result."""
    count = 0
    for product in page_of("xor").split('<div class="product">')[1:]:
        tables = {}
        for side in ("left", "right", "result"):
            table = product.split(f'<table class="{side}">')[1].split("</table>")[0]
            cells = findall(r'data-r="(\d+)" data-c="(\d+)"[^>]*>([^<]*)<', table)
            rows, columns = (max(int(c[i]) for c in cells) + 1 for i in (0, 1))
            tables[side] = np.zeros((rows, columns))
            for r, c, text in cells:
                assert "10" not in text or "⁻" not in text
                tables[side][int(r), int(c)] = float(text.replace("−", "-"))
        product = tables["left"] @ tables["right"]
        assert product == pytest.approx(tables["result"], abs=2e-3)
        count += 1
    assert count >= 4


@pytest.mark.parametrize("optimizer", [cr.SGD(0.1), cr.Adam(0.01), cr.SGD(0.1, momentum=0.9)])
def test_the_head_of_a_page_agrees_with_the_run(optimizer) -> None:
    """Losses of samples, the loss after the update, and gradients, each by another way."""
    net = cr.Sequential(cr.Dense(4), cr.Tanh(), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", optimizer, seed=2)
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(5, 3)), generator.integers(0, 3, 5)
    model.fit(x, y, epochs=3, batch_size=None, progress=False)
    story = cr.explain(model, x, y)
    rows = samples(story)
    assert [row.answer for row in rows] == [str(k) for k in model.predict_proba(x).argmax(axis=1)]
    alone = [cr.explain(model, x[i : i + 1], y[i : i + 1]).loss for i in range(5)]
    assert [row.loss for row in rows] == pytest.approx(alone, rel=1e-5)
    assert sum(row.share or 0 for row in rows) == pytest.approx(1)

    loss = LossOfParameters(story.record)
    found = differences(story, loss)
    assert found is not None
    assert len(found.slopes) == found.total == 31
    assert found.distance < 1e-6 * max(found.largest, 1)
    model.fit(x, y, epochs=1, batch_size=None, progress=False)
    assert loss(loss.after) == pytest.approx(cr.explain(model, x, y).loss, rel=1e-5)
    assert "The rule moves it furthest because" in most_moved(story)


def test_samples_of_a_regression() -> None:
    story = story_of("eight_wide")
    rows = samples(story)
    assert len(rows) == 2
    assert np.mean([row.loss for row in rows]) == pytest.approx(story.loss)
    assert not any(row.right for row in rows)


# --- heat maps -----------------------------------------------------------------------------------

SHAPES = [(), (1,), (7,), (64,), (100,), (3, 4), (40, 90), (5, 5, 4), (3, 3, 2, 6), (8, 8, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_number_has_one_cell(shape) -> None:
    places = heat.arranged(shape)
    shown = places[places != heat.NOTHING]
    assert sorted(shown) == list(range(int(np.prod(shape))))


def test_channels_are_pictures_side_by_side() -> None:
    image = np.arange(4 * 5 * 3).reshape(4, 5, 3)
    places = heat.arranged(image.shape)
    for channel in range(3):
        row, column = np.argwhere(places == image[0, 0, channel])[0]
        np.testing.assert_array_equal(
            places[row : row + 4, column : column + 5], image[:, :, channel]
        )


@pytest.mark.parametrize("shape", [(30, 90), (200, 3), (9, 9, 16)], ids=str)
def test_a_cell_of_many_numbers_shows_the_largest(shape) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    shown = heat.picture(array)
    assert max(shown.places.shape) <= heat.MOST_CELLS
    whole = heat.arranged(shape)
    high, wide = (-(-n // heat.MOST_CELLS) for n in whole.shape)
    for row, column in np.ndindex(*shown.places.shape):
        block = whole[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
        block = block[block != heat.NOTHING]
        best = shown.places[row, column]
        assert best in block if block.size else best == heat.NOTHING
        assert block.size == 0 or abs(array.flat[best]) == np.abs(array.ravel()[block]).max()


def test_what_is_no_number_has_no_colour() -> None:
    shown = heat.picture(np.array([[1.0, np.nan, -0.5], [0.0, np.inf, -np.inf]]))
    assert shown.code[0] == "o"
    assert shown.code[1] == "."
    assert shown.code[2:4] == "dh"


@pytest.mark.parametrize("name", STORIES)
def test_cards_stand_below_or_beside_each_other(name: str) -> None:
    heights = [120.0 + 37 * (k * k % 11) for k in range(len(name) + 4)]
    places = flowing(heights)
    assert len(places) == len(heights)
    assert places == sorted(places)
    assert len({left for left, _ in places}) <= 3
    for (left, top), high, (other, below) in zip(places, heights, places[1:], strict=False):
        assert (other > left and below == 0) or below >= top + high


@pytest.mark.parametrize("name", STORIES)
def test_a_computation_graph_fits_a_page(name: str) -> None:
    canvas = draw(story_of(name), "operations", -1)
    canvas.svg("")
    assert canvas.width < 1500
