"""Formulas as one line of Unicode, for terminals."""

import unicodedata
from math import isfinite
from typing import Any

from chainrule.tex.numbers import decimal, number
from chainrule.tex.reading import Tex, pairs, parse

_RELATIONS = "∣=+−·⊙×≤≥≠≈←→<>∧∨⊕≪≫∈±"
_SUPERSCRIPTS = pairs(
    "0 ⁰ 1 ¹ 2 ² 3 ³ 4 ⁴ 5 ⁵ 6 ⁶ 7 ⁷ 8 ⁸ 9 ⁹ + ⁺ − ⁻ = ⁼ ( ⁽ ) ⁾ ′ ′ ⊤ ᵀ T ᵀ L ᴸ a ᵃ b ᵇ c ᶜ d ᵈ "
    "e ᵉ f ᶠ g ᵍ h ʰ i ⁱ j ʲ k ᵏ l ˡ m ᵐ n ⁿ o ᵒ p ᵖ r ʳ s ˢ t ᵗ u ᵘ v ᵛ w ʷ x ˣ y ʸ z ᶻ"
)
_SUBSCRIPTS = pairs(
    "0 ₀ 1 ₁ 2 ₂ 3 ₃ 4 ₄ 5 ₅ 6 ₆ 7 ₇ 8 ₈ 9 ₉ + ₊ − ₋ = ₌ ( ₍ ) ₎ , , × ₓ a ₐ e ₑ h ₕ i ᵢ j ⱼ k ₖ "
    "l ₗ m ₘ n ₙ o ₒ p ₚ r ᵣ s ₛ t ₜ u ᵤ v ᵥ x ₓ"
)
_TIMES = r"\cdot"
_FRACTIONS = pairs("1/2 ½ 1/3 ⅓ 2/3 ⅔ 1/4 ¼ 3/4 ¾ 1/5 ⅕ 1/6 ⅙ 1/8 ⅛")


def figure(value: Any, digits: int = 4) -> str:
    """A measured number in Unicode, `−0.1308`, `1.2 · 10⁻⁷`: what `plain` makes of `number`,
    written without reading a formula, as pages hold many thousands."""
    plainly = decimal(float(value), digits)
    if plainly:
        return plainly.replace("-", "−")
    latex = number(float(value), digits)
    if not isfinite(value):
        return plain(latex)
    mantissa, power, exponent = latex.replace("-", "−").partition("10^{")
    if not power:
        return mantissa
    above = "".join(_SUPERSCRIPTS[letter] for letter in exponent.removesuffix("}"))
    return f"{mantissa.replace(_TIMES, '·')}10{above}"


def plain(latex: str) -> str:
    """The formula as one line of Unicode: `δ⁽²⁾ = ½ (ŷ − y)`."""
    return _plain(parse(latex)).strip()


def _plain(tex: Tex) -> str:
    if tex.kind == "row":
        return _side_by_side(tex.parts)
    if tex.kind == "script":
        return _scripted(tex)
    if tex.kind == "frac":
        return _fraction(*tex.parts)
    if tex.kind == "sqrt":
        index = _plain(tex.parts[1]) if len(tex.parts) > 1 else ""
        return f"{'∛' if index == '3' else '√'}{_grouped(tex.parts[0])}"
    if tex.kind == "accent":
        return unicodedata.normalize("NFC", _plain(tex.parts[0]) + tex.text)
    if tex.kind == "under":
        return _plain(tex.parts[0])
    if tex.kind == "table":
        return _table(tex)
    return tex.text


def _side_by_side(parts: tuple[Tex, ...]) -> str:
    text, opens = "", True  # a sign after nothing, a relation or a bracket belongs to its number
    for place, part in enumerate(parts):
        shown = _plain(part)
        if part.kind == "frac" and "/" in shown and _has_neighbour(parts, place):
            shown = f"({shown})"
        if part.kind == "atom" and shown in _RELATIONS:
            sign = shown in "−+" and opens
            text = text + shown if sign else f"{text.rstrip()} {shown} "
            opens = True
            continue
        if place and not opens and _stand_apart(text, parts[place - 1], part, shown):
            text += " "
        text += shown
        opens = shown[-1:] in ("(", "[", ",") or (part.kind == "space" and opens)
    return " ".join(text.split()) if text.strip() else text


def _stand_apart(text: str, before: Tex, part: Tex, shown: str) -> bool:
    """Whether a space goes between two pieces, which TeX sets apart by itself."""
    if part.kind == "space" or shown[:1] in ")],′|⌋⌉;:" or text[-1:] in " ([|−+∂⌊⌈":
        return False
    if part.kind in ("name", "table", "sqrt") or (part.kind == "frac" and "/" in shown):
        return True
    base = _base(before)
    if base.text == "Σ" or before.kind == "frac":
        return True
    if base.kind == "name" and len(base.text) > 1 and shown[:1] != "(":
        return True
    return before.kind in ("name", "table", "script", "words") and shown[:1] not in "(["


def _has_neighbour(parts: tuple[Tex, ...], place: int) -> bool:
    """Whether another factor stands directly beside a piece."""
    before = [p for p in parts[:place] if p.kind != "space"][-1:]
    behind = [p for p in parts[place + 1 :] if p.kind != "space"][:1]
    return any(
        not (p.kind == "atom" and (p.text in _RELATIONS or p.text in "()[]|,"))
        for p in map(_base, (*before, *behind))
    )


def _base(part: Tex) -> Tex:
    return part.parts[0] if part.kind == "script" else part


def _scripted(tex: Tex) -> str:
    base, below, above = tex.parts
    shown = _plain(base)
    if base.kind == "row":
        shown = _grouped(base)
    if above.parts and all(part.text == "′" for part in above.parts):
        shown += "′" * len(above.parts)
        above = Tex("row")
    up, down = _script(above, _SUPERSCRIPTS, "^"), _script(below, _SUBSCRIPTS, "_")
    return shown + (up + down if "⁽" in up else down + up)


def _script(row: Tex, letters: dict[str, str], mark: str) -> str:
    text = _plain(row).replace(" ", "")
    if all(letter in letters for letter in text):
        return "".join(letters[letter] for letter in text)
    if mark == "_":
        return text if text.startswith("[") else f"[{text}]"
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"


def _fraction(above: Tex, below: Tex) -> str:
    top, bottom = _plain(above), _plain(below)
    if f"{top}/{bottom}" in _FRACTIONS:
        return _FRACTIONS[f"{top}/{bottom}"]
    return f"{_grouped(above)}/{_grouped(below)}"


def _grouped(row: Tex) -> str:
    """In brackets, unless it is one piece, a differential ∂x, or bracketed already."""
    text = _plain(row)
    simple = len(row.parts) == 1 and row.parts[0].kind not in ("frac", "table")
    if simple or text.startswith("∂") or _is_bracketed(text):
        return text
    return f"({text})"


def _is_bracketed(text: str) -> bool:
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _table(tex: Tex) -> str:
    rows = [[_plain(cell).strip() for cell in row.parts] for row in tex.parts]
    if tex.text == "cases":
        return (
            "{ " + "; ".join(" if ".join(cells).replace("if else", "else") for cells in rows) + " }"
        )
    if tex.text in ("aligned", "align*", "array"):
        return "\n".join(" ".join(cells) for cells in rows)
    return "[" + "; ".join(" ".join(cells) for cells in rows) + "]"
