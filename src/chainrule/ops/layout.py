"""The kind Layout: numbers moved, repeated, dropped or framed with zeros, never changed.

Sliding windows are a view, so convolution and pooling are windows followed by a Contract or a
Reduce; the gradient of windows is `overlap_add`, which adds up what overlaps.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from chainrule.errors import ShapeError
from chainrule.graph import Node, Op, Params, Shape
from chainrule.ops.map import lift_rank, unbroadcast
from chainrule.ops.registry import register, rows


class Layout(Op):
    """A rearrangement of one array; the dtype stays."""

    doc: str
    latex: str = "{0}"

    def shape(self, shape: Shape, params: Params) -> Shape:
        """The shape of the result for an input of this shape."""
        raise NotImplementedError(f"{self.name} states no shape")

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        """The settings that do the same behind a new first axis."""
        raise NotImplementedError(f"{self.name} states no batching rule")

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        return self.shape(inputs[0].shape, params), inputs[0].dtype

    def keeps_order(self, params: Params) -> bool:
        """Whether a result of the input's shape holds the same numbers in the same places."""
        return True

    def shortcut(self, inputs: Sequence[Node], params: Params) -> Node | None:
        (x,) = inputs
        same = self.keeps_order(params) and self.shape(x.shape, params) == x.shape
        return x if same else None

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(xs[0], **self.batched_params(node.params, size))


def behind(axes: Sequence[int]) -> tuple[int, ...]:
    """The same axes when a new first one is put before them."""
    return tuple(axis + 1 for axis in axes)


class Reshape(Layout):
    name = "reshape"
    doc = "The same numbers in row-major order under another shape."

    def shape(self, shape: Shape, params: Params) -> Shape:
        if prod(shape) != prod(params["shape"]):
            raise ShapeError(
                f"reshape: {prod(shape)} numbers of shape {shape} do not fill {params['shape']}"
            )
        return tuple(params["shape"])

    def evaluate(self, x: Any, *, shape: Shape) -> Any:
        return np.asarray(x).reshape(shape)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return rows.reshape(g, shape=xs[0].shape)

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {"shape": (size, *params["shape"])}


class Transpose(Layout):
    name = "transpose"
    doc = "The axes in another order."
    latex = r"{0}^\top"

    def shape(self, shape: Shape, params: Params) -> Shape:
        return tuple(shape[axis] for axis in params["axes"])

    def keeps_order(self, params: Params) -> bool:
        return tuple(params["axes"]) == tuple(range(len(params["axes"])))

    def evaluate(self, x: Any, *, axes: Shape) -> Any:
        return np.transpose(x, axes)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return rows.transpose(g, axes=inverse_permutation(params["axes"]))

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {"axes": (0, *behind(params["axes"]))}


def inverse_permutation(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.argsort(axes))


class BroadcastTo(Layout):
    name = "broadcast_to"
    doc = "Axes of length 1, and missing first axes, repeated to a shape."

    def shape(self, shape: Shape, params: Params) -> Shape:
        target = tuple(params["shape"])
        tail = target[len(target) - len(shape) :]
        if len(shape) > len(target) or any(
            length not in (1, wanted) for length, wanted in zip(shape, tail, strict=True)
        ):
            raise ShapeError(f"broadcast_to: shape {shape} does not stretch to {target}")
        return target

    def evaluate(self, x: Any, *, shape: Shape) -> Any:
        return np.broadcast_to(x, shape)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return unbroadcast(g, xs[0].shape)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(lift_rank(xs[0], node.ndim), shape=(size, *node.shape))


class Slice(Layout):
    """`start`, `stop`, `step` for every axis; steps are positive, bounds inside the axis."""

    name = "slice"
    doc = "Every step-th number from start up to stop along each axis."

    def shape(self, shape: Shape, params: Params) -> Shape:
        bounds = zip(shape, params["start"], params["stop"], params["step"], strict=True)
        lengths = []
        for length, start, stop, step in bounds:
            if not (0 <= start <= stop <= length and step >= 1):
                raise ShapeError(f"slice: {start}:{stop}:{step} leaves an axis of length {length}")
            lengths.append(len(range(start, stop, step)))
        return tuple(lengths)

    def evaluate(self, x: Any, *, start: Shape, stop: Shape, step: Shape) -> Any:
        return x[tuple(slice(*bounds) for bounds in zip(start, stop, step, strict=True))]

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return rows.pad(g, **slice_as_pad(xs[0].shape, g.shape, params))

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {
            "start": (0, *params["start"]),
            "stop": (size, *params["stop"]),
            "step": (1, *params["step"]),
        }


def slice_as_pad(whole: Shape, part: Shape, params: Params) -> dict[str, Shape]:
    """The settings of the `pad` that puts a slice of `whole` back among zeros."""
    low, high, interior = [], [], []
    for length, count, start, step in zip(
        whole, part, params["start"], params["step"], strict=True
    ):
        if count == 0:
            # Nothing to put back: the whole axis is frame.
            low.append(length)
            high.append(0)
        else:
            low.append(start)
            high.append(length - start - (count - 1) * step - 1)
        interior.append(step - 1)
    return {"low": tuple(low), "high": tuple(high), "interior": tuple(interior)}


class Pad(Layout):
    """`low` zeros before, `high` after, `interior` between neighbours, for every axis."""

    name = "pad"
    doc = "A frame of zeros, and zeros between neighbours."

    def shape(self, shape: Shape, params: Params) -> Shape:
        return tuple(
            low + high + length + max(length - 1, 0) * interior
            for length, low, high, interior in zip(
                shape, params["low"], params["high"], params["interior"], strict=True
            )
        )

    def evaluate(self, x: Any, *, low: Shape, high: Shape, interior: Shape) -> Any:
        params = {"low": low, "high": high, "interior": interior}
        framed = np.zeros(self.shape(x.shape, params), x.dtype)
        framed[self._inside(x.shape, low, interior)] = x
        return framed

    @staticmethod
    def _inside(shape: Shape, low: Shape, interior: Shape) -> tuple[slice, ...]:
        return tuple(
            slice(before, before + max(length - 1, 0) * (gap + 1) + min(length, 1), gap + 1)
            for length, before, gap in zip(shape, low, interior, strict=True)
        )

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        inside = self._inside(xs[0].shape, params["low"], params["interior"])
        return rows.slice(
            g,
            start=tuple(part.start for part in inside),
            stop=tuple(part.stop for part in inside),
            step=tuple(part.step for part in inside),
        )

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {key: (0, *params[key]) for key in ("low", "high", "interior")}


class Flip(Layout):
    name = "flip"
    doc = "The order along some axes turned around."

    def shape(self, shape: Shape, params: Params) -> Shape:
        return shape

    def keeps_order(self, params: Params) -> bool:
        return not params["axes"]

    def evaluate(self, x: Any, *, axes: Shape) -> Any:
        return np.flip(x, axes)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return rows.flip(g, axes=params["axes"])

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {"axes": behind(params["axes"])}


class StopGradient(Layout):
    """The same number, which the chain rule takes for a constant."""

    name = "stop_gradient"
    doc = "The same numbers, whose gradient is taken to be zero."

    def shape(self, shape: Shape, params: Params) -> Shape:
        return shape

    def keeps_order(self, params: Params) -> bool:
        return False  # the same numbers, yet not the same node: the gradient ends here

    def evaluate(self, x: Any) -> Any:
        return x

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {}


class Concatenate(Layout):
    name = "concatenate"
    doc = "Arrays one after the other along an axis."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        axis = params["axis"]
        first = inputs[0].shape
        for node in inputs[1:]:
            if node.ndim != len(first) or any(
                a != b for i, (a, b) in enumerate(zip(node.shape, first, strict=True)) if i != axis
            ):
                raise ShapeError(
                    f"concatenate: shapes {first} and {node.shape} differ beside axis {axis}"
                )
        total = sum(node.shape[axis] for node in inputs)
        return (*first[:axis], total, *first[axis + 1 :]), inputs[0].dtype

    def prepare(self, inputs: Sequence[Node]) -> list[tuple[Node, np.dtype[Any]]]:
        common = np.result_type(*[node.dtype for node in inputs])
        return [(node, common) for node in inputs]

    def shortcut(self, inputs: Sequence[Node], params: Params) -> Node | None:
        return inputs[0] if len(inputs) == 1 else None

    def evaluate(self, *arrays: Any, axis: int) -> Any:
        return np.concatenate(arrays, axis)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        axis = params["axis"]
        begin = sum(x.shape[axis] for x in xs[:index])
        start = [0] * len(g.shape)
        stop = list(g.shape)
        start[axis], stop[axis] = begin, begin + xs[index].shape[axis]
        return rows.slice(g, start=tuple(start), stop=tuple(stop), step=(1,) * len(start))

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        full = [
            x if flag else rows.broadcast_to(x, shape=(size, *x.shape))
            for x, flag in zip(xs, batched, strict=True)
        ]
        return self(*full, axis=node.params["axis"] + 1)


# --- sliding windows -----------------------------------------------------------------------------


def window_count(length: int, size: int, stride: int, dilation: int) -> int:
    """How many windows of `size` numbers, `dilation` apart, start every `stride` numbers."""
    reach = dilation * (size - 1) + 1
    return (length - reach) // stride + 1 if length >= reach else 0


class Windows(Layout):
    """`axes`, `sizes`, `strides`, `dilations`: one entry each for every windowed axis.

    (…, length, …) becomes (…, count, …, size): a windowed axis counts the windows, and the
    positions inside a window become new last axes, in the order of `axes`.
    """

    name = "windows"
    doc = "All sliding windows over some axes."

    def shape(self, shape: Shape, params: Params) -> Shape:
        lengths = list(shape)
        for axis, *setting in _settings(params):
            lengths[axis] = window_count(shape[axis], *setting)
        return (*lengths, *params["sizes"])

    def evaluate(
        self, x: Any, *, axes: Shape, sizes: Shape, strides: Shape, dilations: Shape
    ) -> Any:
        params = {"axes": axes, "sizes": sizes, "strides": strides, "dilations": dilations}
        x = np.asarray(x)
        steps = list(x.strides)
        for axis, _, stride, _ in _settings(params):
            steps[axis] *= stride
        inner = [x.strides[axis] * dilation for axis, _, _, dilation in _settings(params)]
        return as_strided(x, self.shape(x.shape, params), (*steps, *inner), writeable=False)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        lengths = tuple(xs[0].shape[axis] for axis in params["axes"])
        return rows.overlap_add(g, lengths=lengths, **params)

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {**params, "axes": behind(params["axes"])}


class OverlapAdd(Layout):
    """The transpose of Windows: every number of every window is added where it came from.

    `lengths` are those of the windowed axes before.
    """

    name = "overlap_add"
    doc = "Windows added back to where they were taken from."

    def shape(self, shape: Shape, params: Params) -> Shape:
        lengths = list(shape[: len(shape) - len(params["axes"])])
        for axis, length in zip(params["axes"], params["lengths"], strict=True):
            lengths[axis] = length
        return tuple(lengths)

    def evaluate(
        self,
        w: Any,
        *,
        axes: Shape,
        sizes: Shape,
        strides: Shape,
        dilations: Shape,
        lengths: Shape,
    ) -> Any:
        params = {
            "axes": axes,
            "sizes": sizes,
            "strides": strides,
            "dilations": dilations,
            "lengths": lengths,
        }
        total = np.zeros(self.shape(w.shape, params), w.dtype)
        if w.size == 0:
            return total
        for position in product(*map(range, sizes)):
            place = [slice(None)] * total.ndim
            for offset, (axis, _, stride, dilation) in zip(
                position, _settings(params), strict=True
            ):
                begin = offset * dilation
                place[axis] = slice(begin, begin + (w.shape[axis] - 1) * stride + 1, stride)
            total[tuple(place)] += w[(..., *position)]
        return total

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        kept = {key: value for key, value in params.items() if key != "lengths"}
        return rows.windows(g, **kept)

    def batched_params(self, params: Params, size: int) -> dict[str, Any]:
        return {**params, "axes": behind(params["axes"])}


def _settings(params: Params) -> list[tuple[int, int, int, int]]:
    columns = (params["axes"], params["sizes"], params["strides"], params["dilations"])
    return list(zip(*columns, strict=True))


reshape = register(Reshape())
transpose = register(Transpose())
broadcast_to = register(BroadcastTo())
slice_ = register(Slice())
pad = register(Pad())
flip = register(Flip())
stop_gradient = register(StopGradient())
concatenate = register(Concatenate())
windows = register(Windows())
overlap_add = register(OverlapAdd())
