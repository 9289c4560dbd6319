"""Of the rules that an update may be meant as, the one that it is nearest to."""

from collections.abc import Callable, Sequence

from chainrule.checking.case import Case
from chainrule.checking.report import Finding
from chainrule.checking.truth import Truth
from chainrule.checking.verdict import findings

EXACT_STEP = 1e-8  # of an update, which is a small difference of larger numbers
DOUBTFUL = ("unexplained", "wrong-constant-factor")  # where another rule may say more


def best_of(truths: Sequence[Truth], case: Callable[[Truth], Case]) -> list[Finding]:
    """The findings against the truth that explains an update best."""
    best: list[Finding] = []
    for one in truths:
        found = findings(case(one))
        if found and (not best or _order(found) < _order(best)):
            best = found
        if len(best) == 1 and best[0].kind not in DOUBTFUL:
            break
    return best


def _order(findings: Sequence[Finding]) -> tuple[bool, int, bool]:
    """Fewer mistakes, and such as have a name, come first."""
    kinds = [finding.kind for finding in findings]
    return "unexplained" in kinds, len(kinds), any(kind in DOUBTFUL for kind in kinds)
