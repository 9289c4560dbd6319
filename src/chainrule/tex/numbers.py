"""Numbers in LaTeX: measured ones, constants of formulas, matrices."""

from collections.abc import Sequence


def decimal(value: float, digits: int) -> str:
    """A number as its digits alone; empty where it needs a power of ten, or is none."""
    shown = f"{value:.{digits}g}"
    if "e" in shown or "n" in shown:  # nan, inf
        return ""
    return "0" if shown == "-0" else shown


def number(value: float, digits: int = 4) -> str:
    """A measured number in LaTeX, to some significant digits: `-0.1308`, `1.2 \\cdot 10^{-7}`."""
    plainly = decimal(value, digits)
    if plainly:
        return plainly
    if value != value:
        return r"\mathrm{NaN}"
    if value in (float("inf"), float("-inf")):
        return r"\infty" if value > 0 else r"-\infty"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    if -5 <= int(exponent) < 0:
        return f"{value:.{digits - 1 - int(exponent)}f}".rstrip("0")
    if mantissa in ("1", "-1"):
        return f"{mantissa[:-1]}10^{{{int(exponent)}}}"
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def constant(value: float, digits: int = 6) -> str:
    """A number of a formula in LaTeX, as one would write it: `\\frac{1}{3}`, `0.1`, `2`."""
    if value != value or value in (float("inf"), float("-inf")):
        return number(value)
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    sign, size = ("-", -value) if value < 0 else ("", value)
    for below in (2, 3, 4):
        above = round(size * below)
        if 0 < above < 10 and abs(size * below - above) < 1e-6 * above:
            return rf"{sign}\frac{{{above}}}{{{below}}}"
    inverse = 1 / size
    whole = 1 < inverse < 1e6 and abs(inverse - round(inverse)) < 1e-6 * inverse
    if whole and len(f"{size:.3g}".lstrip("0.").split("e")[0]) > 2:
        return rf"{sign}\frac{{1}}{{{round(inverse)}}}"
    if whole and round(inverse) in (6, 7, 8, 9, 16, 32, 64, 128, 256, 512):
        return rf"{sign}\frac{{1}}{{{round(inverse)}}}"
    return number(value, digits)


def matrix(rows: Sequence[Sequence[str]]) -> str:
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
