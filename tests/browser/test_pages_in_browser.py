"""Pages of stories in a real browser, from a file and with the network off.

    python -m pytest tests/browser

`SCREENSHOTS=folder` also writes what each page looks like, in light and in dark.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import BROWSER, Chromium
from pages import STORIES

from chainrule.explaining.page.cells import FEW_TERMS
from chainrule.explaining.story import NOT_YET
from chainrule.tex import number, plain

OVERLAPS = """
(() => {
  const found = [];
  for (const figure of document.querySelectorAll('figure')) {
    const hidden = figure.hidden;
    figure.hidden = false;
    const boxes = [...figure.querySelectorAll('svg text')]
      .filter((text) => text.textContent.trim())
      .map((text) => [text.textContent, text.getBBox()]);
    boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      if (a.x < b.x + b.width && b.x < a.x + a.width
          && a.y < b.y + b.height && b.y < a.y + a.height)
        found.push(`${one} / ${other}`);
    }));
    figure.hidden = hidden;
  }
  return found;
})()
"""
GRADIENTS = """
[...document.querySelectorAll('#figure-network text.gradient')].map((text) => text.textContent)
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Chromium]:
    assert BROWSER is not None
    browser = Chromium(BROWSER, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pages")


def opened(browser: Chromium, folder: Path, name: str, dark: bool = False) -> Path:
    path = folder / f"{name}.html"
    if not path.exists():
        STORIES[name]().html(path)
    browser.complaints.clear()
    browser.fetched.clear()
    browser.open(path, dark)
    browser.run("document.querySelector('#last').click()")
    return path


@pytest.mark.parametrize("name", STORIES)
def test_page_opens_alone_and_nothing_overlaps(browser, folder, name: str) -> None:
    path = opened(browser, folder, name)
    assert browser.run(OVERLAPS) == []
    browser.run("document.querySelector('#first').click()")
    assert browser.run(OVERLAPS) == []
    assert browser.complaints == []
    assert browser.fetched == [path.as_uri()]


@pytest.mark.parametrize("name", ["chain", "xor", "classes"])
def test_time_line_steps_forward_and_back(browser, folder, name: str) -> None:
    opened(browser, folder, name)
    story = STORIES[name]()
    given, count = len(story.phase("given")), len(story.steps)
    assert not any(NOT_YET in text for text in browser.run(GRADIENTS))
    late = browser.run(GRADIENTS)
    browser.run("document.querySelector('#first').click()")
    assert all(text.endswith(NOT_YET) for text in browser.run(GRADIENTS))
    assert browser.run("document.querySelector('#w-gradient').textContent") == NOT_YET
    assert "gradient not yet computed" in browser.run(
        "document.querySelector('.way').getAttribute('aria-label')"
    )
    for _ in range(given, count):
        browser.press("ArrowRight")
    assert browser.run(GRADIENTS) == late
    browser.press("ArrowLeft")
    assert browser.run("document.querySelector('#time').value") == str(count - 1)
    shown = browser.run("document.querySelectorAll('.steps .step.later').length")
    assert shown == 1
    assert browser.run("document.querySelector('#now .step').dataset.step") == str(count - 2)
    assert browser.complaints == []


def test_it_opens_at_the_first_step(browser, folder) -> None:
    browser.open(opened(browser, folder, "xor"))
    given = len(STORIES["xor"]().phase("given"))
    assert browser.run("document.querySelector('#time').value") == str(given + 1)
    assert all(text.endswith(NOT_YET) for text in browser.run(GRADIENTS))
    first = browser.run("document.querySelector('#overview tbody').innerText")
    assert len(first.splitlines()) == 4


def test_play_goes_on_by_itself(browser, folder) -> None:
    opened(browser, folder, "chain")
    browser.run("document.querySelector('#first').click()")
    browser.run("document.querySelector('#play').click()")
    first = int(browser.run("document.querySelector('#time').value"))
    browser.call(
        "Runtime.evaluate",
        expression="new Promise((done) => setTimeout(done, 1800))",
        awaitPromise=True,
    )
    assert int(browser.run("document.querySelector('#time').value")) > first


def test_a_weight_shows_its_derivation_and_nudges(browser, folder) -> None:
    opened(browser, folder, "chain")
    story = STORIES["chain"]()
    browser.point("[data-weight='2.weight[0,0]'] .hit", click=True)
    assert browser.run("document.querySelector('#weight').value") == "2.weight[0,0]"
    shown = browser.run("document.querySelector('#w-gradient').textContent")
    gradient = story.gradients["2.weight"].item()
    assert float(shown.replace("−", "-")) == pytest.approx(gradient, rel=1e-5)
    assert browser.run("document.querySelectorAll('#derivation math').length") == 5
    browser.run(  # the smallest nudge above 0
        "(() => {const n = document.querySelector('#nudge'); n.value = 9;"
        "n.dispatchEvent(new Event('input'));})()"
    )
    central = browser.run("document.querySelector('#n-central').textContent")
    assert float(central.replace("−", "-")) == pytest.approx(gradient, rel=1e-4)
    assert browser.run("document.querySelectorAll('#plot circle').length") > 10
    assert browser.complaints == []


def test_a_weight_by_keyboard(browser, folder) -> None:
    opened(browser, folder, "xor")
    browser.run("document.querySelector(\"[data-weight='0.weight[1,2]']\").focus()")
    browser.press("Enter")
    assert browser.run("document.querySelector('#weight').value") == "0.weight[1,2]"


def test_another_sample_has_other_values(browser, folder) -> None:
    opened(browser, folder, "xor")
    texts = "[...document.querySelectorAll('#figure-network text.value')].map((t) => t.textContent)"
    shown = []
    for sample in range(4):
        browser.run(
            f"(() => {{const s = document.querySelector('#sample'); s.value = {sample};"
            "s.dispatchEvent(new Event('change'));})()"
        )
        shown.append(tuple(browser.run(texts)))
    assert len(set(shown)) == 4


def test_colours_follow_the_sample(browser, folder) -> None:
    """Those of what each sample makes; those of weights stay."""
    opened(browser, folder, "xor")
    browser.run("document.querySelector('#tab-layers').click()")
    looks = (
        "[...document.querySelectorAll('#figure-layers .heat[data-key=\"%s\"]')].map((h) => "
        "[h.getAttribute('aria-label'), ...[...h.querySelectorAll('path')].map("
        "(p) => p.getAttribute('class') + p.getAttribute('d'))].join(' '))"
    )
    seen: dict[str, set[tuple[str, ...]]] = {"a1": set(), "0.weight": set()}
    for sample in (2, 0, 1, 3, 2):
        browser.run(
            f"(() => {{const s = document.querySelector('#sample'); s.value = {sample};"
            "s.dispatchEvent(new Event('change'));})()"
        )
        for key, found in seen.items():
            found.add(tuple(sorted(browser.run(looks % key))))
    assert len(seen["a1"]) == 4
    assert len(seen["0.weight"]) == 1
    assert browser.complaints == []


def test_a_cell_lights_its_row_and_column(browser, folder) -> None:
    opened(browser, folder, "xor")
    browser.run("document.querySelectorAll('.steps details').forEach((d) => { d.open = true; })")
    product = "article.backward:has(.product)"
    browser.point(f".steps {product} .result .cell[data-r='1'][data-c='0']")
    lit = browser.run(
        f'[...document.querySelectorAll(".steps {product} .lit")].map((cell) => '
        "[cell.closest('table').className, cell.dataset.r, cell.dataset.c])"
    )
    assert lit
    allowed = {"left": {("1", "0"), ("1", "1"), ("1", "2"), ("1", "3")}}
    allowed["right"] = {(str(row), "0") for row in range(4)}
    allowed["result"] = {("1", "0")}
    assert all((row, column) in allowed[side] for side, row, column in lit)
    said = browser.run(f'document.querySelector(".steps {product} .sum").textContent')
    assert " · " in said
    assert " = " in said


@pytest.mark.parametrize("name", ["chain", "xor", "digits"])
def test_terms_stand_where_they_come_first(browser, folder, name: str) -> None:
    opened(browser, folder, name)
    terms = "[...document.querySelectorAll('.steps .terms dt')].map((t) => t.textContent)"
    told = browser.run(terms)
    assert len(told) == len(set(told)) > 8
    assert told[:2] == ["x", "y"]
    # Each stands in the first step that uses its sign; z before the loss, the loss before δ.
    assert told.index("z⁽¹⁾") < told.index("L") < told.index("∂L/∂w") < told.index("wⁿᵉʷ")
    shown = (
        "[...document.querySelectorAll('.terms, .glossary')].filter((t) => t.offsetHeight).length"
    )
    assert browser.run(shown) > 8
    browser.point("#terms", click=True)
    assert browser.run(shown) == 0
    browser.point("#terms", click=True)
    assert browser.run(shown) > 8
    assert browser.complaints == []


@pytest.mark.parametrize("wide", [900, 1100, 1400])
@pytest.mark.parametrize("name", ["chain", "xor", "digits", "by_hand"])
def test_nothing_covers_anything(browser, folder, name: str, wide: int) -> None:
    """The cards stand beside or below each other, inside the window, and so do the drawings."""
    path = opened(browser, folder, name)
    browser.open(path, wide=wide)
    boxes = browser.run(
        "[...document.querySelectorAll('#now, .drawings, #inspector')].map((card) => "
        "{const b = card.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]})"
    )
    for place, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= wide
        for other in boxes[place + 1 :]:
            beside = right <= other[0] or other[2] <= left
            assert beside or bottom <= other[1] or other[3] <= top
    assert browser.run("document.documentElement.scrollWidth") <= wide
    if name != "by_hand" and wide > 1000:  # all of it is in sight, without scrolling sideways
        assert (
            browser.run(
                "(() => {const f = document.querySelector('figure:not([hidden])');"
                "return f.scrollWidth - f.clientWidth})()"
            )
            <= 1
        )


def test_printed_everything_is_there(browser, folder) -> None:
    opened(browser, folder, "chain")
    browser.run("document.querySelector('#first').click()")
    browser.call("Emulation.setEmulatedMedia", media="print")
    hidden = browser.run(
        "[...document.querySelectorAll('.steps .known')].filter((k) => !k.offsetHeight).length"
    )
    bar = browser.run("document.querySelector('.time').offsetHeight")
    browser.call("Emulation.setEmulatedMedia", media="")
    assert (hidden, bar) == (0, 0)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(browser, folder, dark: bool) -> None:
    seen = []
    for name in ("chain", "xor", "digits"):
        opened(browser, folder, name, dark)
        colour = browser.run("getComputedStyle(document.body).backgroundColor")
        seen.append(sum(int(part) for part in colour.strip("rgb()").split(",")) < 200)
        if "SCREENSHOTS" in os.environ:
            shots = Path(os.environ["SCREENSHOTS"])
            shots.mkdir(parents=True, exist_ok=True)
            browser.screenshot(shots / f"{name}-{'dark' if dark else 'light'}.png")
    assert seen == [dark] * 3


CELL = """
(() => {
  const heat = [...document.querySelectorAll('#figure-layers .heat')].find(
    (h) => h.dataset.key === KEY && h.dataset.short === SHORT);
  heat.scrollIntoView({block: 'center'});
  const [x, y, size, columns, rows] = heat.dataset.grid.split(' ').map(Number);
  const places = heat.dataset.places ? heat.dataset.places.split(' ').map(Number) : null;
  const number = places ? places.indexOf(PLACE) : PLACE;
  const point = new DOMPoint(x + (number % columns + 0.5) * size,
    y + (Math.floor(number / columns) + 0.5) * size).matrixTransform(heat.getScreenCTM());
  return [number, point.x, point.y];
})()
"""


def pointed(browser: Chromium, key: str, short: str, place: int, click: bool = False) -> str:
    """The mouse on the cell of a number; what is told of it then."""
    script = CELL.replace("KEY", repr(key)).replace("SHORT", repr(short))
    number, x, y = browser.run(script.replace("PLACE", str(place)))
    assert number >= 0
    kinds = ["mouseMoved", *(["mousePressed", "mouseReleased"] if click else [])]
    for kind in kinds:
        button = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {}
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)
    return told(browser)


def told(browser: Chromium) -> str:
    return browser.run("document.querySelector('#cell').innerText")


def shown(value: float) -> str:
    return plain(number(float(value), 6))


def test_a_cell_of_a_heat_map_tells_its_number(browser, folder) -> None:
    """In a network that is too large to be drawn unit by unit: drilled into on demand."""
    path = opened(browser, folder, "large")
    assert path.stat().st_size < 3_000_000
    story = STORIES["large"]()
    values, slopes = story.values["a1"][0], story.gradients["a1"][0]
    unit = int(np.argmax(values))
    text = pointed(browser, "a1", "a⁽¹⁾", unit)
    assert f"value {shown(values[unit])}, gradient {shown(slopes[unit])}" in text
    z1, weight = story.values["z1"][0], story.values["0.weight"]
    assert f"= {shown(z1[unit])}, times the slope 1" in text

    text = pointed(browser, "z1", "z⁽¹⁾", unit, click=True)
    moving = story.values["x"][0] * weight[:, unit]
    strongest = np.argsort(-np.abs(moving))[:FEW_TERMS]
    assert "Its largest inputs" in text
    for k in strongest:
        assert f"times the slope {shown(weight[k, unit])}: {shown(moving[k])}" in text

    # From here along the largest path: to the activation, and to what it feeds most.
    browser.run("[...document.querySelectorAll('#cell .path button')][0].click()")
    text = told(browser)
    assert text.startswith(f"a⁽¹⁾{plain(f'x_{{{unit + 1}}}')[1:]}")
    coming = story.gradients["z2"][0] * story.values["2.weight"][unit]
    for k in np.argsort(-np.abs(coming))[:FEW_TERMS]:
        assert f": {shown(coming[k])}" in text

    # Before the backward pass no gradient is told.
    browser.run("document.querySelector('#first').click()")
    assert f"gradient {NOT_YET}" in told(browser)
    assert "Where its gradient comes from" not in told(browser)
    assert browser.complaints == []


def test_an_entry_of_a_weight_by_mouse_and_a_unit_by_keyboard(browser, folder) -> None:
    opened(browser, folder, "digits")
    browser.run("document.querySelector('#tab-layers').click()")
    story = STORIES["digits"]()
    weight, gradient = story.values["0.weight"], story.gradients["0.weight"]
    place = int(np.argmax(np.abs(weight)))
    text = pointed(browser, "0.weight", "W⁽¹⁾", place)
    assert f"value {shown(weight.flat[place])}, gradient {shown(gradient.flat[place])}" in text
    browser.run(
        "[...document.querySelectorAll('#figure-layers .heat')]"
        ".find((h) => h.dataset.key === 'z1').focus()"
    )
    before = browser.run("document.querySelector('#time').value")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    assert f"value {shown(story.values['z1'][0, 1])}" in told(browser)
    assert browser.run("document.querySelector('#time').value") == before
    assert browser.complaints == []


PANEL = """
[...document.querySelectorAll('#derivation, #worked, #w-value, #w-missing')]
  .filter((part) => part.offsetHeight).map((part) => part.innerText).join('\\n')
"""


def test_a_weight_without_a_derivation_shows_no_other_weights(browser, folder) -> None:
    opened(browser, folder, "digits")
    browser.run("document.querySelector('#tab-layers').click()")
    story = STORIES["digits"]()
    weight, gradient = story.values["2.weight"], story.gradients["2.weight"]
    data = "JSON.parse(document.querySelector('#data').text)"
    told_here = browser.run(f"Object.keys({data}.weights)")
    on_page = {int(k) for k in browser.run(f"Object.keys({data}.entries['2.weight'].of)")}
    place = next(
        k
        for k in np.argsort(-np.abs(weight * (gradient != 0)).ravel()).tolist()
        if k in on_page and f"2.weight[{k // 10},{k % 10}]" not in told_here
    )
    row, column = divmod(place, 10)
    pointed(browser, "2.weight", "W⁽²⁾", place, click=True)
    comma = "," if max(row, column) >= 9 else ""
    name = plain(f"w^{{(2)}}_{{{row + 1}{comma}{column + 1}}}")
    text = browser.run(PANEL)
    assert f"{name} = {shown(weight.flat[place])}" in text
    assert f'story.latex("2.weight", ({row}, {column}))' in text
    assert f'story.paths("2.weight", ({row}, {column}))' in text
    assert "One entry" not in text
    assert "largest path" not in text
    assert f"The update of {name}" in text
    after = weight.flat[place] - 0.1 * gradient.flat[place]
    assert shown(after) in text.replace("\n", " ")
    assert browser.run("document.querySelector('#nudging').hidden")
    # One that has a derivation is a click away, and it is that one's then.
    browser.run("document.querySelector('#w-missing button').click()")
    text = browser.run(PANEL)
    assert "One entry" in text
    assert f"{name} = " not in text
    assert not browser.run("document.querySelector('#nudging').hidden")
    assert browser.run("document.querySelector('#weight').value") in told_here
    chosen = browser.run("document.querySelector('#w-value').innerText").split(" = ")[0]
    assert told(browser).startswith(chosen)
    assert browser.complaints == []


def test_what_is_not_yet_computed_has_no_colours(browser, folder) -> None:
    opened(browser, folder, "classes")
    browser.run("document.querySelector('#tab-layers').click()")
    fills = (
        "[...document.querySelectorAll('#figure-layers .heat')].map((h) => [h.dataset.step,"
        "[...h.querySelectorAll('path')].some((p) => getComputedStyle(p).fill !== 'none')])"
    )
    assert all(coloured for _, coloured in browser.run(fills))
    browser.run("document.querySelector('#first').click()")
    before = browser.run(fills)
    assert {coloured for step, coloured in before if step is None} == {True}
    assert {coloured for step, coloured in before if step is not None} == {False}
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert all(coloured for _, coloured in browser.run(fills))
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run(fills) == before


def test_counting_is_told_where_it_is_needed_first(browser, folder) -> None:
    opened(browser, folder, "classes")
    notes = browser.run(
        "[...document.querySelectorAll('#overview .counting, .steps .counting')]"
        ".map((note) => [note.innerText, parseFloat(getComputedStyle(note).fontSize)])"
    )
    assert len(notes) == 2
    for text, size in notes:
        assert "count from 1; classes and names in Python, such as 0.weight, count from 0" in text
        assert size == 16
