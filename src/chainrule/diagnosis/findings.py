"""What a diagnosis says: findings, each with its evidence and its remedy."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from textwrap import fill
from typing import Any, Literal

Severity = Literal["error", "warning"]
_WIDTH = 88


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    symptom      its name, as `dead-relus`; all names are in `chainrule.diagnosis.SYMPTOMS`
    layer        where it shows, as `1.ReLU`; "" for the run as a whole
    evidence     the numbers that were measured, by name
    explanation  what they mean
    remedy       what to write instead
    severity     "error": this cannot learn as it stands; "warning": it learns worse than it could
    since        "start", or "training" for what came with the steps that were made
    """

    symptom: str
    explanation: str
    remedy: str
    layer: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "warning"
    since: Literal["start", "training"] = "start"

    def text(self) -> str:
        """A few lines for a terminal."""
        place = f" in {self.layer}" if self.layer else ""
        numbers = ", ".join(f"{name} {_shown(value)}" for name, value in self.evidence.items())
        return "\n".join(
            [
                f"{self.severity}: {self.symptom}{place}",
                _indented(self.explanation),
                _indented(f"Measured: {numbers}") if numbers else "",
                _indented(f"Instead: {self.remedy}"),
            ]
        ).replace("\n\n", "\n")

    def to_dict(self) -> dict[str, Any]:
        """The same in plain data, as JSON can hold it."""
        return dict(plain(asdict(self)))


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the most likely cause first; `findings` is empty where all looks well.

    looked_at  what was measured, in words
    """

    findings: tuple[Finding, ...]
    looked_at: str = ""

    def __len__(self) -> int:
        return len(self.findings)

    def text(self) -> str:
        """All findings for a terminal, or the sentence that there are none."""
        if not self.findings:
            return f"nothing found: {self.looked_at}"
        return "\n\n".join(finding.text() for finding in self.findings)

    def to_json(self) -> str:
        """The same as JSON: an object with a list `findings`."""
        found = [finding.to_dict() for finding in self.findings]
        return json.dumps({"looked_at": self.looked_at, "findings": found}, indent=2)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """For notebooks: light, without scripts and without anything from elsewhere."""
        if not self.findings:
            return f"<p>Nothing found: {escape(self.looked_at)}.</p>"
        return "".join(_html(finding) for finding in self.findings)


def _indented(text: str) -> str:
    return fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _shown(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(entry) for entry in value) + "]"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}"


def plain(value: Any) -> Any:
    """As JSON can hold it: numbers that are not finite become text, for JSON has none."""
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


_COLOURS = {"error": "#A33B00", "warning": "#7A5C00"}  # 6:1 and more on white


def _html(finding: Finding) -> str:
    place = f" in <code>{escape(finding.layer)}</code>" if finding.layer else ""
    rows = "".join(
        f"<tr><td style='text-align:left'>{escape(name)}</td>"
        f"<td style='text-align:right'>{escape(_shown(value))}</td></tr>"
        for name, value in finding.evidence.items()
    )
    colour = _COLOURS[finding.severity]
    return (
        f"<div style='border-left:4px solid {colour};padding:2px 12px;margin:0 0 14px;"
        "max-width:46em;color:#222;background:#fff'>"
        f"<p style='margin:4px 0'><b style='color:{colour}'>{finding.severity}</b>: "
        f"<b>{escape(finding.symptom)}</b>{place}</p>"
        f"<p style='margin:4px 0'>{escape(finding.explanation)}</p>"
        f"<table style='margin:4px 0'>{rows}</table>"
        f"<p style='margin:4px 0'><b>Instead:</b> {escape(finding.remedy)}</p></div>"
    )
