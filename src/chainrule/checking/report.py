"""What a check found, for people and for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chainrule.checking.levels import LEVELS, Level
from chainrule.checking.steps import Array
from chainrule.errors import UnknownNameError

RIGHT = 1e-7  # deviation against a parameter's largest gradient that is no mistake in float64


@dataclass(frozen=True)
class Alternative:
    """Another edit that the numbers allow as well."""

    kind: str
    line: int
    explanation: str


@dataclass(frozen=True)
class Finding:
    """One mistake: what it is, where, and how well that is proved.

    kind          as in the table of kinds
    severity      "wrong", or "scale" where every gradient is off by one and the same constant
    parameter     the first parameter that it reaches, going back from the loss
    parameters    all that it reaches
    line          1-based, in the user's file; 0 where it is not known
    hints         "where", "kind", "formula", "fix": each tells more than the one before
    evidence      the largest deviation that the correction leaves, against the largest gradient
    alternatives  other edits with the same numbers
    """

    kind: str
    severity: Literal["wrong", "scale"]
    parameter: str
    line: int
    explanation: str
    hints: dict[str, str] = field(default_factory=dict)
    evidence: float = np.inf
    alternatives: tuple[Alternative, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """The answer of a check.

    also_gradient_of  names of losses of which the coded gradient is the exact gradient
    errors            for each parameter the deviation against its largest true gradient
    mine, true        for each parameter the coded and the true gradient
    curve             (step, deviation) of central differences from the true gradient
    notes             what the data cannot show, and what was assumed
    file              the user's file, where it is known
    """

    findings: tuple[Finding, ...]
    also_gradient_of: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    mine: Mapping[str, Array] = field(default_factory=dict)
    true: Mapping[str, Array] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    notes: tuple[str, ...] = ()
    file: str = ""

    @property
    def ok(self) -> bool:
        return not self.findings

    def limited(self, level: Level) -> "Report":
        """The report for somebody who shall not be told more than hints of this level.

        Below "formula" there are no other explanations and no true gradients either, below "kind"
        no kinds.
        """
        allowed = _allowed(level)
        if level == "fix":
            return self
        findings = []
        for finding in self.findings:
            hints: dict[str, str] = {
                key: finding.hints[key] for key in allowed if finding.hints.get(key)
            }
            told = replace(finding, hints=hints, explanation=" ".join(hints.values()))
            if "formula" not in allowed:
                told = replace(told, alternatives=())
            if "kind" not in allowed:
                told = replace(told, kind="")
            findings.append(told)
        true = self.true if "formula" in allowed else {}
        return replace(self, findings=tuple(findings), true=true)

    def text(self, level: Level = "fix") -> str:
        """The report as plain text, with hints no further than `level`."""
        lines = [self._headline()]
        allowed = _allowed(level)
        for number, finding in enumerate(self.findings, 1):
            place = f"line {finding.line}" if finding.line else finding.parameter
            named = finding.kind and "kind" in allowed
            title = f": {finding.kind.replace('-', ' ')}" if named else ""
            lines += ["", f"{number}. {place}{title}"]
            lines += [f"   {text}" for text in self._told(finding, level)]
        for name in self.also_gradient_of:
            lines += ["", f"The coded gradient is exactly that of: {name}."]
        lines += ["", *(f"Note: {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines)

    def _told(self, finding: Finding, level: Level) -> list[str]:
        """What is said about a finding, line by line."""
        allowed = _allowed(level)
        lines = [finding.hints[key] for key in allowed if finding.hints.get(key)]
        if finding.severity == "scale" and "kind" in allowed:
            lines.append(
                "Every gradient is off by one constant: the direction is right, and the learning "
                "rate is in effect another one."
            )
        if "fix" in allowed and np.isfinite(finding.evidence):
            lines.append(
                f"Proof: with this change the gradients are true to {finding.evidence:.1e}."
            )
        if "formula" in allowed:
            lines += [f"Also possible: {other.explanation}" for other in finding.alternatives[:2]]
        return lines

    def _headline(self) -> str:
        if self.ok:
            worst = max(self.errors.values(), default=0.0)
            return f"Every gradient is that of the loss (largest deviation {worst:.1e})."
        if not self.errors:
            return "The code does not run as it stands."
        wrong = [
            f"{name} (off by {100 * error:.3g} %)" if np.isfinite(error) else f"{name} (shape)"
            for name, error in self.errors.items()
            if error > RIGHT
        ]
        shown = ", ".join(wrong[:8]) + (f" and {len(wrong) - 8} more" if len(wrong) > 8 else "")
        return f"The gradient is not that of the loss: {shown or 'see below'}."

    def html(self, path: str | Path, level: Level = "fix") -> None:
        """Write the report as one page: the source with its lines marked, and the gradients."""
        from chainrule.checking.page import document

        Path(path).write_text(document(self, level), encoding="utf-8")

    def to_json(self, level: Level = "fix") -> str:
        """The report as JSON, for autograders; arrays are lists, infinities null."""
        shown = self.limited(level)
        found: dict[str, Any] = {
            "ok": shown.ok,
            "findings": [asdict(finding) for finding in shown.findings],
            "also_gradient_of": list(shown.also_gradient_of),
            "errors": dict(shown.errors),
            "mine": {name: np.asarray(value).tolist() for name, value in shown.mine.items()},
            "true": {name: np.asarray(value).tolist() for name, value in shown.true.items()},
            "curve": [list(point) for point in shown.curve],
            "notes": list(shown.notes),
        }
        return json.dumps(_finite(found), indent=2, ensure_ascii=False)


def _allowed(level: Level) -> tuple[Level, ...]:
    if level not in LEVELS:
        raise UnknownNameError("level of hints", level, LEVELS)
    return LEVELS[: LEVELS.index(level) + 1]


def _finite(value: Any) -> Any:
    """JSON knows no infinity: such numbers become null."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
