"""A strict reader of the LaTeX that chainrule writes: formulas to trees."""

from dataclasses import dataclass

from chainrule.errors import GraphError


@dataclass(frozen=True)
class Tex:
    """One piece of a formula.

    kind  row      parts side by side
          atom     one symbol, in `text` as Unicode
          number   digits, in `text`
          name     an upright word, such as that of a function
          words    ordinary text
          space
          frac     numerator, denominator
          sqrt     radicand, and perhaps the index of the root
          script   base, below, above (rows that may be empty)
          accent   the mark in `text` over its part
          under    base and what stands under it
          table    the environment in `text`; rows whose parts are cells
    """

    kind: str
    text: str = ""
    parts: tuple["Tex", ...] = ()


def pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


SYMBOLS = pairs(
    "alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ "
    "nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi φ chi χ psi ψ omega ω Gamma Γ Delta Δ "
    "Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω "
    "partial ∂ infty ∞ top ⊤ prime ′ cdot · odot ⊙ times × oplus ⊕ pm ± le ≤ ge ≥ ne ≠ approx ≈ "
    "ll ≪ gg ≫ leftarrow ← to → in ∈ land ∧ lor ∨ neg ¬ lnot ¬ cdots ⋯ vdots ⋮ ddots ⋱ dots … "
    "mid ∣ sum Σ prod Π lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ { { } } & & % % _ _ # # | ‖"
)
NAMES = (
    *("ln", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("arcsin", "arccos", "arctan", "max", "min", "bmod"),
)
SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "quad": "  ", "qquad": "    ", "!": ""}
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
TABLES = ("pmatrix", "matrix", "cases", "aligned", "align*", "array")
_STYLES = ("displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "left", "right")


def parse(latex: str) -> Tex:
    """The formula as a tree; raises GraphError at whatever TeX, too, would not understand."""
    reader = _Reader(latex)
    row = reader.row()
    if not reader.at_end():
        raise reader.error("nothing opens what ends here")
    return row


class _Reader:
    def __init__(self, latex: str) -> None:
        self.latex, self.place = latex, 0

    def error(self, reason: str) -> GraphError:
        shown = self.latex[max(0, self.place - 20) : self.place + 20]
        return GraphError(f"{reason}, at place {self.place} of a formula: …{shown}…")

    def at_end(self) -> bool:
        return self.place >= len(self.latex)

    def peek(self) -> str:
        """The next token: a command with its backslash, or one character."""
        text, place = self.latex, self.place
        if place >= len(text):
            return ""
        if text[place] != "\\":
            return text[place]
        end = place + 1
        while end < len(text) and text[end].isalpha():
            end += 1
        return text[place : max(end, place + 2)]

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise self.error(f"{wanted or 'something'} is missing")
        self.place += len(token)
        return token

    def skip_spaces(self) -> None:
        while not self.at_end() and self.latex[self.place] in " \n":
            self.place += 1

    def row(self) -> Tex:
        """Pieces up to a closing brace, `&`, a line break, an \\end or the end."""
        parts: list[Tex] = []
        while True:
            self.skip_spaces()
            token = self.peek()
            if token in ("", "}", "&", "\\\\", "\\end"):
                return Tex("row", "", tuple(parts))
            if token in ("^", "_", "'"):
                if not parts:
                    raise self.error("a script stands on nothing")
                parts[-1] = self.scripts(parts[-1])
                continue
            piece = self.piece()
            if piece is not None:
                parts.append(piece)

    def scripts(self, base: Tex) -> Tex:
        if base.kind == "script":
            base, below, above = base.parts
        else:
            below = above = Tex("row")
        token = self.take()
        if token == "'":
            return Tex("script", "", (base, below, _joined(above, Tex("atom", "′"))))
        script = self.argument()
        if token == "_":
            if below.parts:
                raise self.error("two subscripts")
            return Tex("script", "", (base, script, above))
        if any(part.text != "′" for part in above.parts):
            raise self.error("two superscripts")
        return Tex("script", "", (base, below, _joined(above, *script.parts)))

    def argument(self) -> Tex:
        self.skip_spaces()
        if self.peek() == "{":
            return self.group()
        if self.peek().isdigit():  # of \\frac12 each digit is one argument
            return Tex("row", "", (Tex("number", self.take()),))
        piece = self.piece()
        if piece is None:
            raise self.error("an argument is missing")
        return Tex("row", "", (piece,))

    def group(self) -> Tex:
        self.take("{")
        row = self.row()
        self.take("}")
        return row

    def piece(self) -> Tex | None:
        token = self.take()
        if token == "{":
            self.place -= 1
            return self.group()
        if not token.startswith("\\"):
            return self.character(token)
        name = token[1:]
        if name in SYMBOLS:
            return Tex("atom", SYMBOLS[name])
        if name in NAMES:
            return Tex("name", "mod" if name == "bmod" else name)
        if name in SPACES:
            return Tex("space", SPACES[name])
        if name in ACCENTS:
            return Tex("accent", ACCENTS[name], (self.argument(),))
        if name in _STYLES:
            return None
        if name == "frac" or name == "tfrac" or name == "underset":
            first, second = self.argument(), self.argument()
            if name == "underset":
                return Tex("under", "", (second, first))
            return Tex("frac", "", (first, second))
        if name == "sqrt":
            index: tuple[Tex, ...] = ()
            if self.peek() == "[":
                end = self.latex.find("]", self.place)
                index = (parse(self.latex[self.place + 1 : end]),)
                self.place = end + 1
            return Tex("sqrt", "", (self.argument(), *index))
        if name in ("operatorname", "mathrm", "text", "mathbf", "mathbin"):
            return self.words("words" if name == "text" else "name")
        if name == "begin":
            return self.table()
        raise self.error(f"{token} is no command of these formulas")

    def character(self, token: str) -> Tex:
        if token.isdigit():
            digits = token
            while self.peek().isdigit() or (self.peek() == "." and self.digit_follows()):
                digits += self.take()
            return Tex("number", digits)
        if token in "#%$~\\":
            raise self.error(f"{token!r} has a meaning of its own in TeX")
        return Tex("atom", {"-": "−", "*": "∗"}.get(token, token))

    def digit_follows(self) -> bool:
        return self.latex[self.place + 1 : self.place + 2].isdigit()

    def words(self, kind: str) -> Tex:
        self.take("{")
        end = self.latex.find("}", self.place)
        if end < 0:
            raise self.error("a brace is not closed")
        text = self.latex[self.place : end]
        self.place = end + 1
        for name in ("&", "_", "%", "#"):
            text = text.replace(f"\\{name}", name)
        if "\\" in text or "{" in text or "$" in text:
            raise self.error("words hold no commands")
        return Tex(kind, text)

    def table(self) -> Tex:
        name = self.words("name").text
        if name not in TABLES:
            raise self.error(f"there is no environment {name}")
        if name == "array":
            self.words("name")
        rows, cells = [], [self.row()]
        while self.peek() != "\\end":
            token = self.take()
            if token == "&":
                cells.append(self.row())
            elif token == "\\\\":
                rows.append(Tex("row", "", tuple(cells)))
                cells = [self.row()]
            else:
                raise self.error(f"{name} is not ended")
        self.take("\\end")
        if self.words("name").text != name:
            raise self.error(f"{name} is ended by another name")
        rows.append(Tex("row", "", tuple(cells)))
        return Tex("table", name, tuple(rows))


def _joined(row: Tex, *more: Tex) -> Tex:
    return Tex("row", "", (*row.parts, *more))
