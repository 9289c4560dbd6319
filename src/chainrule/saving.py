"""Models to files and back: a bundle of JSON and safetensors, never code.

    folder/model.json                 network, loss, optimizer, position, history
    folder/model.weights-….safetensors
    folder/model.training-….safetensors    optimizer state
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import losses, optimizers
from chainrule.errors import ChainruleError, FileError
from chainrule.files import Document, StrPath, check_arrays, read_bundle, write_bundle
from chainrule.history import History
from chainrule.layers import LAYERS

if TYPE_CHECKING:
    from chainrule.model import Model

VERSION = 1
NAME = "model"


def save(model: "Model", path: StrPath) -> None:
    carry = model._built()
    content = {
        "net": model.net.config(),
        "loss": model.loss.config(),
        "optimizer": model.optimizer.config(),
        "engine": model.engine,
        "seed": str(model.seed),  # as text: other readers of JSON round large whole numbers
        "dtype": model.dtype.name,
        "input_shape": list(model.input_shape or ()),
        "epoch": model._epoch,
        "history": model.history.config(),
    }
    arrays = {
        "weights": {
            **{f"params/{name}": value for name, value in carry["params"].items()},
            **{f"state/{name}": value for name, value in carry["state"].items()},
        },
        "training": _flat(carry["optimizer"]),
    }
    write_bundle(path, NAME, {NAME: Document(content, VERSION)}, arrays)


def load(path: StrPath, kind: "type[Model]") -> "Model":
    bundle = read_bundle(path, NAME, {NAME: VERSION})
    place = os.path.join(path, f"{NAME}.json")
    try:
        model = _from_content(bundle.documents[NAME].content, kind)
    except FileError:
        raise
    except (ChainruleError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"{place} does not describe a model ({error}); it was changed by hand or damaged"
        ) from None
    carry = model._built()
    expected = {
        "weights": {
            **{f"params/{name}": value for name, value in carry["params"].items()},
            **{f"state/{name}": value for name, value in carry["state"].items()},
        },
        "training": _flat(carry["optimizer"]),
    }
    for part, known in expected.items():
        found = bundle.arrays.get(part, {})
        shapes = {name: (np.shape(value), np.asarray(value).dtype) for name, value in known.items()}
        check_arrays(found, shapes, place)
    weights, training = bundle.arrays["weights"], bundle.arrays["training"]
    model._carry = {
        "params": {name: weights[f"params/{name}"] for name in carry["params"]},
        "optimizer": _nested(carry["optimizer"], training),
        "state": {name: weights[f"state/{name}"] for name in carry["state"]},
    }
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
    model.build(tuple(int(length) for length in content["input_shape"]))
    model._epoch = int(content["epoch"])
    history = content["history"]
    model.history = History(
        loss=[float(v) for v in history["loss"]],
        gradient_norm=[float(v) for v in history["gradient_norm"]],
        validation_loss=[float(v) for v in history["validation_loss"]],
        metrics={str(k): [float(v) for v in values] for k, values in history["metrics"].items()},
        stopped=str(history["stopped"]),
    )
    return model


def _flat(state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state as named arrays: `step`, `momentum/0.weight`."""
    flat: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{leaf}": array for leaf, array in value.items()}
        else:
            flat[name] = value
    return flat


def _nested(like: Mapping[str, Any], flat: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {leaf: flat[f"{name}/{leaf}"] for leaf in value}
        if isinstance(value, Mapping)
        else flat[name]
        for name, value in like.items()
    }
