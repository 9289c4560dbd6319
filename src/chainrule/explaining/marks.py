"""Small pieces of LaTeX: brackets, signs, indices, primes."""

import re
from collections.abc import Sequence

from chainrule.explaining.expression import Symbol
from chainrule.ops.map import Map
from chainrule.ops.products import parts
from chainrule.ops.reductions import Reduce

Piece = tuple[str, int]  # a formula, and how tightly its outermost operation binds
_OPEN, _CLOSED = "({[|,", ")}],|"


def bracketed(text: str) -> str:
    return rf"\left( {text} \right)" if r"\begin" in text or r"\frac" in text else f"({text})"


def on_its_side(text: str) -> str:
    """Transposed; beside an exponent that is there already."""
    return rf"{{{text}}}^\top" if "^" in text and not text.startswith("(") else rf"{text}^\top"


def signed(terms: Sequence[str]) -> str:
    """A sum: a term with a sign of its own brings it along."""
    text = terms[0]
    for term in terms[1:]:
        text += f" - {term[1:].lstrip()}" if term.startswith("-") else f" + {term}"
    return text


def entry_of(name: Symbol, index: Sequence[int]) -> str:
    """An entry, counted from 1; along an axis of length 1 there is nothing to count."""
    counted = zip(index, name.shape, strict=True)
    return indexed(name, [str(i + 1) for i, length in counted if length != 1])


def indexed(name: Symbol, index: Sequence[str]) -> str:
    """An entry of a symbol; of a weight W it is w."""
    if not index:
        return name.latex
    latex = re.sub(r"(?<![A-Za-z\\])W(?=[\^_']|$|\})", "w", name.latex)
    return scripted(latex, "".join(index) if max(map(len, index)) == 1 else ",".join(index))


def scripted(latex: str, index: str) -> str:
    """With an index below, beside one that is there already."""
    if not index:
        return latex
    if latex.startswith(r"\frac{\partial L}{\partial "):  # of the quantity below, not the fraction
        return rf"\frac{{\partial L}}{{\partial {scripted(latex[len(_DIFFERENTIAL) : -1], index)}}}"
    base = re.fullmatch(r"(.*)_\{([^{}]*)\}(\^\{[^{}]*\})?", latex)
    if base is not None:
        return f"{base[1]}_{{{base[2]},{index}}}{base[3] or ''}"
    if re.search(r"_\{.*\}$", latex):  # an index of its own, at the end
        latex = bracketed(latex)
    return f"{latex}_{{{index}}}"


_DIFFERENTIAL = r"\frac{\partial L}{\partial "


def prime(op: Map, argument: str) -> str:
    """f′(x), of a function that is written f(x) or f x."""
    name = re.split(r"[\s(]", op.latex, maxsplit=1)[0].format()
    return f"{name}'({argument})"


def word(name: str) -> str:
    return name.replace("_", r"\_")


def reduction(op: Reduce) -> str:
    return op.latex.format("").strip()


def is_delimited(latex: str, place: int) -> bool:
    """Whether a template puts this input between brackets of some sort."""
    start = latex.find(f"{{{place}}}")
    before = latex[:start].rstrip()
    behind = latex[start + 3 :].lstrip()
    if start < 0:
        return True
    if "cases" in latex:
        return True
    return (before[-1:] in _OPEN and before != "") and (behind[:1] in _CLOSED and behind != "")


def _as_rows(left: str, right: str, out: str) -> tuple[str, str, str]:
    """Leading axes that go along together (samples, time) as one: rows of a matrix."""
    lead = left[:-1]
    if len(lead) < 2:
        return left, right, out
    if len(right) == 2 and out[:-1] == lead:
        return lead[0] + left[-1], right, lead[0] + out[-1]
    if right[:-1] == lead and set(out) == {left[-1], right[-1]}:
        return lead[0] + left[-1], lead[0] + right[-1], out
    return left, right, out


def as_matrices(
    spec: str, standing: tuple[bool, bool]
) -> tuple[tuple[int, int], tuple[bool, bool]] | None:
    """A contraction as a product of two matrices: in which order, and which of them transposed.

    standing  whether each, if it has one axis, is a column

    None where there are more axes than a matrix has, or axes that both share and keep. A matrix and
    a vector give a vector that stands as that one does.
    """
    left, right, out = _as_rows(*parts(spec))
    summed = [letter for letter in left if letter not in out]
    shared = [letter for letter in out if letter in left and letter in right]
    if max(len(left), len(right), len(out)) > 2 or shared or len(summed) > 1:
        return None
    if not left or not right:
        return (0, 1), (False, False)
    swapped = (out[-1] in left) if len(out) == 2 else False
    if len(out) == 1 and len(left) != len(right):  # a vector stands behind, or lies in front
        place = 0 if len(left) == 1 else 1
        swapped = standing[place] == (place == 0)
    order = (1, 0) if swapped else (0, 1)
    factors = [(left, right)[place] for place in order]
    inner = summed[0] if summed else ""

    def turned(place: int) -> bool:
        own = factors[place]
        if len(own) == 2:
            return own[place] == inner
        # Of an inner product the right factor is a column, of an outer one the left.
        return standing[order[place]] != ((place == 1) == bool(inner))

    return order, (turned(0), turned(1))
