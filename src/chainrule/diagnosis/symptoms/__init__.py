"""The table of symptoms, causes before their consequences. To add one, write its file and its row;
the diagnosis, the documentation and the tests find it here."""

from chainrule.diagnosis.symptoms import (
    gradients,
    leaking_labels,
    learning_rate,
    loss_mismatch,
    stuck_start,
    symmetric_start,
    units,
    unscaled_inputs,
)
from chainrule.diagnosis.symptoms.symptom import Symptom

SYMPTOMS: dict[str, Symptom] = {
    row.name: row
    for row in (
        loss_mismatch.SYMPTOM,
        unscaled_inputs.SYMPTOM,
        symmetric_start.SYMPTOM,
        leaking_labels.SYMPTOM,
        gradients.EXPLODING,
        units.SATURATED,
        units.DEAD,
        gradients.VANISHING,
        learning_rate.HIGH,
        learning_rate.LOW,
        stuck_start.SYMPTOM,
    )
}
