"""`check_script`: a whole script, its training step found and held against its loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.checking.front import check
from chainrule.checking.point import Function, at, short
from chainrule.checking.report import RIGHT, Finding, Report
from chainrule.checking.scripts.crash import changed_shape, crash_report, is_about_shapes
from chainrule.checking.scripts.ending import stuck
from chainrule.checking.scripts.exchanges import told_again
from chainrule.checking.scripts.process import run
from chainrule.checking.scripts.reading import Bench, Slice, Step, is_number
from chainrule.checking.scripts.replay import Player, doubled
from chainrule.checking.scripts.rounds import retold
from chainrule.checking.scripts.rows import resolved
from chainrule.checking.scripts.tape import Tape
from chainrule.checking.scripts.updates import Chain, Window, chains, windows
from chainrule.checking.scripts.usual import USUAL, guessed_losses
from chainrule.checking.search import distance
from chainrule.checking.sentences import hints
from chainrule.checking.truth import truth
from chainrule.errors import ScriptError

MOST_WINDOWS = 120  # that are searched for a loss
CANDIDATES = 6  # losses that are tried
GUESSES = 3  # usual losses against which a gradient is searched that is none of them


def check_script(
    path: str | Path,
    *,
    params: Sequence[str] | None = None,
    loss: str | None = None,
    seconds: float = 20.0,
    megabytes: int = 1500,
) -> Report:
    """Check the backward pass of a whole script, a tutorial's or a student's.

    path       the file; it runs in a process of its own, guarded and limited
    params     what is trained, as the script calls it (`["W1", "net.b"]`); else it is found
    loss       the name of the variable that holds the loss, or of a usual loss such as
               "binary_cross_entropy"; else it is found, or guessed where the script has none
    seconds    after which the script is stopped; what it did until then is checked
    megabytes  of memory that its process may use

    Raises FileError for a file that is not there, ScriptError for one that does no training that
    can be read, or does what it may not.
    """
    path = Path(path)
    tape = run(path, seconds, megabytes)
    if tape.ended == "refused":
        raise ScriptError(f"{path.name}: line {tape.line}: {tape.message}")
    if tape.ended == "memory":
        raise ScriptError(
            f"{path.name}: line {tape.line}: asks for more memory than the {megabytes:,} MB that "
            "it may use; with more: cr.check_script(path, megabytes=4000)"
        )
    script = Script(tape, path)
    found = script.trained(params)
    if tape.ended == "error" and (not found or is_about_shapes(tape)):
        return crash_report(tape, path)
    if not found:
        raise ScriptError(_nothing_trained(tape, path, params))
    return script.judged(found, loss)


def _nothing_trained(tape: Tape, path: Path, params: Sequence[str] | None) -> str:
    if params:
        return f"{path.name}: none of {', '.join(params)} is a number or array that is updated"
    ended = {
        "time": ", stopped when its time was over; with more time: cr.check_script(path, "
        "seconds=60)",
        "error": f", stopped by {tape.message} in line {tape.line}",
    }.get(tape.ended, "")
    return (
        f"{path.name}: no parameter was found that the script updates by its gradient{ended}. "
        'If there is one, name it: cr.check_script(path, params=["W1", "b1"])'
    )


@dataclass
class Script:
    """A recorded script under judgement."""

    tape: Tape
    path: Path

    def __post_init__(self) -> None:
        self.file = str(self.path.resolve())
        self.player = Player(self.tape, self.file)

    def trained(self, params: Sequence[str] | None) -> list[Chain]:
        found = chains(self.tape)
        if params is None:
            return found
        return [c for c in found if any(_called(self._name(c), p) for p in params)]

    def _name(self, chain: Chain) -> str:
        for version in reversed(chain.versions):
            if version in self.tape.names:
                return self.tape.names[version]
        named = self.tape.entries[chain.first].name or self.tape.entries[chain.versions[1]].name
        place = self.tape.entries[chain.versions[1]].place
        return named or self.tape.places[place].text or f"line {self.tape.places[place].line}"

    def names(self, found: Sequence[Chain]) -> dict[int, str]:
        taken: dict[int, str] = {}
        for chain in found:
            name, number = self._name(chain), 1
            while name in taken.values():
                number += 1
                name = f"{self._name(chain)} ({number})"
            taken[chain.first] = name
        return taken

    # --- the steps ---

    def _step(
        self, window: Window, found: Sequence[Chain], names: dict[int, str], previous: Window | None
    ) -> Step:
        changed = window.row_by_row(self.tape)
        if not changed:
            return Step(self.tape, self.player, window, found, names, previous)
        tape = resolved(self.tape, changed)
        return Step(tape, Player(tape, self.file), window, found, names, previous)

    def judged(self, found: list[Chain], loss: str | None) -> Report:
        steps = windows(self.tape, found)
        names = self.names(found)
        made = [
            self._step(window, found, names, steps[i - 1] if i else None)
            for i, window in enumerate(steps[: MOST_WINDOWS + 1])
        ]
        changed = changed_shape(made[0], self.file)
        if changed is not None:
            return changed
        order = [*range(1, len(made)), 0]  # a rule with a memory shows from the second step on
        if len(made) > 2 and made[1].adds_up:  # so far all that was added up is in the parameters
            order = [*range(2, len(made)), 1, 0]
        seen: set[int] = set()
        elsewhere: list[tuple[Step, int]] = []  # losses on other data than those of a step
        for number in order:
            # What does in this step what was done in steps before, and no loss was among it.
            here = self._numbers(made, number)
            if number > 2 and here | self._numbers(made, number + 1) <= seen:
                continue
            seen |= here
            step = made[number]
            after = made[number + 1] if number + 1 < len(made) else None
            until = after.begin if after and after.live else len(self.tape.entries) - 1
            candidates = step.loss_candidates(max(until, step.window.end))
            if loss is not None:
                candidates = [i for i in candidates if self.tape.entries[i].name == loss]
            usable = self._usable(step, candidates)
            if usable:
                return self._held(step, usable)
            elsewhere = elsewhere or [(step, index) for index in candidates[-1:]]
        step = made[order[0]]
        if loss is not None and loss not in USUAL and not elsewhere:
            raise ScriptError(
                f"{self.path.name} has no number {loss!r} that depends on what is trained; name "
                f"the variable that holds the loss, or one of {', '.join(USUAL)}"
            )
        return self._told(self._without_loss(step, elsewhere, USUAL.get(loss or "", "")), step)

    def _numbers(self, made: Sequence[Step], number: int) -> set[int]:
        """The places at which single numbers are computed after the step before this one."""
        begin = made[number - 1].window.end if number else 0
        end = made[number].window.end if number < len(made) else len(self.tape.entries)
        entries = self.tape.entries[begin:end]
        return {entry.place for entry in entries if is_number(entry)}

    def _usable(self, step: Step, candidates: Sequence[int]) -> list[int]:
        """The candidates whose data are those of the coded gradient, the last ones first."""
        bench = Bench(step)
        for parts in step.gradient_slices.values():
            for _, part in parts:
                bench.place(part.frontier)
        known = len(bench.data)
        touched = {
            shape
            for parts in step.gradient_slices.values()
            for _, part in parts
            for shape in step.touched(part, step.live)
        }
        good = []
        for index in reversed(candidates):
            live = step.depending(index)
            part = step.slice(index, live)
            if not step.touched(part, live) <= touched:
                continue  # its inputs are others: the whole data, where the step has a batch
            trial = Bench(step)
            trial.data = list(bench.data)
            trial.place(part.frontier)
            if len(trial.data) == known or all(np.ndim(d) == 0 for d in trial.data[known:]):
                good.append(index)
        return good

    # --- against a loss ---

    def grads(self, step: Step, bench: Bench) -> Function:
        pieces = []
        for first, parts in step.gradient_slices.items():
            for _, part in parts:
                bench.place(part.frontier)
            signed = [(-change.sign, part, change) for change, part in parts]
            pieces.append((step.names[first], signed))
        return bench.function(pieces)

    def _held(self, step: Step, candidates: Sequence[int]) -> Report:
        """Against the number whose gradient is nearest to the coded one."""
        trials = [self._trial(step, index) for index in candidates[:CANDIDATES]]
        if len(trials) > 1:
            trials.sort(key=lambda trial: self._gap(step, *trial[:3]))
        bench, loss, grads, part = trials[0]
        report = self._checked(step, bench, loss, grads)
        if report.ok:
            report = replace(report, notes=(*report.notes, *_ending(step, bench, loss)))
        return self._told(report, step, part)

    def _trial(self, step: Step, index: int) -> tuple[Bench, Function, Function, Slice]:
        bench = Bench(step)
        part = step.slice(index, step.depending(index))
        bench.place_inputs(step.inputs(part))
        bench.place(part.frontier)
        grads = self.grads(step, bench)
        whole = bench.function([("loss", [(1, part, None)])])
        return bench, lambda params, *data: whole(params, *data)["loss"], grads, part

    def _gap(self, step: Step, bench: Bench, loss: Function, grads: Function) -> tuple[int, float]:
        """How many parameters are wrong, and how far the coded gradient is from parallel."""
        params = self._params(step)
        try:
            true = truth(loss, at(params, bench.data)).gradients
        except Exception:  # not a function that can be differentiated: not the loss
            return len(params) + 1, np.inf
        mine = grads(params, *bench.data)
        keys = {name: short(f"[{name!r}]") for name in params}
        wrong = sum(distance(mine[name], true[key]) > RIGHT for name, key in keys.items())
        a = np.concatenate([np.ravel(mine[name]) for name in keys])
        b = np.concatenate([np.ravel(true[key]) for key in keys.values()])
        if a.shape != b.shape or not (size := float(np.linalg.norm(a) * np.linalg.norm(b))):
            return wrong, np.inf
        return wrong, 1 - abs(float(a @ b)) / size

    def _params(self, step: Step) -> dict[str, Any]:
        return {
            step.names[first]: doubled(self.player.value(old)) for old, first in step.start.items()
        }

    def _checked(self, step: Step, bench: Bench, loss: Function, grads: Function) -> Report:
        params = self._params(step)
        return check(loss=loss, grads=grads, params=params, data=tuple(bench.data))

    def _told(self, report: Report, step: Step, loss: Slice | None = None) -> Report:
        """The report in the script's own words: its names, and what only a whole script shows."""
        names = {short(f"[{name!r}]"): name for name in step.names.values()}

        def renamed(table: Any) -> dict[str, Any]:
            return {names.get(key, key): value for key, value in table.items()}

        updates = {  # one line may update many numbers: the first that is read afterwards
            self.tape.line_of(change.new): step.names[first]
            for first, changes in reversed(step.window.changes.items())
            for change in changes
            # A gradient is computed from the updated value.
            if any(own.new in step.backward for own in changes)
        }
        findings = []
        for finding in report.findings:
            early = updates.get(finding.line)
            kind = finding.kind
            said, told = finding.explanation, finding.hints
            if early and kind in ("extra-term", "wrong-operand"):
                kind = "update-before-propagate"
                said = (
                    f"{early} is updated in line {finding.line}, and the error is propagated "
                    "through it afterwards. Move this update behind the last use of the old value."
                )
                told = hints(kind, finding.line, said)
            findings.append(
                replace(
                    finding,
                    kind=kind,
                    explanation=said,
                    hints=told,
                    parameter=names.get(finding.parameter, finding.parameter),
                    parameters=tuple(names.get(p, p) for p in finding.parameters),
                )
            )
        report = replace(report, mine=renamed(report.mine), true=renamed(report.true))
        findings = [retold(finding, report, step, loss) for finding in findings]
        findings = [self._placed(finding, step) for finding in findings]
        findings = told_again(findings, report, step)
        return replace(
            report,
            findings=tuple(findings),
            errors=renamed(report.errors),
            file=self.file,
        )

    def _placed(self, finding: Finding, step: Step) -> Finding:
        """What concerns the whole update, at its line where it has one."""
        changes = [change for group in step.slopes.values() for change in group]
        lines = {self.tape.line_of(change.new) for change in changes}
        if finding.line or len(lines) != 1:
            return finding
        [line] = lines
        said = finding.explanation.replace("line 0:", f"line {line}:")
        told = {
            key: text.replace("Line 0:", f"Line {line}:") for key, text in finding.hints.items()
        }
        told["where"] = hints(finding.kind, line, said)["where"]
        return replace(finding, line=line, explanation=said, hints=told)

    def _without_loss(
        self, step: Step, elsewhere: Sequence[tuple[Step, int]], begin: str
    ) -> Report:
        """Where the script states no loss: one of the usual ones, whose gradient it is."""
        trials = []
        is_mean = {self._is_mean(*found) for found in elsewhere}
        for name, build in guessed_losses(step):
            if (is_mean and ("averaged" in name) not in is_mean) or not name.startswith(begin):
                continue
            bench = Bench(step)
            grads = self.grads(step, bench)
            loss = build(bench)
            trials.append((self._gap(step, bench, loss, grads), name, bench, loss, grads))
        if not trials:
            raise ScriptError(
                f"{self.path.name} computes no loss that could be found; name it: "
                'cr.check_script(path, loss="half_squared_error"), or the variable that holds it'
            )
        trials.sort(key=lambda trial: trial[0])
        reports: list[tuple[str, Report]] = []
        for _, name, bench, loss, grads in trials[:GUESSES]:
            report = self._checked(step, bench, loss, grads)
            if report.ok:
                notes = (
                    *report.notes,
                    (_ELSEWHERE if elsewhere else _NO_LOSS) % name,
                    *_ending(step, bench, loss),
                )
                return replace(report, also_gradient_of=(name,), notes=notes)
            reports.append((name, report))
        name, report = min(reports, key=lambda pair: _doubt(pair[1]))
        note = (_ELSEWHERE if elsewhere else _GUESSED) % name
        return replace(report, notes=(*report.notes, note))

    def _is_mean(self, step: Step, index: int) -> bool:
        """Whether a loss is a mean over samples, by the operations that it ends with."""
        live = step.depending(index)
        entries = [self.tape.entries[i] for i in step.slice(index, live).order if i in live]
        return any(
            entry.op in ("np.mean", "method mean", "np.average")
            or (entry.op == "divide" and entry.shape == () and isinstance(entry.arguments[1], int))
            for entry in entries
        )


_NO_LOSS = "the script computes no loss; its gradient is exactly that of %s"
_ELSEWHERE = (
    "the script computes its loss on other data than those of a training step; the step was held "
    "against %s"
)
_GUESSED = (
    "the script computes no loss; its gradient was held against %s, to which it is nearest; if "
    'another is meant, name it: cr.check_script(path, loss="binary_cross_entropy")'
)


def _ending(step: Step, bench: Bench, loss: Function) -> tuple[str, ...]:
    said = stuck(step, loss, bench.data)
    return (said,) if said else ()


def _doubt(report: Report) -> tuple[bool, int]:
    """The loss that was meant is the one from which the gradient is one mistake away."""
    kinds = [finding.kind for finding in report.findings]
    return "unexplained" in kinds or not kinds, len(kinds)


def _called(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith((f"{wanted}[", f"{wanted}."))
