"""Ops with loops of their own: rows by index, running totals, random words, overlapping windows."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import Buffer, row_major
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import Special
from chainrule.engines.native.loops import KernelWriter, Place
from chainrule.engines.native.values import INT64, Value
from chainrule.graph import Shape
from chainrule.ops.counter import Shuffle, threefry_words

UINT32, UINT64 = np.dtype(np.uint32), np.dtype(np.uint64)
BAD_INDEX = 1
FAR_BYTES = 1 << 20  # of a table, from which on its rows are asked for ahead
ROWS_AHEAD = 2
OUTSIDE = "an index is out of bounds for the axis that it counts along"


def write_special(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Special)
    if prod(kernel.shape):
        SPECIALS[kernel.node.op.name](w, kernel)


def _copy(
    w: KernelWriter,
    source: str,
    start: Any,
    target: str,
    begin: Any,
    kernel: Any,
    ahead: Value | None = None,
) -> None:
    """Copy one row, `kernel` = (how many elements, dtype), in vectors.

    ahead  where a row begins that will be copied soon
    """
    count, dtype = kernel
    lanes = w.lanes_for([dtype], count)

    def body(place: Place, live: int) -> None:
        if ahead is not None:
            w.b.prefetch(source, ahead + place, dtype)
        value = w.b.load(source, w.b.integer(start) + place, dtype, lanes, live)
        w.b.store(value, target, w.b.integer(begin) + place, live)

    w.along(0, count, count, lanes, body)


def _index(w: KernelWriter, buffer: Buffer, place: Place, count: int) -> Value:
    """An index read from a buffer: negative ones from the end; outside ones noted and moved."""
    found = w.b.load(w.pointers[buffer], place, buffer.dtype).astype(INT64)
    found = w.b.select(found < 0, found + count, found)
    outside = (found < 0) | (found >= count)
    status = w.status

    def note() -> None:
        w.b.store(w.b.constant(BAD_INDEX, INT64), status, 0)

    w.b.when(outside, note)
    return w.b.select(outside, 0, found)


def _flat_bounds(w: KernelWriter, per_row: int) -> tuple[Place, Place]:
    begin, end = w.bounds
    return begin * per_row, end * per_row


def gather(w: KernelWriter, kernel: Special) -> None:
    table, index = kernel.operands
    # A buffer may hold its node's numbers under another shape.
    rows, places = (child.shape for child in kernel.node.inputs)
    row = prod(rows[1:])
    per_row = prod(places[1:])
    begin, end = _flat_bounds(w, per_row) if w.divided else (0, index.size)
    last, far = w.b.integer(end) - 1, table.bytes > FAR_BYTES

    def one(i: Place) -> None:
        source = _index(w, index, i, rows[0]) * row
        target = w.b.integer(i) * row
        ahead = None
        if far:
            later = w.b.integer(i) + ROWS_AHEAD
            later = w.b.select(later < last, later, last)
            ahead = w.b.load(w.pointers[index], later, index.dtype).astype(INT64) * row
        _copy(
            w,
            w.pointers[table],
            source,
            w.pointers[kernel.target],
            target,
            (row, table.dtype),
            ahead,
        )

    w.b.loop(begin, end, 1, one)


def scatter_add(w: KernelWriter, kernel: Special) -> None:
    """Every thread goes through the whole index and adds up what falls into its own rows."""
    index, updates = kernel.operands
    target, row = kernel.target, kernel.target.row
    base = w.pointers[target]
    first, last = (w.b.integer(bound) for bound in w.bounds)
    size = row * target.dtype.itemsize
    w.b.clear(base, first * size, (last - first) * size)
    lanes = w.lanes_for([target.dtype], row)

    def one(i: Place) -> None:
        at = _index(w, index, i, target.shape[0])
        if w.divided:
            w.b.when((at >= first) & (at < last), lambda: add_row(i, at * row))
        else:
            add_row(i, at * row)

    def add_row(i: Place, begin: Value) -> None:
        def add(place: Place, live: int) -> None:
            source = w.b.integer(i) * row + place
            value = w.b.load(w.pointers[updates], source, target.dtype, lanes, live)
            old = w.b.load(base, begin + place, target.dtype, lanes, live)
            w.b.store(old + value, base, begin + place, live)

        w.along(0, row, row, lanes, add)

    w.b.loop(0, index.size, 1, one)


def scatter(w: KernelWriter, kernel: Special) -> None:
    source, index, updates = kernel.operands
    target, row = kernel.target, kernel.target.row
    base = w.pointers[target]
    _copy(w, w.pointers[source], 0, base, 0, (target.size, target.dtype))

    def one(i: Place) -> None:
        begin = _index(w, index, i, target.shape[0]) * row
        place = w.b.integer(i) * row
        _copy(w, w.pointers[updates], place, base, begin, (row, target.dtype))

    w.b.loop(0, index.size, 1, one)


def _lines(w: KernelWriter, shape: Shape, axis: int, body: Callable[[Value], None]) -> None:
    """body(start) for every line along an axis, `start` its first element."""
    strides = row_major(shape)
    others = [k for k in range(len(shape)) if k != axis]

    def at(places: list[Place]) -> None:
        start = w.b.integer(0)
        for k, place in zip(others, places, strict=True):
            start = start + w.b.integer(place) * strides[k]
        body(start)

    w.nest([shape[k] for k in others], at)


def cumsum(w: KernelWriter, kernel: Special) -> None:
    (x,) = kernel.operands
    axis, shape = kernel.node.params["axis"], kernel.shape
    step = row_major(shape)[axis]

    def line(start: Value) -> None:
        def add(i: Place, total: Value) -> list[Value]:
            place = start + w.b.integer(i) * step
            total = total + w.b.load(w.pointers[x], place, x.dtype)
            w.b.store(total, w.pointers[kernel.target], place)
            return [total]

        w.b.loop(0, shape[axis], 1, add, [w.b.constant(0, x.dtype)])

    _lines(w, shape, axis, line)


def _extreme_place(w: KernelWriter, kernel: Special) -> None:
    (x,) = kernel.operands
    (axis,) = kernel.node.params["axes"]
    shape = kernel.node.inputs[0].shape
    strides = row_major(shape)
    largest = kernel.node.op.name == "argmax"
    kept = [k for k in range(len(shape)) if k != axis]
    b = w.b

    def at(places: list[Place]) -> None:
        start = b.integer(0)
        for k, place in zip(kept, places, strict=True):
            start = start + b.integer(place) * strides[k]
        target = b.integer(0)
        for place, stride in zip(places, row_major(kernel.shape), strict=True):
            target = target + b.integer(place) * stride

        def look(i: Place, best: Value, where: Value) -> list[Value]:
            place = start + b.integer(i) * strides[axis]
            value = b.load(w.pointers[x], place, x.dtype)
            better = value > best if largest else value < best
            if x.dtype.kind == "f":  # the first NaN stands, as in NumPy
                better = better | ((value != value) & (best == best))
            return [b.select(better, value, best), b.select(better, b.integer(i), where)]

        first = b.load(w.pointers[x], start, x.dtype)
        _, where = b.loop(0, shape[axis], 1, look, [first, b.constant(0, INT64)])
        b.store(where, w.pointers[kernel.target], target)

    w.nest([shape[k] for k in kept], at, w.bounds if w.divided else None)


class _Words:
    """Two words as formulas on arrays see them: `key[..., 0]`."""

    def __init__(self, first: Value, second: Value) -> None:
        self.words = (first, second)

    def __getitem__(self, place: Any) -> Value:
        return self.words[place[-1]]


def _key(w: KernelWriter, buffer: Buffer, which: Place) -> _Words:
    base = w.pointers[buffer]
    start = w.b.integer(which) * 2
    return _Words(w.b.load(base, start, UINT32), w.b.load(base, start + 1, UINT32))


def random_bits(w: KernelWriter, kernel: Special) -> None:
    (keys,) = kernel.operands
    count = prod(kernel.node.params["shape"])
    b, base = w.b, w.pointers[kernel.target]

    def one_key(number: Place) -> None:
        key = _key(w, keys, number)
        start = b.integer(number) * count

        def block(i: Place) -> None:
            wide = b.integer(i)
            high, low = (wide >> 32).astype(UINT32), wide.astype(UINT32)
            words = threefry_words(key, high, low)
            b.store(words[0], base, start + wide * 2)
            if isinstance(i, int):
                if 2 * i + 1 < count:
                    b.store(words[1], base, start + (2 * i + 1))
            else:
                b.store(words[1], base, start + wide * 2 + 1)

        b.loop(0, count // 2, 1, block)
        if count % 2:
            block(count // 2)

    b.loop(0, keys.size // 2, 1, one_key)


def threefry(w: KernelWriter, kernel: Special) -> None:
    keys, counters = kernel.operands
    b, base = w.b, w.pointers[kernel.target]
    shape = kernel.shape[:-1]
    inputs = (child.shape for child in kernel.node.inputs)
    shapes = dict(zip((keys, counters), inputs, strict=True))

    def place_in(buffer: Buffer, places: list[Place]) -> Value:
        own = shapes[buffer][:-1]
        total = b.integer(0)
        tail = places[len(places) - len(own) :]
        for place, length, stride in zip(tail, own, row_major(own), strict=True):
            if length != 1:
                total = total + b.integer(place) * stride
        return total

    def at(places: list[Place]) -> None:
        counter = _key(w, counters, place_in(counters, places))
        words = threefry_words(_key(w, keys, place_in(keys, places)), *counter.words)
        target = b.integer(0)
        for place, stride in zip(places, row_major(shape), strict=True):
            target = target + b.integer(place) * stride
        for k in range(2):
            b.store(words[k], base, target * 2 + k)

    w.nest(shape, at)


def shuffle(w: KernelWriter, kernel: Special) -> None:
    keys, index = kernel.operands
    count = kernel.node.params["count"]
    b, base = w.b, w.pointers[kernel.target]
    number = keys.size // 2
    each = index.size // number
    lanes = vector_bytes() // 4

    def one_key(which: Place) -> None:
        key = _key(w, keys, which)
        words = [Shuffle.subkeys(key, b.constant(r, UINT32)) for r in range(Shuffle.rounds)]

        def some(i: Place, live: int) -> None:
            place = b.integer(which) * each + i
            found = b.load(w.pointers[index], place, index.dtype, lanes, live)

            def again(value: Value) -> Value:
                return b.select(value >= count, Shuffle.encrypt(value, words, count), value)

            value = Shuffle.encrypt(found.astype(UINT64), words, count)
            value = b.repeat_while(lambda value: b.any(value >= count), again, value)
            b.store(value.astype(INT64), base, place, live)

        w.along(0, each, each, lanes, some)

    b.loop(0, number, 1, one_key)


def overlap_add(w: KernelWriter, kernel: Special) -> None:
    (x,) = kernel.operands
    params = kernel.node.params
    axes, strides, dilations = params["axes"], params["strides"], params["dilations"]
    rank = len(kernel.shape)
    shape = kernel.node.inputs[0].shape
    source, target = row_major(shape), row_major(kernel.shape)
    b, base = w.b, w.pointers[kernel.target]
    b.clear(base, 0, kernel.target.bytes)

    def at(places: list[Place]) -> None:
        place, begin = b.integer(0), b.integer(0)
        for axis, where in enumerate(places):
            begin = begin + b.integer(where) * source[axis]
            if axis < rank:
                factor = strides[axes.index(axis)] if axis in axes else 1
                place = place + b.integer(where) * (factor * target[axis])
            else:
                which = axis - rank
                place = place + b.integer(where) * (dilations[which] * target[axes[which]])
        value = b.load(w.pointers[x], begin, x.dtype)
        b.store(b.load(base, place, x.dtype) + value, base, place)

    w.nest(shape, at)


SPECIALS: dict[str, Callable[[KernelWriter, Special], None]] = {
    "gather": gather,
    "scatter_add": scatter_add,
    "scatter": scatter,
    "cumsum": cumsum,
    "argmax": _extreme_place,
    "argmin": _extreme_place,
    "random_bits": random_bits,
    "threefry": threefry,
    "shuffle": shuffle,
    "overlap_add": overlap_add,
}
