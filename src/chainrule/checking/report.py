"""What a check found, for people and for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from chainrule.checking.steps import Array

Level = Literal["where", "kind", "formula", "fix"]
LEVELS: tuple[Level, ...] = ("where", "kind", "formula", "fix")


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
    curve             (step, deviation) of central differences from the true gradient
    """

    findings: tuple[Finding, ...]
    also_gradient_of: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    mine: Mapping[str, Array] = field(default_factory=dict)
    true: Mapping[str, Array] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings

    def text(self, level: Level = "fix") -> str:
        """The report as plain text, with hints no further than `level`."""
        lines = [self._headline()]
        allowed = LEVELS[: LEVELS.index(level) + 1]
        for number, finding in enumerate(self.findings, 1):
            lines.append("")
            place = f"line {finding.line}" if finding.line else finding.parameter
            title = f": {finding.kind.replace('-', ' ')}" if "kind" in allowed else ""
            lines.append(f"{number}. {place}{title}")
            lines += [f"   {finding.hints[key]}" for key in allowed if finding.hints.get(key)]
            if "fix" in allowed and np.isfinite(finding.evidence):
                lines.append(
                    f"   Proof: with this change the gradients are true to {finding.evidence:.1e}."
                )
            if "kind" in allowed:
                lines += [
                    f"   Also possible: {other.explanation}" for other in finding.alternatives[:2]
                ]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.ok:
            worst = max(self.errors.values(), default=0.0)
            return f"Every gradient is that of the loss (largest deviation {worst:.1e})."
        wrong = [f"{name} ({error:.1e})" for name, error in self.errors.items() if error > 1e-7]
        return f"The gradient is not that of the loss: {', '.join(wrong) or 'see below'}."

    def to_json(self) -> str:
        """The report as JSON, for autograders; arrays are lists."""
        found: dict[str, Any] = {
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
            "also_gradient_of": list(self.also_gradient_of),
            "errors": dict(self.errors),
            "curve": [list(point) for point in self.curve],
            "notes": list(self.notes),
        }
        return json.dumps(_finite(found), indent=2, ensure_ascii=False)


def _finite(value: Any) -> Any:
    """JSON knows no infinity: such numbers become null."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
