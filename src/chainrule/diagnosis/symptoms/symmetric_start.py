"""Units of a layer that began alike, and so stay alike."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.measure import Array, Measurement
from chainrule.diagnosis.symptoms.symptom import Symptom

_ALIKE = 1e-6  # of the largest entry


def find(case: Case) -> Iterator[Finding]:
    places = {passage.path: passage.name for passage in case.now.passages}
    for name, weight in case.now.params.items():
        if not name.rpartition(".")[2].startswith("weight") or weight.ndim < 2:
            continue
        units = weight.shape[-1]
        # Units may also become alike when steps throw all of them into the same corner.
        different = max(_different(case.start, name), _different(case.now, name))
        if units < 2 or different > units // 2:
            continue
        path = name.rpartition(".")[0]
        yield Finding(
            "symmetric-start",
            f"The {units} units of this layer have only {different} different set"
            f"{'s' if different > 1 else ''} of weights between them, and the gradients of the "
            "others are the same too: they compute the same number and are moved alike, for ever. "
            f"The layer is worth {different} unit{'s' if different > 1 else ''}.",
            'begin with random weights: leave weight= out, or write weight="glorot_uniform"',
            layer=places.get(path, path),
            evidence={"units": units, "different units": different},
            severity="error",
        )


def _normed(arrays: list[Array]) -> list[Array]:
    return [array / (np.abs(array).max() or 1.0) for array in arrays]


def _different(at: Measurement, name: str) -> int:
    """How many units differ by more than rounding, in their weights or in the gradients of them."""
    units = at.params[name].shape[-1]
    own = [name]
    bias = name.replace("weight", "bias")
    if bias in at.params and at.params[bias].shape == (units,):
        own.append(bias)
    columns = [
        part[entry].reshape(-1, units) for part in (at.params, at.gradients) for entry in own
    ]
    rounded = np.round(np.concatenate(_normed(columns)) / _ALIKE)
    return len(np.unique(np.nan_to_num(rounded), axis=1).T)


SYMPTOM = Symptom(
    "symmetric-start",
    find,
    "units that began with the same weights and stay alike",
    "at the start and now, a layer of n units has n/2 different ones or fewer, by their weights "
    "and the gradients of them",
)
