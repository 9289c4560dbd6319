"""Formulas as MathML Core, for pages: the same tree that the terminal shows in Unicode."""

from html import escape

from chainrule.tex.reading import Tex, parse

_OPERATORS = frozenset("∣=+−·⊙×≤≥≠≈←→<>∧∨⊕≪≫∈±()[]{}|‖,;:⌊⌋⌈⌉¬′∗/!")
_LARGE = frozenset("ΣΠ")
_APPLIED = '<mspace width="0.17em"/>'  # between tanh and x
_ACCENTS = {"\u0302": "^", "\u0304": "‾", "\u0303": "~", "\u0307": "˙"}
_FENCES = {"pmatrix": ("(", ")"), "cases": ("{", "")}


def mathml(latex: str, display: bool = False) -> str:
    """A formula as a `<math>` element."""
    block = ' display="block"' if display else ""
    return f"<math{block}>{inner_mathml(latex)}</math>"


def inner_mathml(latex: str) -> str:
    """The same without the element around it."""
    return _row(parse(latex).parts)


def _row(parts: tuple[Tex, ...]) -> str:
    shown = [
        _shown(part, 0 if _opens(parts, place) else 1)
        + (_APPLIED if _applies(parts, place) else "")
        for place, part in enumerate(parts)
    ]
    return f"<mrow>{''.join(shown)}</mrow>"


def _applies(parts: tuple[Tex, ...], place: int) -> bool:
    """Whether this is the name of a function, and what it is taken of follows without brackets."""
    if parts[place].kind != "name" or place + 1 == len(parts):
        return False
    following = parts[place + 1]
    if following.kind == "script":
        (following, *_) = following.parts
    return following.kind in ("atom", "name", "accent") and following.text not in _OPERATORS


def _opens(parts: tuple[Tex, ...], place: int) -> bool:
    """Whether a sign here belongs to what follows, as nothing stands before it."""
    before = [part for part in parts[:place] if part.kind != "space"][-1:]
    return all(part.kind == "atom" and part.text in "([{|=,·×⊙+−" for part in before)


def _shown(tex: Tex, place: int = 1) -> str:
    return _KINDS[tex.kind](tex, place)


def _atom(tex: Tex, place: int) -> str:
    if tex.text in _LARGE:
        return f'<mo movablelimits="false">{"∑" if tex.text == "Σ" else "∏"}</mo>'
    if tex.text in _OPERATORS:
        # A sign in front of everything belongs to its number.
        prefix = ' form="prefix"' if place == 0 and tex.text in "−+" else ""
        still = ' stretchy="false"' if tex.text in "()[]|{}‖" else ""
        return f"<mo{prefix}{still}>{escape(tex.text)}</mo>"
    return f"<mi>{escape(tex.text)}</mi>"


def _script(tex: Tex, place: int) -> str:
    base, below, above = tex.parts
    inside = _shown(base, place)
    if base.kind == "atom" and base.text in _LARGE and below.parts and above.parts:
        return f"<munderover>{inside}{_row(below.parts)}{_row(above.parts)}</munderover>"
    if base.kind == "atom" and base.text in _LARGE and below.parts:
        return f"<munder>{inside}{_row(below.parts)}</munder>"
    if below.parts and above.parts:
        return f"<msubsup>{inside}{_row(below.parts)}{_row(above.parts)}</msubsup>"
    if below.parts:
        return f"<msub>{inside}{_row(below.parts)}</msub>"
    return f"<msup>{inside}{_row(above.parts)}</msup>"


def _accent(tex: Tex, place: int) -> str:
    return (
        f'<mover accent="true">{_row(tex.parts[0].parts)}'
        f'<mo stretchy="false">{_ACCENTS[tex.text]}</mo></mover>'
    )


def _root(tex: Tex, place: int) -> str:
    if len(tex.parts) > 1:
        return f"<mroot>{_row(tex.parts[0].parts)}{_row(tex.parts[1].parts)}</mroot>"
    return f"<msqrt>{_row(tex.parts[0].parts)}</msqrt>"


def _under(tex: Tex, place: int) -> str:
    base, below = tex.parts
    return f'<munder>{_row(base.parts)}<mstyle class="shape">{_row(below.parts)}</mstyle></munder>'


def _table(tex: Tex, place: int) -> str:
    rows = "".join(
        f"<mtr>{''.join(f'<mtd>{_row(cell.parts)}</mtd>' for cell in row.parts)}</mtr>"
        for row in tex.parts
    )
    opens, closes = _FENCES.get(tex.text, ("", ""))
    begin = f"<mo>{opens}</mo>" if opens else ""
    end = f"<mo>{closes}</mo>" if closes else ""
    return f"<mrow>{begin}<mtable>{rows}</mtable>{end}</mrow>"


def _space(tex: Tex, place: int) -> str:
    return f'<mspace width="{0.17 if len(tex.text) < 2 else 0.5 * len(tex.text):g}em"/>'


_KINDS = {
    "row": lambda tex, place: _row(tex.parts),
    "atom": _atom,
    "number": lambda tex, place: f"<mn>{tex.text}</mn>",
    "name": lambda tex, place: f'<mi mathvariant="normal">{escape(tex.text)}</mi>',
    "words": lambda tex, place: f"<mtext>{escape(tex.text)}</mtext>",
    "space": _space,
    "frac": lambda tex, place: (
        f"<mfrac>{_row(tex.parts[0].parts)}{_row(tex.parts[1].parts)}</mfrac>"
    ),
    "sqrt": _root,
    "script": _script,
    "accent": _accent,
    "under": _under,
    "table": _table,
}
