"""Layers made of layers: Sequential, Residual, Concat; and Lambda, a NumPy function as a layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.layers.layer import (
    LAYERS,
    Array,
    Arrays,
    Container,
    Layer,
    Shape,
    named,
    output_shape,
)
from chainrule.random import fold_in
from chainrule.settings import Domain


@final
@LAYERS.register
@dataclass(frozen=True, init=False, repr=False)
class Sequential(Container):
    """One layer after the other."""

    def first(self) -> Layer:
        return self.layers[0].first() if self.layers else self

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        params: Arrays = {}
        state: Arrays = {}
        followers = [*self.layers[1:], after]
        for place, ((name, layer), follower) in enumerate(
            zip(self.children(), followers, strict=False)
        ):
            own_params, own_state = layer.make(shape, fold_in(key, place), dtype, follower)
            params |= named(own_params, name)
            state |= named(own_state, name)
            shape = output_shape(layer, own_params, own_state, shape, dtype)
        return params, state

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        new_state: Arrays = {}
        for place in range(len(self.layers)):
            x, own = self.call_child(place, params, state, x, training, key)
            new_state |= own
        return x, new_state


@final
@LAYERS.register
@dataclass(frozen=True, init=False, repr=False)
class Residual(Container):
    """x plus what the layers inside make of it, one after the other (He et al. 2016).

    The layers keep the shape of a sample.
    """

    def _inside(self) -> Sequential:
        return Sequential(*self.layers)

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        params, state = self._inside().make(shape, key, dtype, None)
        found = output_shape(self._inside(), params, state, shape, dtype)
        if found != shape:
            raise ShapeError(
                f"Residual adds its input, of shape {shape}, to what its layers give, of shape "
                f"{found}; end with a layer that gives {shape}"
            )
        return params, state

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        y, state = self._inside()(params, state, x, training=training, key=key)
        return x + y, state


@final
@LAYERS.register
@dataclass(frozen=True, init=False, repr=False)
class Concat(Container):
    """What several layers make of the same input, side by side along the last axis."""

    def make(
        self, shape: Shape, key: Any, dtype: Any, after: Layer | None
    ) -> tuple[Arrays, Arrays]:
        params: Arrays = {}
        state: Arrays = {}
        found = []
        for place, (name, layer) in enumerate(self.children()):
            own_params, own_state = layer.make(shape, fold_in(key, place), dtype, after)
            params |= named(own_params, name)
            state |= named(own_state, name)
            found.append(output_shape(layer, own_params, own_state, shape, dtype))
        if len({lengths[:-1] for lengths in found}) != 1 or () in found:
            raise ShapeError(
                "Concat joins what its layers give along the last axis, and they give the shapes "
                f"{', '.join(map(str, found))}; all other lengths must agree"
            )
        return params, state

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        new_state: Arrays = {}
        parts = []
        for place in range(len(self.layers)):
            y, own = self.call_child(place, params, state, x, training, key)
            parts.append(y)
            new_state |= own
        return np.concatenate(parts, axis=-1), new_state


def _function(value: Any) -> Any:
    if not callable(value):
        raise TypeError
    return value


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Lambda(Layer):
    """A NumPy function of a batch as a layer without parameters. It cannot be saved to a file."""

    function: Annotated[Callable[[Array], Array], Domain("a function of a batch", _function)]

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", "")
        return f"Lambda({name if name.isidentifier() else ''})"

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        return self.function(x), state
