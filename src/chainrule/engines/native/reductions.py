"""Reductions to code: sums side by side, or parts of one sum in the lanes of a vector."""

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


def write_reduction(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Reduction)
    if prod(kernel.shape) == 0:
        return
    if kernel.cut is None:
        kernel = _with_joined_axes(w, kernel)
    kept = len(kernel.shape)
    lengths = kernel.lengths
    found = [w.exchanged.get(id(view), view) for view in kernel.reads]
    body_views = [view for view in found if len(view.strides) == len(lengths)]
    best = lane_axis(lengths, kernel.writes, body_views) if lengths else None
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

    def at(outer: list[Place]) -> None:
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
        total = horizontal(w, kernel.how, carry[0])
        places = [*outer, *[0] * (len(lengths) - kept)]
        w.write(kernel.stores, Frame(places), {}, total)

    w.nest(kernel.shape, at, w.bounds if w.divided else None)


def horizontal(w: KernelWriter, how: str, x: Value) -> Value:
    """The lanes of a vector joined by halves."""
    while x.lanes > 1:
        low, high = w.b.halves(x)
        x = _joined(w, how, low, high)
    return x
