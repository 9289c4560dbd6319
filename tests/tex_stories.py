"""The formulas of random networks, compiled by TeX itself: the table in `tests/results`.

    python tests/tex_stories.py 60

explains that many networks (those of `random_stories.py`) and some recurrent ones, and has pdflatex
compile every formula of every step and every derivation, with amsmath and nothing else. It needs a
TeX (in Debian: texlive-latex-base), which CI does not have: there the reader of `chainrule.tex`
takes its place,
which must refuse whatever TeX refuses.
"""

import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import recurrent
from random_stories import network

import chainrule as cr
from chainrule.explaining.story import Story

RESULTS = Path(__file__).parent / "results" / "tex_stories.md"
HEAD = r"""\documentclass{article}
\usepackage{amsmath}
\usepackage[paperwidth=3000mm,paperheight=5000mm,margin=5mm]{geometry}
\begin{document}
"""


def formulas(count: int) -> tuple[list[str], int, int]:
    """The body of a document, and how many formulas and derivations it holds."""
    body: list[str] = []
    steps = derivations = 0
    for story in [*drawn(count), *over_time()]:
        for step in story:
            if step.formula:
                body.append(rf"\[ {step.symbol} = {step.formula} \]")
                steps += 1
            if step.numbers:
                body.append(rf"\[ {step.entry} = {step.numbers} \]")
                steps += 1
        for name in story.gradients:
            body.append(story.latex(name))
            derivations += 1
    return body, steps, derivations


def drawn(count: int) -> Iterator[Story]:
    """Random networks."""
    for number in range(count):
        given = network(np.random.default_rng([2, number]))
        yield cr.explain(given.model, given.x, given.y, training=given.training)


def over_time() -> Iterator[Story]:
    """Recurrent layers: the last of them, and all."""
    for layer in recurrent.LAYERS:
        for last in (True, False):
            model, x, y = recurrent.model(layer, last=last)
            yield cr.explain(model, x, y)


def compile_tex(body: list[str]) -> tuple[bool, str]:
    """Whether pdflatex takes it, and its own words where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "formulas.tex"
        document.write_text(HEAD + "\n".join(body) + "\n\\end{document}\n", encoding="utf-8")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document.name],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
        )
    lines = done.stdout.splitlines()
    first = next((k for k, line in enumerate(lines) if line.startswith("!")), len(lines))
    return done.returncode == 0, "\n".join(lines[first : first + 8])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    begun = time.perf_counter()
    body, steps, derivations = formulas(count)
    good, words = compile_tex(body)
    version = subprocess.run(["pdflatex", "--version"], capture_output=True, text=True, check=True)
    text = (
        "# Formulas of random networks in TeX\n\n"
        f"Written by `python tests/tex_stories.py {count}` in "
        f"{time.perf_counter() - begun:.0f} seconds, with {version.stdout.splitlines()[0]}\n"
        f"and Python {platform.python_version()}.\n\n"
        f"| | |\n|---|---:|\n| networks | {count} |\n"
        f"| recurrent ones beside them | {2 * len(recurrent.LAYERS)} |\n"
        f"| formulas of steps | {steps:,} |\n"
        f"| derivations | {derivations:,} |\n| compiled | {'all' if good else 'not all'} |\n"
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(text, words)
    sys.exit(not good)


if __name__ == "__main__":
    main()
