"""The part of LaTeX that chainrule writes: read strictly, and shown as plain text.

Formulas are written once, as LaTeX. The terminal shows the same formula in Unicode, other pages may
show it in another form, and the tests read every formula with this reader: an unknown command, an
open brace or a misplaced `&` is an error, as it would be for TeX.
"""

from chainrule.tex.mathml import inner_mathml, mathml
from chainrule.tex.numbers import constant, matrix, number
from chainrule.tex.reading import SYMBOLS, Tex, parse
from chainrule.tex.unicode import figure, plain

__all__ = [
    "SYMBOLS",
    "Tex",
    "constant",
    "figure",
    "inner_mathml",
    "mathml",
    "matrix",
    "number",
    "parse",
    "plain",
]
