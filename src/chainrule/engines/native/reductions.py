"""Reductions to code: sums side by side, or parts of one sum in the lanes of a vector."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import View, collapsed
from chainrule.engines.native.elementwise import lane_axis
from chainrule.engines.native.inlining import is_brief
from chainrule.engines.native.kernels import Reduction, loads
from chainrule.engines.native.loops import FEW_PLACES, Frame, KernelWriter, Memo, Place
from chainrule.engines.native.plan import grain
from chainrule.engines.native.values import Value

ACCUMULATORS = 4  # sums that run beside each other, to hide the latency of an addition
LEAST_TOGETHER = 4  # sums along an axis from which on several are finished together


def write_reduction(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Reduction)
    if kernel.cut is None:
        kernel = _with_joined_axes(w, kernel)
    kept = len(kernel.shape)
    lengths = kernel.lengths
    found = [w.exchanged.get(id(view), view) for view in kernel.reads]
    body_views = [view for view in found if len(view.strides) == len(lengths)]
    # What is loaded for every term decides; what is stored once a sum can follow either way.
    best = lane_axis(lengths, [], body_views) if lengths else None
    if best is not None and best < kept:
        _across(w, kernel, best)
    else:
        _along(w, kernel, best)


def _with_joined_axes(w: KernelWriter, kernel: Reduction) -> Reduction:
    """The same sums over fewer axes, where numbers lie in one row: a longer one has more parts."""
    kept = len(kernel.shape)
    views = loads([kernel.body])
    summed, strides = collapsed(kernel.summed, [view.strides[kept:] for view in views])
    # Views are exchanged by identity.
    w.exchanged = {
        id(view): View(view.buffer, view.offset, (*view.strides[:kept], *steps))
        for view, steps in zip(views, strides, strict=True)
    }
    return replace(kernel, summed=summed)


def _bounds(w: KernelWriter, kernel: Reduction, places: list[Place]) -> list[tuple[Place, Place]]:
    """Where the loops over all axes begin and end; that of a slice, where it is one."""
    found: list[tuple[Place, Place]] = [(0, length) for length in kernel.lengths]
    if kernel.cut is not None:
        found[kernel.cut] = w.slice(places[0])
    return found


def _start(w: KernelWriter, how: str, dtype: np.dtype[Any], lanes: int) -> Value:
    if how == "sum":
        return w.b.constant(0, dtype, lanes)
    sign = -1 if how == "max" else 1
    if dtype.kind == "f":
        return w.b.constant(sign * np.inf, dtype, lanes)
    if dtype.kind == "b":
        return w.b.constant(how == "min", dtype, lanes)
    limits = np.iinfo(dtype)
    return w.b.constant(limits.min if how == "max" else limits.max, dtype, lanes)


def _joined(w: KernelWriter, how: str, a: Value, b: Value) -> Value:
    if how == "sum":
        return a + b
    return w.m.maximum(a, b) if how == "max" else w.m.minimum(a, b)


def _across(w: KernelWriter, kernel: Reduction, along: int) -> None:
    """Vectors along an axis of the result: several sums side by side."""
    kept, lengths = len(kernel.shape), kernel.lengths
    dtype = kernel.body.dtype
    lanes = w.lanes_for([dtype], lengths[along])
    if w.divided and along == 0:
        lanes = min(lanes, grain(lengths[0]))
    others = [axis for axis in range(kept) if axis != along]
    few = prod(kernel.summed) <= FEW_PLACES
    still = w.still([kernel.body], range(kept, len(lengths))) if few else set()
    most = 1 if few or not is_brief(kernel.body) else ACCUMULATORS

    def at(outer: list[Place]) -> None:
        places: list[Place] = [0] * len(lengths)
        for axis, place in zip(others, outer, strict=True):
            places[axis] = place
        begin, end = w.bounds if w.divided and along == 0 else (0, lengths[along])
        bounds = _bounds(w, kernel, places)

        def body(place: Place, count: int, live: int) -> None:
            """The sums of so many vectors from here on; `live` lanes of the last."""
            memos: list[Memo] = [{} for _ in range(count)]

            def frame(v: int, inner: list[Place]) -> Frame:
                own = [*places[:kept], *inner]
                own[along] = place + v * lanes if v else place
                return Frame(own, along, lanes, live if v == count - 1 else 0)

            def level(axis: int, inner: list[Place], carry: list[Value]) -> list[Value]:
                if axis == len(lengths):
                    return [one(v, inner, total) for v, total in enumerate(carry)]
                return w.b.loop(
                    *bounds[axis],
                    1,
                    lambda i, *c: level(axis + 1, [*inner, i], list(c)),
                    carry,
                    written_out=FEW_PLACES if few else 1,
                )

            def one(v: int, inner: list[Place], total: Value) -> Value:
                known = {name: memos[v][name] for name in still if name in memos[v]}
                value = w.evaluate(kernel.body, frame(v, inner), known)
                memos[v].update(known)
                return _joined(w, kernel.how, total, w.b.splat(value, lanes))

            start = _start(w, kernel.how, dtype, lanes)
            for v, total in enumerate(level(kept, [], [start] * count)):
                w.write(kernel.stores, frame(v, [0] * (len(lengths) - kept)), {}, total)

        w.blocks(begin, end, lengths[along], lanes, most, body)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([lengths[axis] for axis in others], at, first)


def _along(w: KernelWriter, kernel: Reduction, along: int | None) -> None:
    """Vectors along a summed axis: parts of one sum, added up at the end."""
    kept, lengths = len(kernel.shape), kernel.lengths
    dtype = kernel.body.dtype
    length = 1 if along is None else lengths[along]
    lanes = w.lanes_for([dtype], length)
    if along is not None and along == kernel.cut:
        lanes = min(lanes, grain(length))
    summed = [axis for axis in range(kept, len(lengths)) if axis != along]
    count = ACCUMULATORS if length >= 2 * ACCUMULATORS * lanes and along != kernel.cut else 1

    def parts(outer: list[Place]) -> Value:
        """One sum, in parts: the lanes of a vector."""
        bounds = _bounds(w, kernel, outer)

        def value_at(inner: dict[int, Place], live: int) -> Value:
            own: list[Place] = [*outer, *(inner.get(axis, 0) for axis in range(kept, len(lengths)))]
            found = w.evaluate(kernel.body, Frame(own, along, lanes, live), {})
            found = w.b.splat(found, lanes)
            if live and live < lanes:
                mask = w.b.vector([lane < live for lane in range(lanes)], bool)
                found = w.b.select(mask, found, _start(w, kernel.how, dtype, lanes))
            return found

        def innermost(inner: dict[int, Place], carry: list[Value]) -> list[Value]:
            if along is None:
                return [_joined(w, kernel.how, carry[0], value_at(inner, 0))]

            def several(i: Place, *sums: Value) -> list[Value]:
                return [
                    _joined(w, kernel.how, s, value_at({**inner, along: i + k * lanes}, 0))
                    for k, s in enumerate(sums)
                ]

            if along == kernel.cut:
                return [slice_of_lanes(inner, carry[0])]
            whole = length // (count * lanes) * count * lanes
            carry = w.b.loop(0, whole, count * lanes, several, carry)
            full = length // lanes * lanes
            (first,) = w.b.loop(
                whole,
                full,
                lanes,
                lambda i, s: [_joined(w, kernel.how, s, value_at({**inner, along: i}, 0))],
                carry[:1],
            )
            if length % lanes:
                rest = value_at({**inner, along: full}, length % lanes)
                first = _joined(w, kernel.how, first, rest)
            return [first, *carry[1:]]

        def slice_of_lanes(inner: dict[int, Place], total: Value) -> Value:
            """The part of the lanes' axis that is this slice; what is left over ends the last."""
            assert along is not None
            begin, end = (w.b.integer(bound) for bound in bounds[along])
            full = length // lanes * lanes
            stop = w.b.select(end < full, end, full)
            join = lambda i, s: [_joined(w, kernel.how, s, value_at({**inner, along: i}, 0))]
            (total,) = w.b.loop(begin, stop, lanes, join, [total])
            if length % lanes:
                rest = value_at({**inner, along: full}, length % lanes)
                joined = _joined(w, kernel.how, total, rest)
                total = w.b.select(end > full, joined, total)
            return total

        def level(number: int, inner: dict[int, Place], carry: list[Value]) -> list[Value]:
            if number == len(summed):
                return innermost(inner, carry)
            axis = summed[number]
            return w.b.loop(
                *bounds[axis],
                1,
                lambda i, *c: level(number + 1, {**inner, axis: i}, list(c)),
                carry,
            )

        carry = [_start(w, kernel.how, dtype, lanes)] * count
        if prod(lengths[kept:]):
            carry = level(0, {}, carry)
        while len(carry) > 1:
            half = len(carry) // 2
            carry = [
                _joined(w, kernel.how, a, c)
                for a, c in zip(carry[:half], carry[half:], strict=True)
            ]
        return carry[0]

    rows = _rows(kernel, lanes)
    if rows is not None:
        _by_rows(w, kernel, rows, lanes, parts)
        return

    def at(outer: list[Place]) -> None:
        total = horizontal(w, kernel.how, parts(outer))
        places = [*outer, *[0] * (len(lengths) - kept)]
        w.write(kernel.stores, Frame(places), {}, total)

    w.nest(kernel.shape, at, w.bounds if w.divided else None)


def _rows(kernel: Reduction, lanes: int) -> int | None:
    """The axis of the result of which several sums are finished together, where one is so long."""
    if lanes == 1 or kernel.cut is not None or not kernel.shape:
        return None
    axis = lane_axis(kernel.shape, kernel.writes, kernel.writes)
    return axis if kernel.shape[axis] >= LEAST_TOGETHER else None


def _by_rows(
    w: KernelWriter,
    kernel: Reduction,
    rows: int,
    lanes: int,
    parts: Callable[[list[Place]], Value],
) -> None:
    """Every sum of an axis from its parts, as many together as a vector holds: they are joined in
    fewer steps than one by one, and what is made of them is computed in vectors.
    """
    kept, length, dtype = len(kernel.shape), kernel.shape[rows], kernel.body.dtype
    size = min(lanes, w.lanes_for([dtype], length))
    if w.divided and rows == 0:
        size = min(size, grain(length))
    memory = w.b.scratch(dtype, size * lanes)
    others = [axis for axis in range(kept) if axis != rows]

    def at(outer: list[Place]) -> None:
        places: list[Place] = [0] * len(kernel.lengths)
        for axis, where in zip(others, outer, strict=True):
            places[axis] = where

        def several(place: Place, live: int) -> None:
            def one(k: Place) -> None:
                here = [*places[:kept]]
                here[rows] = w.b.integer(place) + k
                w.b.store(parts(here), memory, w.b.integer(k) * lanes)

            w.b.loop(0, live or size, 1, one)
            for k in range(live or size, size):
                w.b.store(_start(w, kernel.how, dtype, lanes), memory, k * lanes)
            found = [w.b.load(memory, k * lanes, dtype, lanes) for k in range(size)]
            here = [*places]
            here[rows] = place
            total = _horizontal_of_each(w, kernel.how, found)
            w.write(kernel.stores, Frame(here, rows, size, live), {}, total)

        begin, end = w.bounds if w.divided and rows == 0 else (0, length)
        w.along(begin, end, length, size, several)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([kernel.shape[axis] for axis in others], at, first)


def _horizontal_of_each(w: KernelWriter, how: str, vectors: Sequence[Value]) -> Value:
    """The lanes of each vector joined by halves, as `horizontal` does: a vector of the results.

    Two vectors become one, in which each has half as many lanes as before.
    """
    found, each = list(vectors), vectors[0].lanes
    while each > 1:
        pairs = [found[k : k + 2] for k in range(0, len(found), 2)]
        firsts = [range(0, len(pair) * pair[0].lanes, each) for pair in pairs]
        each //= 2
        low = [[k + lane for k in first for lane in range(each)] for first in firsts]
        found = [
            _joined(w, how, w.b.chosen(pair, places), w.b.chosen(pair, [k + each for k in places]))
            for pair, places in zip(pairs, low, strict=True)
        ]
    return found[0]


def horizontal(w: KernelWriter, how: str, x: Value) -> Value:
    """The lanes of a vector joined by halves."""
    while x.lanes > 1:
        low, high = w.b.halves(x)
        x = _joined(w, how, low, high)
    return x
