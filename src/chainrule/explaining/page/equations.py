"""Equations under one another, their signs = aligned, in MathML."""

from collections.abc import Iterable, Sequence

from chainrule.tex import inner_mathml

LONGEST = 1500  # letters of a formula in numbers; a longer one is told only as its result


def equations(lines: Iterable[Sequence[str]]) -> str:
    """Of (left, right) or (left, right, relation) in LaTeX; an empty left goes on from before."""
    rows = "".join(_row(*line) for line in lines if len(line[1]) < 4 * LONGEST)
    return f'<math display="block"><mtable class="lines">{rows}</mtable></math>'


def _row(left: str, right: str, relation: str = "=") -> str:
    begin = inner_mathml(left) if left else ""
    return (
        f"<mtr><mtd>{begin}</mtd><mtd><mo>{relation}</mo></mtd>"
        f"<mtd>{inner_mathml(right)}</mtd></mtr>"
    )
