"""Inputs for every row of the op table, and what each must give.

A Map row says itself where it is defined, so its samples are drawn from there. The rows of the
other kinds are listed by hand, with plain loops as second opinions.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any

import loops
import numpy as np

from chainrule.graph import Shape, input_node
from chainrule.ops import TABLE, rows
from chainrule.ops.map import Map
from chainrule.tracing import trace

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sample:
    """`function(*inputs)`, made of the row `row`, must equal `expected(*inputs)`.

    smooth  whether the gradient can be checked by differences: no ties, one dtype, and a gradient
            that is meant to be the derivative
    """

    row: str
    function: Callable[..., Any]
    inputs: tuple[Array, ...]
    expected: Callable[..., Any]
    label: str = ""
    smooth: bool = True

    def __str__(self) -> str:
        return f"{self.row}-{self.label}" if self.label else self.row

    def inputs_as(self, dtype: Any) -> tuple[Array, ...]:
        """The inputs with another floating-point dtype."""
        return tuple(x.astype(dtype) if x.dtype.kind == "f" else x for x in self.inputs)

    @property
    def floating(self) -> tuple[int, ...]:
        """The places of the inputs that have gradients."""
        return tuple(place for place, x in enumerate(self.inputs) if x.dtype.kind == "f")


# --- Map -----------------------------------------------------------------------------------------

MAPS: dict[str, Map] = {name: row for name, row in TABLE.items() if isinstance(row, Map)}
BROADCAST: dict[int, tuple[Shape, ...]] = {
    1: ((3, 4),),
    2: ((2, 3, 1), (3, 4)),
    3: ((3, 1), (4,), (2, 1, 1)),
}


def settings(row: Map) -> dict[str, Any]:
    return {"dtype": np.dtype(np.float64)} if row.name == "cast" else {}


@cache
def input_dtypes(row: Map) -> tuple[np.dtype[Any], ...]:
    """What the row makes of float64 inputs; int64 where it takes whole numbers only."""
    try:
        asked = [input_node("x", (), np.float64) for _ in range(row.arity)]
        return tuple(dtype for _, dtype in row.prepare(asked))
    except TypeError:
        return (np.dtype(np.int64),) * row.arity


def draw(row: Map, shapes: Sequence[Shape], seed: int = 0) -> tuple[Array, ...]:
    """Inputs from the row's own domain, in the dtypes that it takes."""
    rng = np.random.default_rng([seed, *row.name.encode()])
    drawn: list[Array] = []
    for (low, high), dtype, shape in zip(row.check.domain, input_dtypes(row), shapes, strict=True):
        if dtype.kind == "f":
            drawn.append(rng.uniform(low, high, shape))
        elif dtype.kind == "b":
            alternating = np.arange(int(np.prod(shape))) % 2 == 1
            drawn.append(rng.permutation(alternating).reshape(shape))
        else:
            drawn.append(rng.integers(int(np.ceil(low)), int(np.floor(high)) + 1, shape))
    return tuple(drawn)


def reference(row: Map) -> Callable[..., Any]:
    """The independent implementation that the row names, for single numbers."""
    module, _, function = row.check.reference.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def map_sample(row: Map) -> Sample:
    """Broadcast inputs; what every row gives on plain arrays is compared with its reference."""
    settled = partial(row, **settings(row))
    return Sample(row.name, settled, draw(row, BROADCAST[row.arity]), settled)


# --- the other kinds -----------------------------------------------------------------------------

OTHERS: list[Sample] = []


def sample(
    row: str,
    inputs: Sequence[Any],
    expected: Callable[..., Any],
    label: str = "",
    *,
    smooth: bool = True,
    **params: Any,
) -> None:
    arrays = tuple(np.asarray(x) for x in inputs)
    function = partial(getattr(rows, row), **params)
    OTHERS.append(Sample(row, function, arrays, expected, label, smooth))


def same(row: str, inputs: Sequence[Any], label: str = "", **params: Any) -> None:
    """A sample whose second opinion is the loop of the row's own name and settings."""
    sample(row, inputs, partial(getattr(loops, row), **params), label, **params)


def numbers(*shape: int) -> Array:
    """Distinct numbers between -2 and 2 in no order."""
    count = int(np.prod(shape))
    return np.random.default_rng(count).permutation(np.linspace(-2, 2, count)).reshape(shape)


def _layout() -> None:
    by_index = loops.by_index
    same("reshape", [numbers(2, 3, 4)], shape=(4, 6))
    same("reshape", [1.5], "number", shape=(1, 1))
    same("reshape", [numbers(0, 3)], "empty", shape=(3, 0))
    sample(
        "transpose",
        [numbers(2, 3, 4)],
        lambda x: by_index((4, 2, 3), x.dtype, lambda k, i, j: x[i, j, k]),
        axes=(2, 0, 1),
    )
    sample("transpose", [1.5], lambda x: x, "number", axes=())
    sample(
        "broadcast_to",
        [numbers(3, 1)],
        lambda x: by_index((2, 3, 4), x.dtype, lambda i, j, k: x[j, 0]),
        shape=(2, 3, 4),
    )
    sample("broadcast_to", [1.5], lambda x: np.array([x, x]), "number", shape=(2,))
    sample("broadcast_to", [numbers(1)], lambda x: x[:0], "empty", shape=(0,))
    sample(
        "slice",
        [numbers(6, 7)],
        lambda x: by_index((2, 3), x.dtype, lambda i, j: x[1 + 2 * i, 3 * j]),
        start=(1, 0),
        stop=(5, 7),
        step=(2, 3),
    )
    sample("slice", [numbers(6)], lambda x: x[:0], "empty", start=(2,), stop=(2,), step=(1,))
    sample(
        "flip",
        [numbers(2, 3, 4)],
        lambda x: by_index(x.shape, x.dtype, lambda i, j, k: x[1 - i, j, 3 - k]),
        axes=(0, 2),
    )
    sample("stop_gradient", [numbers(2, 3)], lambda x: x, smooth=False)
    same("concatenate", [numbers(2, 1), numbers(2, 3), numbers(2, 0)], axis=1)
    same("concatenate", [numbers(2), 1 + numbers(1)], "first", axis=0)
    same("pad", [numbers(3, 4)], "frame", low=(1, 0), high=(2, 3), interior=(0, 0))
    same("pad", [numbers(3, 4)], "interior", low=(0, 2), high=(0, 1), interior=(2, 1))
    same("pad", [numbers(0)], "empty", low=(1,), high=(2,), interior=(3,))


# The array's shape, then axes, sizes, strides and dilations.
WINDOWS: dict[str, tuple[Shape, Shape, Shape, Shape, Shape]] = {
    "plain": ((6,), (0,), (3,), (1,), (1,)),
    "gaps": ((8,), (0,), (2,), (3,), (1,)),
    "image": ((2, 7, 6, 2), (1, 2), (3, 2), (2, 1), (1, 2)),
    "backwards": ((5, 4), (1, 0), (2, 3), (1, 2), (2, 1)),
    "too-long": ((3,), (0,), (4,), (1,), (1,)),
}


def _windows() -> None:
    for label, (shape, axes, sizes, strides, dilations) in WINDOWS.items():
        frame = {"axes": axes, "sizes": sizes, "strides": strides, "dilations": dilations}
        same("windows", [numbers(*shape)], label, **frame)
        windowed = loops.windows(numbers(*shape), **frame).shape
        lengths = tuple(shape[axis] for axis in axes)
        same("overlap_add", [numbers(*windowed)], label, **frame, lengths=lengths)


TIES = np.array([[1.0, 2.0, 2.0], [-1.0, -1.0, -1.0]])


def _reductions() -> None:
    folds: dict[str, Callable[[Any, Any], Any]] = {
        "sum": lambda total, x: total + x,
        "max": max,
        "min": min,
    }
    for row, step in folds.items():
        for label, x, axes in (
            ("all", numbers(2, 3, 4), (0, 1, 2)),
            ("two", numbers(2, 3, 4), (0, 2)),
            ("none", numbers(2, 3), ()),
            ("number", 1.5, ()),
        ):
            sample(row, [x], partial(loops.fold, axes=axes, step=step), label, axes=axes)
        ties = partial(loops.fold, axes=(1,), step=step)
        sample(row, [TIES], ties, "ties", smooth=row == "sum", axes=(1,))
    sample("sum", [numbers(2, 0)], lambda x: np.zeros(2, x.dtype), "nothing", axes=(1,))
    chosen: dict[str, Callable[[list[float]], Any]] = {
        "argmax": lambda line: line.index(max(line)),
        "argmin": lambda line: line.index(min(line)),
    }
    for axis in (0, 1):
        for row, rule in chosen.items():
            expected = partial(loops.along, axis=axis, rule=rule)
            sample(row, [TIES], expected, f"axis{axis}", axes=(axis,))
        same("cumsum", [numbers(3, 4)], f"axis{axis}", axis=axis)


SPECS: dict[str, tuple[Shape, Shape]] = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,kj->ki": ((2, 3), (4, 3)),
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 2)),
    "abc,cbd->da": ((2, 3, 4), (4, 3, 2)),
    "i,i->": ((5,), (5,)),
    "i,j->ji": ((2,), (3,)),
    "ij,ij->ji": ((2, 3), (2, 3)),
    ",ij->ij": ((), (2, 3)),
    "ij,jk->ki": ((2, 0), (0, 3)),
}


def _products() -> None:
    for spec, (left, right) in SPECS.items():
        same("contract", [numbers(*left), 0.5 + numbers(*right)], spec, spec=spec)


# The table's shape, and the index.
INDICES: dict[str, tuple[Shape, Any]] = {
    "repeated": ((5, 3), [[0, -1], [3, 0]]),
    "number": ((5, 3), 2),
    "flat": ((4,), [1, 1, -4]),
    "deep": ((3, 2, 2), [2, 0]),
    "empty": ((3, 2), np.zeros(0, np.int64)),
    "narrow": ((3, 0), [1, 1]),
}


def _indexing() -> None:
    for label, (shape, places) in INDICES.items():
        index = np.asarray(places)
        updates = numbers(*index.shape, *shape[1:])
        same("gather", [numbers(*shape), index], label)
        same("scatter", [numbers(*shape), index, updates], label)
        same("scatter_add", [index, updates], label, rows=shape[0])
    for axis in (0, 1):
        order = partial(
            loops.along,
            axis=axis,
            rule=lambda line: sorted(range(len(line)), key=lambda i: (line[i], i)),
        )
        sample("argsort", [TIES], order, f"axis{axis}", axis=axis)


KEY = np.array([0x13198A2E, 0x03707344], np.uint32)
KEYS = np.stack([KEY, KEY[::-1], KEY + np.uint32(7)])
# Recorded: a run that is resumed must go on in the very same order, also in a later version.
SHUFFLED = np.array([3, 6, 1, 5, 0, 4, 2])


def _random() -> None:
    for label, shape in {"even": (2, 4), "odd": (5,), "number": (), "empty": (0, 2)}.items():
        same("random_bits", [KEY], label, shape=shape)
    sample(
        "random_bits",
        [KEYS],
        lambda keys: np.array([loops.random_bits(key, (3,)) for key in keys]),
        "keys",
        shape=(3,),
    )
    same("threefry", [KEY, KEYS])
    for label, index in {"all": np.arange(7), "part": np.array([[3], [0]])}.items():
        sample("shuffle", [KEY, index], lambda key, index: SHUFFLED[index], label, count=7)


STEPS = numbers(4, 2)
START = np.array([0.3, -0.2])
WEIGHT = np.array([[0.5, -0.3], [0.2, 0.8]])


def _step(weight: Any, carry: Any, x: Any) -> tuple[Any, Any]:
    return np.tanh(weight @ carry + x), carry * x


def _looped(weight: Any, carry: Any, xs: Any, *, reverse: bool, index: int) -> Any:
    body = trace(_step, weight, carry, xs[0])
    loop = rows.loop(
        weight, carry, xs, body=body, length=len(xs), reverse=reverse, constants=1, carries=1
    )
    return rows.result(loop, index=index)


def _unrolled(weight: Any, carry: Any, xs: Any, *, reverse: bool, index: int) -> Any:
    ys = np.zeros_like(xs)
    for t in range(len(xs))[:: -1 if reverse else 1]:
        carry, ys[t] = _step(weight, carry, xs[t])
    return (carry, ys)[index]


def _loop() -> None:
    for (row, index), reverse in product({"result": 0, "loop": 1}.items(), (False, True)):
        function = partial(_looped, reverse=reverse, index=index)
        expected = partial(_unrolled, reverse=reverse, index=index)
        label = "backwards" if reverse else "forwards"
        OTHERS.append(Sample(row, function, (WEIGHT, START, STEPS), expected, label))


def _all() -> Iterator[Sample]:
    for kind in (_layout, _windows, _reductions, _products, _indexing, _random, _loop):
        kind()
    yield from map(map_sample, MAPS.values())
    yield from OTHERS


ALL = list(_all())
