"""What the largest path is of all: its share, and what becomes of it beside the others.

The sentences have places, {0} and on, which the page fills for its units and `told` for a weight.
"""

from chainrule.tex import figure

SENTENCES = (
    "The product of its slopes is {0}.",
    "That is {0} of {1}, the sizes of all paths added up without their signs.",
    "With their signs {0} of it cancels.",
    "Its sign is not the gradient's: the others outweigh it.",
)
MOST_OF_IT = 0.5  # lost to opposite signs: from here on it is said


def shares(product: float, gradient: float, absolute: float) -> list[list[str]]:
    """For each of `SENTENCES` but the first what fills it, or nothing where it is not said.

    absolute  the sum of the sizes of all paths to a number that has this gradient
    """
    if not absolute > 0:
        return []
    lost = 1 - abs(gradient) / absolute
    found = [[f"{abs(product) / absolute:.1%}", figure(absolute)]]
    found.append([f"{lost:.0%}"] if lost > MOST_OF_IT else [])
    return [*found, ["-"]] if product * gradient < 0 else found


def told(product: float, gradient: float, absolute: float) -> str:
    """What is said of a path whose product stands beside it."""
    found = zip(SENTENCES[1:], shares(product, gradient, absolute), strict=False)
    return " ".join(sentence.format(*places) for sentence, places in found if places)
