"""Models to files and back: a bundle of JSON and safetensors, never code.

folder/model.json                     network, loss, optimizer, position
folder/model.weights-….safetensors    parameters and state
folder/model.training-….safetensors   optimizer state
folder/model.history-….safetensors    a list for each number of the epochs
folder/model.watched-….safetensors    best weights so far of a run that is not over
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import losses, optimizers
from chainrule.callbacks import Best
from chainrule.errors import ChainruleError, FileError
from chainrule.files import Document, StrPath, check_arrays, read_bundle, write_bundle
from chainrule.history import History
from chainrule.layers import LAYERS
from chainrule.layers.layer import within
from chainrule.trail import Trail
from chainrule.trees import flatten

if TYPE_CHECKING:
    from chainrule.model import Model

Arrays = dict[str, Any]

VERSION = 1
NAME = "model"
PARTS = ("weights", "training", "history", "watched")


def save(model: "Model", path: StrPath) -> None:
    """Write the bundle; see `Model.save`."""
    carry = model._built()
    content = {
        "net": model.net.config(),
        "loss": model.loss.config(),
        "optimizer": model.optimizer.config(),
        "engine": model.engine,
        "seed": str(model.seed),  # as text: other readers of JSON round large whole numbers
        "dtype": model.dtype.name,
        "input_shape": list(model.input_shape or ()),
        "stopped": model.history.stopped,
        "trail": model.trail.config(flatten(carry)[0]),
        "numbers": list(model.history.columns()),  # in an order, which files of arrays do not keep
    }
    arrays = {
        "weights": _weights(carry["params"], carry["state"]),
        "training": _flat(carry["optimizer"]),
        "history": {name: np.array(column) for name, column in model.history.columns().items()},
        "watched": {
            f"{name}/{entry}": value
            for name, best in model.watched.items()
            for entry, value in _entries(best).items()
        },
    }
    # Optimizers square gradients, which may overflow, and so may the loss of held-out samples:
    # neither must cost the user the weights.
    write_bundle(path, NAME, {NAME: Document(content, VERSION)}, arrays, allow_nan=True)


def load(path: StrPath, kind: "type[Model]") -> "Model":
    """Read the bundle; see `chainrule.load`."""
    bundle = read_bundle(path, NAME, {NAME: VERSION}, PARTS, allow_nan=True)
    place = os.path.join(path, f"{NAME}.json")
    content = bundle.documents[NAME].content
    try:
        model = _from_content(content, kind)
        stopped = str(content["stopped"])
        numbers = [str(name) for name in content["numbers"]]
    except (ChainruleError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise FileError(
            f"{place} does not describe a model ({error}); it was changed by hand or damaged"
        ) from None
    carry = model._built()
    weights, training, history, watched = (bundle.arrays[part] for part in PARTS)
    known = _weights(carry["params"], carry["state"])
    check_arrays(weights, _types(known), place)
    check_arrays(training, _types(_flat(carry["optimizer"])), place)
    _require_finite(weights, place)
    params, state = _unpacked(weights, known)
    optimizer = _nested(carry["optimizer"], training)
    model._carry, model._first = {"params": params, "optimizer": optimizer, "state": state}, None
    if "trail" in content:
        model.trail = _trail(content["trail"], flatten(model._carry)[0], place)
    model.history = _history(history, numbers, stopped, place)
    for name in dict.fromkeys(entry.split("/")[0] for entry in watched):
        own = {entry: value for entry, value in watched.items() if entry.split("/")[0] == name}
        model.watched[name] = _best(within(own, name, "/"), known, place)
    return model


def _from_content(content: Any, kind: "type[Model]") -> "Model":
    model = kind(
        LAYERS.from_config(content["net"]),
        losses.from_config(content["loss"]),
        optimizers.from_config(content["optimizer"]),
        engine=content["engine"],
        seed=int(content["seed"]),
        dtype=content["dtype"],
    )
    return model.build(tuple(int(length) for length in content["input_shape"]))


# --- parts ---------------------------------------------------------------------------------------


def _weights(params: Arrays, state: Arrays) -> Arrays:
    return {
        **{f"params/{name}": value for name, value in params.items()},
        **{f"state/{name}": value for name, value in state.items()},
    }


def _unpacked(weights: Arrays, known: Arrays) -> tuple[Arrays, Arrays]:
    """(params, state), in the order of the network, which files do not keep."""
    ordered = {name: weights[name] for name in known}
    return within(ordered, "params", "/"), within(ordered, "state", "/")


def _entries(best: Best) -> Arrays:
    """What a callback watches, as named arrays."""
    entries = {"value": np.array(best.value), "epoch": np.array(best.epoch)}
    return entries | (_weights(*best.weights) if best.weights else {})


def _trail(content: Any, leaves: list[Any], place: str) -> Trail:
    try:
        return Trail.from_config(content, leaves)
    except (LookupError, TypeError, ValueError) as error:
        raise FileError(
            f"{place} does not say how the model was trained ({error}); it was changed by hand or "
            "damaged"
        ) from None


def _best(entries: Arrays, known: Arrays, place: str) -> Best:
    expected = {"value": np.array(0.0), "epoch": np.array(0)}
    has_weights = len(entries) > len(expected)
    check_arrays(entries, _types(expected | (known if has_weights else {})), place)
    _require_finite({name: entries[name] for name in known if has_weights}, place)
    weights = _unpacked(entries, known) if has_weights else None
    return Best(float(entries["value"]), int(entries["epoch"]), weights)


def _history(columns: Arrays, names: list[str], stopped: str, place: str) -> History:
    epochs = np.size(columns.get("loss", ()))
    ordered = dict.fromkeys(["loss", "gradient_norm", *names], ((epochs,), np.float64))
    check_arrays(columns, ordered, place)
    lists = {name: columns[name].tolist() for name in ordered}
    loss, norm = lists.pop("loss"), lists.pop("gradient_norm")
    return History(loss, norm, lists.pop("validation_loss", []), lists, stopped)


def _types(arrays: Arrays) -> dict[str, Any]:
    return {name: (np.shape(value), np.asarray(value).dtype) for name, value in arrays.items()}


def _require_finite(arrays: Arrays, place: str) -> None:
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise FileError(
                f"{place}: its array {name!r} holds a NaN or an infinity; restore it from a copy"
            )


def _flat(state: Mapping[str, Any]) -> Arrays:
    """An optimizer's state as named arrays: `step`, `momentum/0.weight`."""
    flat: Arrays = {}
    for name, value in state.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{leaf}": array for leaf, array in value.items()}
        else:
            flat[name] = value
    return flat


def _nested(like: Mapping[str, Any], flat: Mapping[str, Any]) -> Arrays:
    return {
        name: {leaf: flat[f"{name}/{leaf}"] for leaf in value}
        if isinstance(value, Mapping)
        else flat[name]
        for name, value in like.items()
    }
