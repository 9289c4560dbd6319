"""The parameters and data of one check."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.steps import Array
from chainrule.trees import Tree, flatten, map_tree, paths

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Point:
    """The parameters and data of one check, in float64."""

    params: Tree
    data: tuple[Any, ...]

    @property
    def names(self) -> list[str]:
        return list(map(short, paths(self.params)))

    @property
    def leaves(self) -> dict[str, Array]:
        return {name: np.asarray(leaf) for name, leaf in named(self.params).items()}

    def call(self, function: Function, *more: Any) -> Any:
        """The user's function on copies, so that what it changes in place stays here as it is."""
        with np.errstate(all="ignore"):
            return function(copy.deepcopy(self.params), *copy.deepcopy(self.data), *more)

    def moved(self, params: Tree) -> "Point":
        return Point(params, self.data)


def named(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree under short names: `layer.W`, `W[0]`."""
    return dict(zip(map(short, paths(tree)), flatten(tree)[0], strict=True))


def short(path: str) -> str:
    """`['layer']['W']` as `layer.W`, `['W'][0]` as `W[0]`."""
    name = path.replace("['", ".").replace('["', ".").replace("']", "").replace('"]', "")
    return name.lstrip(".")


def at(params: Tree, data: Sequence[Any]) -> Point:
    """A point in float64: arrays converted, plain numbers made floats."""
    return Point(_doubled(params, number=float), tuple(_doubled(part) for part in data))


def _doubled(tree: Tree, number: Callable[[Any], Any] | None = None) -> Tree:
    def convert(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            return leaf.astype(np.float64) if leaf.dtype.kind == "f" or number else leaf.copy()
        if isinstance(leaf, float | np.floating) or (number and isinstance(leaf, int)):
            return float(leaf)
        return leaf

    return map_tree(convert, tree)
