"""What a check is about: a function, the truth it is held against, and mistakes that explain it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from chainrule.checking.edit import Edit
from chainrule.checking.point import Function, Point
from chainrule.checking.pool import Pool
from chainrule.checking.search import distance, wrong_results
from chainrule.checking.steps import Array, Program, Step
from chainrule.checking.truth import Truth

PLAIN = 1.2  # edits of this cost explain themselves: nothing else is asked
LONG = 200  # steps of a program for which one wave may take a second; more for longer ones


@dataclass(frozen=True, eq=False)
class Candidate:
    """One mistake that explains results.

    step   the user's step with the line to blame; None where no line is known
    told   puts the correction by an edit into words, where `remedy` does not say it
    after  the user's program once it is corrected; None where that is not known
    """

    kind: str
    rank: tuple[float, ...]
    step: Step | None
    edit: Edit | None
    right: frozenset[str]
    error: float
    remedy: str = ""
    told: Callable[[Edit], str] | None = None
    after: Callable[[], Program] | None = None

    @property
    def is_guess(self) -> bool:
        return self.kind == "unexplained" and self.rank[0] > PLAIN

    @cached_property
    def program(self) -> Program | None:
        return self.after() if self.after is not None else None


@dataclass(frozen=True, eq=False)
class Case:
    """A function, the truth it is held against, and what was recorded of it.

    record, run  the function once more, recorded or not
    gradients    of an update the true gradients behind it, None where the results are gradients
    """

    function: Function
    point: Point
    true: Truth
    program: Program
    exact: float
    record: Callable[[], Program]
    run: Callable[[], Mapping[str, Array]]
    gradients: Mapping[str, Array] | None = None

    @property
    def mine(self) -> dict[str, Array]:
        return self.program.values()

    @property
    def seconds(self) -> float:
        """That one wave of a search may take."""
        return max(1.0, min(4.0, len(self.program.steps) / LONG))

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.true, self.program, self.point)

    @cached_property
    def wrong(self) -> frozenset[str]:
        return wrong_results(self.program, self.true.gradients, self.pool, self.exact)

    def error(self, name: str, value: Array) -> float:
        """The deviation of a result from the truth."""
        true = self.true
        return distance(value, true.gradients[name], true.least(name, self.exact))

    def with_program(self, program: Program) -> "Case":
        return replace(self, program=program)
