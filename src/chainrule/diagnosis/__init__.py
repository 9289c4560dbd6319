"""Why a network does not learn: symptoms with their evidence, and what to write instead."""

from typing import Any

import numpy as np

from chainrule.diagnosis.case import Case, unbuilt_apart
from chainrule.diagnosis.findings import Diagnosis, Finding
from chainrule.diagnosis.not_finite import WhyNotFinite, why_not_finite
from chainrule.diagnosis.record import RecordLayers
from chainrule.diagnosis.symptoms import SYMPTOMS
from chainrule.errors import SettingError
from chainrule.model import Model
from chainrule.settings import read_setting, whole_number

__all__ = [
    "SYMPTOMS",
    "Diagnosis",
    "Finding",
    "RecordLayers",
    "WhyNotFinite",
    "diagnose",
    "why_not_finite",
]


def diagnose(model: Model, X: Any, y: Any, *, starts: int = 50) -> Diagnosis:
    """What keeps a network from learning these data, before, during or after its training.

    X, y    the training data as `fit` took them; of many rows, 1,024 are measured
    starts  with how many other starts one is compared that has come to a standstill; 0 for none

    The model is left as it is: one without parameters is built apart for these data. Sample weights
    are not looked at. Raises DataError for data that do not fit the model.
    """
    if not isinstance(model, Model):
        raise SettingError(
            f"diagnose takes a model, cr.diagnose(model, X, y), not a {type(model).__name__}"
        )
    starts = read_setting("diagnose", "starts", whole_number(0), starts)
    case = Case(unbuilt_apart(model), X, y, starts)
    found: list[Finding] = []
    with np.errstate(all="ignore"):
        for symptom in SYMPTOMS.values():
            if not (symptom.is_last_resort and found):
                found += symptom.find(case)
    epochs = f"{model.epoch:,} epoch{'s' if model.epoch != 1 else ''}"
    looked_at = (
        f"{len(SYMPTOMS)} symptoms on {len(case.few_x):,} of {len(case.x):,} samples, {epochs} "
        "trained"
    )
    return Diagnosis(tuple(_causes_first(found)), looked_at)


def _causes_first(found: list[Finding]) -> list[Finding]:
    """In the order of the table, but after all others what follows from another finding, and
    before that what came with the training.

    What was there at the start follows from nothing that came later.
    """
    order = list(SYMPTOMS)

    def place(finding: Finding) -> tuple[bool, bool, int]:
        came_later = finding.since == "training"
        causes = {*SYMPTOMS[finding.symptom].follows}
        if came_later:
            causes.add("learning-rate-too-high")  # there is no other way for steps to do harm
        is_consequence = any(
            other.symptom in causes and (came_later or other.since == "start") for other in found
        )
        return is_consequence, came_later, order.index(finding.symptom)

    return sorted(found, key=place)
