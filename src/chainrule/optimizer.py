"""What an optimizer is: a pure function (parameters, gradients, state) -> (parameters, state).

    state = opt.init(params)
    params, state = opt.update(params, grads, state)

Parameters are arrays in any nesting of dicts, lists and tuples. The state is a plain dict:
"step", a 0-d int64 array that counts the updates made, and one entry per *slot* (momentum, …), a
tree like the parameters. Nothing is changed in place, so the same code runs on arrays and traces.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np

from chainrule.errors import SettingError, ShapeError
from chainrule.functions import Array
from chainrule.schedules import Rate, rate_at
from chainrule.settings import Configured, OptionalPositive
from chainrule.trees import Tree, flatten, map_tree, paths, unflatten

Slots: TypeAlias = dict[str, Array]

_CLIP_EPS = 1e-6  # as in torch.nn.utils.clip_grad_norm_


@dataclass(frozen=True)
class Optimizer(Configured, ABC):
    """Base of the optimizers.

    lr         the learning rate: a number, or a function of the step (see `chainrule.schedules`)
    clip_norm  the largest norm that the gradients may have, all together; longer ones are scaled
               down to it before anything else
    """

    lr: Rate
    clip_norm: OptionalPositive = field(default=None, kw_only=True)

    elsewhere: ClassVar = {"learning_rate": "it is called lr here"}

    @abstractmethod
    def slots(self, p: Array) -> Slots:
        """What one parameter starts with; the names do not depend on the parameter."""

    @abstractmethod
    def leaf(self, p: Array, g: Array, s: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """One update of one parameter: the new parameter and its new slots.

        p, g   parameter and gradient, of one shape and dtype
        s      its slots
        lr, t  float64 scalars: the learning rate, and the number of this update, counted from 1
        """

    @abstractmethod
    def rule(self) -> tuple[str, ...]:
        """The update of a parameter θ with gradient g under these settings, one LaTeX formula a
        line; η is the learning rate, λ the weight decay, t the number of the update."""

    def latex(self) -> tuple[str, ...]:
        """`rule`, with the clipping of gradients where there is one."""
        if self.clip_norm is None:
            return self.rule()
        clipped = rf"g \leftarrow g\, \min\left(1, \frac{{{self.clip_norm:g}}}{{\|g\|}}\right)"
        return (clipped, *self.rule())

    def init(self, params: Tree) -> dict[str, Any]:
        """The state before the first update.

        Raises SettingError for a parameter that is not an array of floating-point numbers.
        """
        _require_floats(params)
        leaves, structure = flatten(params)
        rows = [self.slots(p) for p in leaves]
        columns = {name: [row[name] for row in rows] for name in self._slot_names()}
        trees = {name: unflatten(structure, column) for name, column in columns.items()}
        return {"step": np.zeros((), np.int64), **trees}

    def update(
        self, params: Tree, grads: Tree, state: Mapping[str, Any]
    ) -> tuple[Tree, dict[str, Any]]:
        """New parameters and the new state, after one step against `grads`.

        Gradients in another dtype are rounded to their parameter's. Raises ShapeError where they
        are not shaped like the parameters, SettingError where the state is not this optimizer's.
        """
        _require_floats(params)
        names = self._slot_names()
        if set(state) != {"step", *names}:
            raise SettingError(
                f"this state has the entries {sorted(state)}, but {type(self).__name__} keeps "
                f"{sorted(('step', *names))}; begin with state = optimizer.init(params)"
            )
        leaves, structure = flatten(params)
        gradients = _gradients_like(params, grads)
        if self.clip_norm is not None:
            gradients = clip_by_global_norm(gradients, self.clip_norm)
        columns = [_leaves_like(params, state[name], f"slot {name!r}") for name in names]
        step = state["step"]
        lr = rate_at(self.lr, step)
        t = step.astype(np.float64) + 1.0

        new_leaves: list[Array] = []
        new_columns: dict[str, list[Array]] = {name: [] for name in names}
        for p, g, *row in zip(leaves, gradients, *columns, strict=True):
            new_p, slots = self.leaf(p, g, dict(zip(names, row, strict=True)), lr, t)
            if new_p.shape != p.shape or new_p.dtype != p.dtype:
                raise SettingError(
                    f"the optimizer's state was made for other parameters: it turns {p.dtype} of "
                    f"shape {p.shape} into {new_p.dtype} of shape {new_p.shape}"
                )
            new_leaves.append(_as_array(new_p))
            for name in names:
                new_columns[name].append(_as_array(slots[name]))
        trees = {name: unflatten(structure, column) for name, column in new_columns.items()}
        return unflatten(structure, new_leaves), {"step": _as_array(step + 1), **trees}

    def _slot_names(self) -> tuple[str, ...]:
        return tuple(self.slots(np.zeros(())))


def global_norm(grads: Tree) -> Array:
    """The Euclidean norm of all arrays of a tree taken as one vector, a float64 scalar."""
    total: Array = np.float64(0.0)
    for g in flatten(grads)[0]:
        total = total + np.sum(np.square(g)).astype(np.float64)
    return np.sqrt(total)


def clip_by_global_norm(grads: Tree, largest: float) -> Tree:
    """The gradients times min(1, largest / (norm + 1e-6)): shorter, in the same direction
    (Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, algorithm 1)."""
    scale = np.minimum(largest / (global_norm(grads) + _CLIP_EPS), 1.0)
    return map_tree(lambda g: g * scale.astype(g.dtype), grads)


def _as_array(x: Array) -> Array:
    """NumPy turns 0-d results into scalars; the state holds arrays. A traced value is neither."""
    return np.asarray(x) if isinstance(x, np.generic) else x


def _require_floats(params: Tree) -> None:
    for p, path in zip(flatten(params)[0], paths(params), strict=True):
        dtype = getattr(p, "dtype", None)
        if dtype is None or dtype.kind != "f":
            found = type(p).__name__ if dtype is None else f"array of {dtype}"
            raise SettingError(
                f"the parameter params{path} is a {found}; an optimizer updates arrays of "
                "floating-point numbers, such as np.zeros(3)"
            )


def _gradients_like(params: Tree, grads: Tree) -> list[Array]:
    """The gradient of every parameter, in its dtype; ShapeError where a shape differs."""
    gradients = []
    found = _leaves_like(params, grads, "gradients")
    for p, g, path in zip(flatten(params)[0], found, paths(params), strict=True):
        array = g if hasattr(g, "dtype") else np.asarray(g)
        if array.shape != p.shape:
            raise ShapeError(
                f"the gradient of params{path} has shape {array.shape}, the parameter {p.shape}"
            )
        gradients.append(array if array.dtype == p.dtype else array.astype(p.dtype))
    return gradients


def _leaves_like(params: Tree, tree: Tree, what: str, path: str = "") -> list[Array]:
    """The leaves of `tree` in the order of the parameters'.

    Dictionaries are matched by key: gradients written by hand and states read from files come in
    an order of their own, and must not be paired by position.
    """
    if isinstance(params, Mapping):
        if not isinstance(tree, Mapping) or set(tree) != set(params):
            raise _nested_otherwise(params, tree, what, path)
        items = [(f"{path}[{key!r}]", params[key], tree[key]) for key in params]
    elif isinstance(params, list | tuple):
        if not isinstance(tree, list | tuple) or len(tree) != len(params):
            raise _nested_otherwise(params, tree, what, path)
        pairs = enumerate(zip(params, tree, strict=True))
        items = [(f"{path}[{index}]", p, branch) for index, (p, branch) in pairs]
    elif isinstance(tree, Mapping | list | tuple) or (params is None) != (tree is None):
        raise _nested_otherwise(params, tree, what, path)
    else:
        return [] if params is None else [tree]
    return [leaf for name, p, branch in items for leaf in _leaves_like(p, branch, what, name)]


def _nested_otherwise(params: Tree, tree: Tree, what: str, path: str) -> ShapeError:
    return ShapeError(
        f"{what} must be nested like the parameters; at params{path} there is "
        f"{_outline(params)}, but there {_outline(tree)}"
    )


def _outline(tree: Tree) -> str:
    if isinstance(tree, Mapping):
        return f"a dict of {', '.join(map(repr, tree))}" if tree else "an empty dict"
    if isinstance(tree, list | tuple):
        return f"a {type(tree).__name__} of {len(tree)}"
    return "None" if tree is None else "an array"
