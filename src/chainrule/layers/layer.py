"""What a layer is: settings, how its parameters begin, and one formula.

A layer owns no arrays. `init` makes parameters and state as flat dictionaries of named arrays, and
calling the layer with them computes: `y, state = layer(params, state, x)`. Backward pass,
explanation and compiled code follow from recording that call.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np

from chainrule import random
from chainrule.errors import SettingError, ShapeError, TraceError
from chainrule.graph import scope
from chainrule.initializers import INITIALIZERS
from chainrule.settings import Configured, Domain, Registry, finite_number, whole_number
from chainrule.tracing.function import trace_call

Array: TypeAlias = Any  # a NumPy array, or a traced value in its place
Arrays: TypeAlias = dict[str, Any]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Layer(Configured, ABC):
    """Base of the layers: a frozen dataclass whose annotated fields are its settings."""

    rectifies: ClassVar[bool] = False  # a ReLU of some sort: weights before it begin as He's

    def first(self) -> "Layer":
        """The layer that the input meets: itself, or the first one inside."""
        return self

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: "Layer | None"
    ) -> "tuple[Arrays, Arrays]":
        """Parameters and state for inputs of one sample's `shape`; `after` is the next layer."""
        return {}, {}

    @abstractmethod
    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        """The output for a batch `x` (samples first), and the state after it."""

    def init(
        self, input_shape: Shape, seed: int = 0, dtype: Any = "float32"
    ) -> tuple[Arrays, Arrays]:
        """Parameters and state, each a dictionary of named arrays.

        input_shape  of one sample: `(2,)`, `(28, 28, 1)`
        """
        return self.make(_shape(input_shape), random.key(seed), np.dtype(dtype), None)

    def penalty(self, params: Arrays) -> Array:
        """What the layer's weights add to the loss: l1 Σ|w| + l2 Σw²; biases add nothing."""
        l1, l2 = getattr(self, "l1", 0.0), getattr(self, "l2", 0.0)
        total: Array = 0.0
        for name, value in params.items():
            if name.startswith("weight"):
                if l1:
                    total = total + l1 * np.sum(np.abs(value))
                if l2:
                    total = total + l2 * np.sum(np.square(value))
        return total

    def children(self) -> "list[tuple[str, Layer]]":
        """The layers inside, by the name that their parameters carry."""
        return []

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if not self._is_default(field)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _is_default(self, field: Any) -> bool:
        value, default = getattr(self, field.name), field.default
        if isinstance(default, str) and isinstance(value, Configured):
            return type(value).__name__ == default
        return value is default or (isinstance(value, int | float) and value == default)


LAYERS: Registry[Layer] = Registry("layer", nested=INITIALIZERS)
Layer.family = LAYERS


def _shape(shape: Any) -> Shape:
    if isinstance(shape, int):
        raise SettingError(f"input_shape is a tuple, ({shape},), and not {shape}")
    try:
        return tuple(_LENGTH.read(length) for length in shape)
    except (TypeError, ValueError):
        raise SettingError(
            f"input_shape is the shape of one sample, lengths that are 1 or more, not {shape!r}"
        ) from None


_LENGTH = whole_number(1)


# --- layers made of layers -----------------------------------------------------------------------


@dataclass(frozen=True, init=False, repr=False)
class Container(Layer):
    """A layer made of layers, whose parameters are named by position: `0.weight`, `3.0.weight`."""

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        name = type(self).__name__
        if len(layers) == 1 and isinstance(layers[0], list | tuple):
            raise SettingError(f"{name} takes layers one by one: write {name}(*layers)")
        object.__setattr__(self, "layers", tuple(LAYERS.instance(layer) for layer in layers))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Container":
        return cls(*[LAYERS.from_config(config) for config in settings["layers"]])

    def children(self) -> list[tuple[str, Layer]]:
        return [(str(place), layer) for place, layer in enumerate(self.layers)]

    def penalty(self, params: Arrays) -> Array:
        total: Array = 0.0
        for name, layer in self.children():
            total = total + layer.penalty(within(params, name))
        return total

    def call_child(
        self,
        place: int,
        params: Arrays,
        state: Arrays,
        x: Array,
        training: bool,
        key: Any,
    ) -> tuple[Array, Arrays]:
        """One child on its own parameters, state and key; its new state under its name."""
        name, layer = self.children()[place]
        own_key = None if key is None else random.fold_in(key, place)
        with scope(f"{name}.{type(layer).__name__}" if not layer.children() else name):
            y, new = layer(
                within(params, name), within(state, name), x, training=training, key=own_key
            )
        return y, named(new, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


def within(arrays: Arrays, name: str, separator: str = ".") -> Arrays:
    """The entries under `name.`, without it."""
    prefix = f"{name}{separator}"
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}


def named(arrays: Arrays, name: str) -> Arrays:
    """The entries with `name.` before them."""
    return {f"{name}.{key}": value for key, value in arrays.items()}


def output_shape(layer: Layer, params: Arrays, state: Arrays, shape: Shape, dtype: Any) -> Shape:
    """The shape of one sample's output.

    The formula is recorded, for which nothing is computed; one that cannot be is run on zeros.
    """
    made: list[Any] = []

    def call(params: Arrays, state: Arrays, x: Array) -> Array:
        y, _ = layer(params, state, x)
        made.append(y)
        return y

    given = (params, state, np.zeros((2, *shape), dtype))
    try:
        trace_call(call, given)
    except TraceError:
        with np.errstate(all="ignore"):  # the user's own function may take a logarithm
            call(*given)
    y = made[-1]
    found = getattr(y, "shape", None)
    if not found or found[0] != 2:
        what = f"a {type(y).__name__}" if found is None else f"an array of shape {found}"
        raise ShapeError(f"{layer!r} makes {what} of two samples; samples must stay the first axis")
    return tuple(found[1:])


# --- kinds of settings ---------------------------------------------------------------------------


def _initializer(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        from chainrule.initializers import fixed

        return fixed(value)
    return INITIALIZERS.instance(value)


def _rate(value: Any) -> float:
    number = finite_number(value)
    if not 0 <= number < 1:
        raise ValueError
    return number


Initial = Annotated[
    Any, Domain("the name of an initializer, an initializer, or an array", _initializer)
]
Rate = Annotated[float, Domain("a share from 0 up to, but not, 1", _rate)]
