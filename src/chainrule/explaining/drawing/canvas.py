"""A drawing as data: shapes, and labels whose extents are known, written as SVG.

Nothing measures text here: every character is given a width that no usual sans-serif font exceeds,
so that a layout which keeps the boxes apart keeps the words apart wherever it is opened.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from html import escape
from json import dumps
from zlib import crc32

LINE = 1.32  # height of a line, in parts of the size of its letters
_NARROW, _WIDE = frozenset("ilj.,:;|!'()[] ′·"), frozenset("mwMW%@⊙")


@cache
def _width(letter: str) -> float:
    """No smaller than in DejaVu Sans Bold or Arial, in parts of the size of the letters."""
    if unicodedata.combining(letter):
        return 0.0
    if letter in _NARROW:
        return 0.46
    if letter in _WIDE:
        return 1.12
    name = unicodedata.name(letter, "")
    if "SUPERSCRIPT" in name or "SUBSCRIPT" in name or "MODIFIER" in name:
        return 0.52
    if letter.isascii() and (letter.isdigit() or letter.islower()):
        return 0.72
    return 0.9


def width_of(text: str, size: float) -> float:
    """The room that a text needs in pixels, rounded up."""
    return sum(map(_width, text)) * size


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True)
class Label:
    """Words in a drawing.

    x, y     where the line of letters stands: its middle, begin or end, by `anchor`
    texts    what it says, one text a sample, or one for all
    before   what it says before `step` has happened
    step     the step of the story that makes it known; None if it is given
    """

    x: float
    y: float
    texts: tuple[str, ...]
    anchor: str = "middle"
    size: float = 13
    look: str = "ink"
    step: int | None = None
    before: str = ""

    @property
    def width(self) -> float:
        return max(width_of(text, self.size) for text in (*self.texts, self.before))

    @property
    def box(self) -> Box:
        """The room it takes, whichever of its texts it shows."""
        left = self.x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        top = self.y - 0.98 * self.size
        return Box(left, top, left + self.width, top + LINE * self.size)


class Canvas:
    """Collects shapes and labels; the size follows from them.

    after   how many steps have happened: what is not known yet says so
    sample  which of several texts is shown
    """

    def __init__(self, title: str, description: str, after: int, sample: int = 0) -> None:
        self.title, self.description = title, description
        self.after, self.sample = after, sample
        self.labels: list[Label] = []
        self.boxes: list[Box] = []  # of shapes that labels must not cover
        self._body: list[str] = []
        self._right = self._bottom = 0.0
        self.width = 0.0  # of what was written last

    # --- shapes ---

    def path(self, d: str, look: str, **attributes: object) -> None:
        self._body.append(f'<path class="{look}" d="{d}"{_attributes(attributes)}/>')

    def line(
        self, x1: float, y1: float, x2: float, y2: float, look: str, **attributes: object
    ) -> None:
        self.path(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", look, **attributes)

    def circle(self, x: float, y: float, r: float, look: str) -> None:
        self._body.append(f'<circle class="{look}" cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"/>')
        self.extend(x + r, y + r)

    def rectangle(self, box: Box, look: str, round: float = 6) -> None:
        wide, high = box.right - box.left, box.bottom - box.top
        self._body.append(
            f'<rect class="{look}" x="{box.left:.1f}" y="{box.top:.1f}" width="{wide:.1f}" '
            f'height="{high:.1f}" rx="{round:g}"/>'
        )
        self.extend(box.right, box.bottom)

    def label(
        self,
        x: float,
        y: float,
        texts: str | Sequence[str],
        *,
        anchor: str = "middle",
        size: float = 13,
        look: str = "ink",
        step: int | None = None,
        before: str = "",
        mark: str = "",
    ) -> Label:
        """Words; `mark` names what they tell, for a page that lights it."""
        said = (texts,) if isinstance(texts, str) else tuple(texts)
        label = Label(x, y, said, anchor, size, look, step, before)
        self.labels.append(label)
        known = step is None or step < self.after
        shown = said[min(self.sample, len(said) - 1)] if known else before
        data: dict[str, object] = {}
        if step is not None:
            data |= {"data_step": step, "data_before": before}
            data |= {"data_texts": dumps(said, ensure_ascii=False)}
        elif len(said) > 1:
            data |= {"data_texts": dumps(said, ensure_ascii=False)}
        if mark:
            data["data_mark"] = mark
        looks = look if known else f"{look} unknown"
        self._body.append(
            f'<text class="{looks}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size:g}"{_attributes(data)}>{escape(shown)}</text>'
        )
        self.extend(label.box.right, label.box.bottom)
        return label

    @contextmanager
    def group(self, look: str, name: str = "", **attributes: object) -> Iterator[None]:
        """What belongs together; with a name it is read out and can be reached by keyboard."""
        if name:
            attributes = {"role": "img", "tabindex": 0, "aria_label": name, **attributes}
        self._body.append(f'<g class="{look}"{_attributes(attributes)}>')
        if name:
            self._body.append(f"<title>{escape(name)}</title>")
        yield
        self._body.append("</g>")

    def extend(self, right: float, bottom: float) -> None:
        self._right, self._bottom = max(self._right, right), max(self._bottom, bottom)

    # --- the result ---

    def svg(self, style: str, margin: float = 16) -> str:
        """The drawing; whatever lies left of or above 0 moves the edge."""
        left = min([0.0, *(label.box.left for label in self.labels)]) - margin
        top = min([0.0, *(label.box.top for label in self.labels)]) - margin
        wide, high = self._right - left + margin, self._bottom - top + margin
        self.width = wide
        name = f"cr-{crc32(self.title.encode()):08x}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="cr-drawing" role="group" '
            f'aria-labelledby="{name}-t {name}-d" width="{wide:.0f}" height="{high:.0f}" '
            f'viewBox="{left:.1f} {top:.1f} {wide:.1f} {high:.1f}">'
            f'<title id="{name}-t">{escape(self.title)}</title>'
            f'<desc id="{name}-d">{escape(self.description)}</desc>'
            f"<style>{style}</style>{''.join(self._body)}</svg>"
        )


def _attributes(attributes: Mapping[str, object]) -> str:
    return "".join(
        f' {name.replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
