"""Nested lists, tuples and dictionaries of arrays, flattened and put together again.

A *leaf* is whatever is not a list, tuple (named or plain), dict or None. Dictionaries keep their
insertion order when rebuilt and are flattened in it; two dictionaries have the same structure
when they have the same keys in the same order.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import numpy as np

Tree = Any


class Structure(NamedTuple):
    """The shape of a tree without its leaves."""

    kind: type | None  # None marks a leaf; NoneType marks None
    keys: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()

    @property
    def leaf_count(self) -> int:
        if self.kind is None:
            return 1
        return sum(child.leaf_count for child in self.children)


LEAF = Structure(None)
NOTHING = Structure(type(None))


def flatten(tree: Tree) -> tuple[list[Any], Structure]:
    """All leaves from left to right, and the structure that `unflatten` needs."""
    leaves: list[Any] = []
    return leaves, _structure(tree, leaves)


def _structure(tree: Tree, leaves: list[Any]) -> Structure:
    """That of a tree, whose leaves are appended. Part of every compiled call, so it is brief."""
    if isinstance(tree, np.ndarray):
        leaves.append(tree)
        return LEAF
    keys: tuple[Any, ...] = ()
    if isinstance(tree, list | tuple):
        values = tree
    elif tree is None:
        return NOTHING
    elif isinstance(tree, Mapping):
        keys, values = tuple(tree.keys()), tuple(tree.values())
    else:
        leaves.append(tree)
        return LEAF
    return Structure(type(tree), keys, tuple([_structure(value, leaves) for value in values]))


def unflatten(structure: Structure, leaves: list[Any] | tuple[Any, ...]) -> Tree:
    """The tree of this structure with these leaves."""
    iterator = iter(leaves)
    tree = _build(structure, iterator)
    if next(iterator, _END) is not _END:
        raise ValueError(f"{len(leaves)} leaves do not fit a tree of {structure.leaf_count}")
    return tree


_END = object()


def _build(structure: Structure, leaves: Iterator[Any]) -> Tree:
    kind, keys, children = structure
    if kind is None:
        return next(leaves)
    if kind is type(None):
        return None
    values = [_build(child, leaves) for child in children]
    if kind is tuple:
        return tuple(values)
    if keys or issubclass(kind, Mapping):
        return dict(zip(keys, values, strict=True))
    construct: Callable[..., Any] = kind
    if hasattr(construct, "_fields"):  # a named tuple takes its fields one by one
        return construct(*values)
    return construct(values)


def map_tree(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Apply `function` leaf by leaf to trees of one structure."""
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in others:
        found, other_structure = flatten(other)
        if other_structure != structure:
            raise ValueError(f"trees differ in structure: {structure} and {other_structure}")
        columns.append(found)
    return unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def refilled(old: Tree, new: Tree) -> Tree:
    """The tree `new`, in the lists and dictionaries of `old` where they stand at the same place."""
    if isinstance(old, MutableMapping) and isinstance(new, Mapping):
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, value in new.items():
            old[key] = refilled(old[key], value) if key in old else value
        return old
    if isinstance(old, list) and isinstance(new, list):
        kept = [refilled(a, b) for a, b in zip(old, new, strict=False)]
        old[:] = kept + new[len(kept) :]
        return old
    if isinstance(old, tuple) and type(old) is type(new) and len(old) == len(new):
        parts = [refilled(a, b) for a, b in zip(old, new, strict=True)]
        if all(a is b for a, b in zip(old, parts, strict=True)):
            return old
        return type(old)(*parts) if hasattr(old, "_fields") else type(old)(parts)
    return new


def paths(tree: Tree, prefix: str = "") -> list[str]:
    """A readable name for every leaf, in the order of `flatten`: `['w'][0]`."""
    if tree is None:
        return []
    if isinstance(tree, Mapping):
        items = [(f"{prefix}[{key!r}]", value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple):
        items = [(f"{prefix}[{index}]", value) for index, value in enumerate(tree)]
    else:
        return [prefix]
    return [name for path, value in items for name in paths(value, path)]
