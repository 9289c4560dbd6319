"""Random programs for Hypothesis: NumPy code of up to twelve lines, each with a step of some kind.

A program is text, so that a failing one can be read, and run as it stands. It is drawn line by
line and run while it is drawn: what a line is applied to is brought into the domain where the
function is smooth, and what it gives is kept at moderate size, so that differences can judge the
gradient. The first operand of each line is the result of the one before: as many lines, so deep.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from samples import MAPS, input_dtypes

import chainrule as cr
from chainrule.graph import Shape
from chainrule.ops import rows
from chainrule.trees import flatten, map_tree

Array = np.ndarray[Any, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
DEPTH = 12
LARGEST = 5.0  # numbers of a greater size are scaled down
COUNT = 200  # no array has more numbers


# --- running a program ---------------------------------------------------------------------------


def unrolled(step: Callable[..., Any], carry: Any, xs: Any) -> tuple[Any, Any]:
    """What `cr.scan` means."""
    ys = []
    for t in range(len(flatten(xs)[0][0])):
        carry, y = step(carry, map_tree(lambda x, t=t: x[t], xs))
        ys.append(y)
    return carry, np.stack(ys)


def looped(function: Callable[..., Any]) -> Callable[..., Any]:
    """What `cr.vmap` means."""
    return lambda *xs: np.stack([function(*sample) for sample in zip(*xs, strict=True)])


TRACED = {"np": np, "rows": rows, "cr": cr}
PLAIN = TRACED | {"cr": SimpleNamespace(scan=unrolled, vmap=looped, random=cr.random)}


@dataclass
class Program:
    """Lines of NumPy code over the inputs x0, x1, …, and where their gradient is taken.

    kinds  the kind of step that each line is there for
    """

    inputs: tuple[Array, ...]
    lines: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    last: str = "x0"

    @property
    def text(self) -> str:
        names = ", ".join(f"x{place}" for place in range(len(self.inputs)))
        body = "\n".join([*self.lines, f"return np.sum({self.last} * np.cos({self.last} + 1))"])
        return f"def program({names}):\n{indent(body, '    ')}\n"

    def function(self, names: dict[str, Any]) -> Callable[..., Any]:
        """The program over one meaning of its names: `TRACED`, or `PLAIN` without chainrule."""
        space = dict(names)
        exec(compile(self.text, "<random program>", "exec"), space)
        found: Callable[..., Any] = space["program"]
        return found

    def __repr__(self) -> str:
        shown = [f"x{place} = {x!r}" for place, x in enumerate(self.inputs)]
        return "\n".join(["", self.text, *shown])


# --- drawing one ---------------------------------------------------------------------------------


def common_shape(a: Shape, b: Shape) -> Shape | None:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


class Refused(Exception):
    """This line does not fit what there is so far; another is drawn."""


class Builder:
    """A program being drawn, with the values that its variables have."""

    def __init__(self, draw: Draw, rng: np.random.Generator, inputs: tuple[Array, ...]) -> None:
        self.draw, self.rng = draw, rng
        self.program = Program(inputs)
        self.values = {f"x{place}": x for place, x in enumerate(inputs)}
        self.program.last = next(iter(self.values))

    # --- choosing ---

    def choose(self, options: Sequence[Any]) -> Any:
        if not options:
            raise Refused
        return self.draw(st.sampled_from(list(options)))

    def number(self, low: int, high: int) -> int:
        if low > high:
            raise Refused
        found: int = self.draw(st.integers(low, high))
        return found

    def flag(self) -> bool:
        found: bool = self.draw(st.booleans())
        return found

    @property
    def first(self) -> str:
        return self.program.last

    def other(self, fits: Callable[[Array], bool] = lambda x: True) -> str:
        """Any variable whose value fits."""
        found: str = self.choose([name for name, value in self.values.items() if fits(value)])
        return found

    def beside(self, name: str) -> str:
        """A variable that broadcasts with this one to something small."""
        shape = self.values[name].shape

        def fits(x: Array) -> bool:
            together = common_shape(shape, x.shape)
            return together is not None and int(np.prod(together)) <= COUNT

        return self.other(fits)

    def inside(self, name: str, interval: tuple[float, float]) -> str:
        """The variable, or a smooth function of it whose values lie in the interval."""
        low, high = interval
        value = self.values[name]
        if value.size and low <= value.min() and value.max() <= high:
            return name
        middle, half = (low + high) / 2, (high - low) / 2
        return f"({middle:.3g} + {half:.3g} * np.sin({name}))"

    # --- adding lines ---

    @staticmethod
    def run(line: str, name: str, values: dict[str, Array]) -> Array:
        space = PLAIN | values
        try:
            with warnings.catch_warnings(action="error"):
                exec(line, space)
        except (ValueError, IndexError, TypeError, RuntimeWarning) as error:
            raise Refused from error
        return np.asarray(space[name])

    def check_steady(self, line: str, name: str, value: Array) -> None:
        """Refuse a line whose value jumps where it is taken: at a tie, or by the sign of a zero.

        Rounding would decide it, and differently for every way to compute the same.
        """
        for _ in range(3):
            shaken = {
                other: x + 1e-6 * self.rng.normal(size=x.shape) * (1 + np.abs(x))
                for other, x in self.values.items()
            }
            if not np.allclose(self.run(line, name, shaken), value, rtol=1e-3, atol=1e-3):
                raise Refused

    def add(self, kind: str, line: str, name: str) -> None:
        """Append a line that gives `name` its value, unless it does not compute one."""
        value = self.run(line, name, self.values)
        if value.size > COUNT or value.ndim > 5 or value.dtype != np.float64:
            raise Refused
        self.check_steady(line, name, value)
        largest = np.max(np.abs(value), initial=0)
        if not np.isfinite(largest) or largest > 1e6:
            raise Refused
        if largest > LARGEST:
            scale = float(f"{2 / largest:.2g}")
            line += f"\n{name} = {scale} * {name}"
            value = scale * value
        self.program.lines.append(line)
        self.program.kinds.append(kind)
        self.values[name] = value
        self.program.last = name


@st.composite
def programs(draw: Draw) -> Program:
    """A random program with one to twelve steps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=3))
    dtype = draw(st.sampled_from([np.float64] * 4 + [np.float32]))
    inputs = tuple(rng.uniform(-2, 2, shape).astype(dtype) for shape in shapes)
    builder = Builder(draw, rng, tuple(x.astype(np.float64) for x in inputs))
    for number in range(draw(st.integers(1, DEPTH) | st.integers(DEPTH // 2, DEPTH))):
        name = f"v{number}"
        for _ in range(8):
            kind = builder.choose(list(KINDS))
            try:
                line = builder.choose(KINDS[kind])(builder)
                line = line if "{}" in line else f"{{}} = {line}"
                builder.add(kind, line.replace("{}", name), name)
                break
            except Refused:
                continue
        else:
            builder.add("Map", f"{name} = np.sin({builder.first})", name)
    builder.program.inputs = inputs
    return builder.program


# --- Map -----------------------------------------------------------------------------------------

FLOATING = {
    name: row
    for name, row in MAPS.items()
    if row.result == "same" and all(dtype == np.float64 for dtype in input_dtypes(row))
}


def function_of(name: str) -> str:
    return f"np.{name}" if MAPS[name].ufunc is not None else f"rows.{name}"


def mapped(b: Builder) -> str:
    """Any elementwise row, each operand in its domain."""
    row = FLOATING[b.choose([name for name in FLOATING if name != "cast"])]
    names = [b.first, *[b.beside(b.first) for _ in range(row.arity - 1)]]
    operands = [b.inside(*pair) for pair in zip(names, row.check.domain, strict=True)]
    return f"{function_of(row.name)}({', '.join(operands)})"


def operators(b: Builder) -> str:
    a, c = b.first, b.beside(b.first)
    return b.choose(
        [f"{a} + {c}", f"{a} - {c}", f"{a} * {c}", f"2.5 * {a} - {c} / 3", f"{c}**2 + {a}"]
    )


def selection(b: Builder) -> str:
    a, c = b.first, b.beside(b.first)
    condition = b.choose(
        [
            f"{a} > {c}",
            f"({a} > 0) & ~({c} > {a})",
            f"np.logical_xor({a} > 0, {c} < 1)",
            f"np.isfinite({a})",
        ]
    )
    return b.choose(
        [
            f"np.where({condition}, {a}, np.sin({c}))",
            f"({condition}) * {a}",
            f"np.where({condition}, {a}, 0)",
        ]
    )


def in_place(b: Builder) -> str:
    """Arithmetic that overwrites a copy, whole or where a condition holds."""
    a = b.first
    change = b.choose(["{} += np.cos({})", "{}[{} > 0] *= 0.5", "{}[{} <= 0] = 0", "{} *= {}"])
    return f"{{}} = {a} * 1.0\n{change}" if b.values[a].ndim else f"{a} * 1.0"


def per_sample(b: Builder) -> str:
    """The same function for each entry of the first axis, as a batch."""
    if not b.values[b.first].ndim:
        raise Refused
    inner = b.choose(["np.tanh(r) * np.sum(r)", "np.max(r) - np.sin(r)", "r * np.mean(r * r)"])
    return f"cr.vmap(lambda r: {inner})({b.first})"


# --- Reduce --------------------------------------------------------------------------------------


def axes_of(b: Builder, value: Array) -> Any:
    if not value.ndim or b.flag():
        return None
    chosen = sorted({b.number(0, value.ndim - 1) for _ in range(b.number(1, value.ndim))})
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


def reduction(b: Builder) -> str:
    a = b.first
    name = b.choose(["sum", "mean", "max", "min", "prod", "var", "ptp"])
    return f"np.{name}({a}, axis={axes_of(b, b.values[a])}, keepdims={b.flag()})"


def normalisation(b: Builder) -> str:
    """Compositions around a reduction: softmax, logsumexp, standardisation, distances."""
    a, axis = b.first, axes_of(b, b.values[b.first])
    over = f"axis={axis}, keepdims=True"
    return b.choose(
        [
            f"np.exp({a}) / np.sum(np.exp({a}), {over})",
            f"np.log(np.sum(np.exp({a}), {over}))",
            f"np.log(np.exp({a}) / np.sum(np.exp({a}), {over}))",
            f"({a} - np.mean({a}, {over})) / np.sqrt(np.var({a}, {over}) + 0.1)",
            f"np.sqrt(np.sum({a}**2, {over}) + 0.01)",
        ]
    )


def running_total(b: Builder) -> str:
    value = b.values[b.first]
    if not value.ndim:
        raise Refused
    return f"np.{b.choose(['cumsum', 'cumprod'])}({b.first}, axis={b.number(0, value.ndim - 1)})"


def position(b: Builder) -> str:
    return f"{b.first} - 0.1 * np.{b.choose(['argmax', 'argmin'])}({b.first})"


# --- Contract ------------------------------------------------------------------------------------


def einsum(b: Builder) -> str:
    """Two operands; axes of one length may share a letter; any letters stay."""
    left, right = b.first, b.other()
    lengths: dict[str, int] = {}
    letters = iter("abcdefghijkl")
    parts = []
    for place, name in enumerate((left, right)):
        part = ""
        for length in b.values[name].shape:
            known = [
                c for c, n in lengths.items() if n == length and (place or b.number(0, 5) == 0)
            ]
            letter = b.choose(known) if known and b.flag() else next(letters)
            lengths[letter] = length
            part += letter
        parts.append(part)
    out = "".join(c for c in b.draw(st.permutations(sorted(lengths))) if b.flag())
    return f"np.einsum('{parts[0]},{parts[1]}->{out}', {left}, {right})"


def product(b: Builder) -> str:
    a, c = b.first, b.other()
    return b.choose(
        [f"{a} @ {c}", f"{c} @ {a}", f"{a} @ {a}.T", f"np.dot({a}, {c})", f"np.outer({a}, {c})"]
    )


# --- Layout --------------------------------------------------------------------------------------


def reshaped(b: Builder) -> str:
    size = b.values[b.first].size
    divisors = [n for n in range(1, size + 1) if size % n == 0]
    shape = b.choose([(-1,), (b.choose(divisors), -1), (1, -1, 1)])
    return f"np.reshape({b.first}, {shape})"


def permuted(b: Builder) -> str:
    axes = b.draw(st.permutations(range(b.values[b.first].ndim)))
    return f"np.transpose({b.first}, {tuple(axes)})"


def sliced(b: Builder) -> str:
    items = []
    for length in b.values[b.first].shape:
        start, stop, step = b.number(0, length - 1), b.number(1, length), b.choose([1, 1, 2, -1])
        items.append(b.choose([f"{start}:{max(stop, start + 1)}", f"::{step}", str(start), "..."]))
    if items.count("...") > 1:
        items = [":" if item == "..." else item for item in items]
    return f"{b.first}[{', '.join([*items, b.choose(['None', '...'])])}]"


def framed(b: Builder) -> str:
    value = b.values[b.first]
    widths = tuple((b.number(0, 2), b.number(0, 2)) for _ in range(value.ndim))
    mode = b.choose(["constant", "edge", "wrap"])
    return f"np.pad({b.first}, {widths}, mode='{mode}')"


def rearranged(b: Builder) -> str:
    a, value = b.first, b.values[b.first]
    axis = b.number(0, max(value.ndim - 1, 0))
    c = b.other(lambda x: x.shape == value.shape)
    return b.choose(
        [
            f"np.flip({a}, {axis})",
            f"np.roll({a}, {b.number(-2, 2)}, {axis})",
            f"np.concatenate([{a}, {c}], {axis})",
            f"np.stack([{c}, {a}], {axis})",
            f"np.broadcast_to({a}, {(2, *value.shape)})",
            f"np.repeat({a}, 2, {axis})",
            f"np.swapaxes({a}, 0, {axis})",
            f"np.expand_dims({a}, {axis})",
        ]
    )


def window_settings(b: Builder, axis: int) -> dict[str, tuple[int, ...]]:
    return {
        "axes": (axis,),
        "sizes": (b.number(1, 3),),
        "strides": (b.number(1, 2),),
        "dilations": (b.number(1, 2),),
    }


def written(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def windowed(b: Builder) -> str:
    """Sliding windows and what is made of them: a moving sum, a maximum pool, a convolution."""
    value = b.values[b.first]
    if not value.ndim:
        raise Refused
    settings = window_settings(b, b.number(0, value.ndim - 1))
    windows = f"rows.windows({b.first}, {written(settings)})"
    size = settings["sizes"][0]
    return b.choose(
        [
            windows,
            f"np.max({windows}, axis=-1)",
            f"{windows} @ np.arange(1.0, {size} + 1.0)",
            f"np.lib.stride_tricks.sliding_window_view({b.first}, {size}, axis=-1)",
        ]
    )


def overlapped(b: Builder) -> str:
    value = b.values[b.first]
    if value.ndim < 2:
        raise Refused
    settings = window_settings(b, b.number(0, value.ndim - 2))
    settings["sizes"] = (value.shape[-1],)
    (axis,), (size,) = settings["axes"], settings["sizes"]
    (stride,), (dilation,) = settings["strides"], settings["dilations"]
    reach = (value.shape[axis] - 1) * stride + dilation * (size - 1) + 1
    # Numbers behind the last window, too few for another one, belong to none.
    settings["lengths"] = (reach + b.number(0, stride - 1),)
    return f"rows.overlap_add({b.first}, {written(settings)})"


# --- Gather --------------------------------------------------------------------------------------


def index_into(b: Builder, length: int) -> str:
    entries = [b.number(-length, length - 1) for _ in range(b.number(1, 4))]
    return f"np.array({entries})"


def needs_axes(b: Builder, count: int = 1) -> Array:
    value = b.values[b.first]
    if value.ndim < count:
        raise Refused
    return value


def gathered(b: Builder) -> str:
    value = needs_axes(b)
    axis = b.number(0, value.ndim - 1)
    index = index_into(b, value.shape[axis])
    return b.choose(
        [
            f"np.take({b.first}, {index}, axis={axis})",
            f"{b.first}[{index_into(b, value.shape[0])}]",
            f"np.sort({b.first}, axis={axis})",
            f"np.take_along_axis({b.first}, np.argsort(-{b.first}, axis={axis}), axis={axis})",
        ]
    )


def picked(b: Builder) -> str:
    """One number of every row, as a loss of class labels picks them."""
    value = needs_axes(b, 2)
    rows_, columns = value.shape[:2]
    labels = [b.number(0, columns - 1) for _ in range(rows_)]
    return f"{b.first}[np.arange({rows_}), np.array({labels})]"


def overwritten(b: Builder) -> str:
    """A copy with some rows replaced, added to, or added to as often as they are named."""
    value = needs_axes(b)
    index = index_into(b, value.shape[0])
    c = b.other(lambda x: x.ndim < value.ndim and x.shape == value.shape[value.ndim - x.ndim :])
    change = b.choose(
        [f"{{}}[{index}] = {c}", f"{{}}[{index}] *= {c}", f"np.add.at({{}}, {index}, {c})"]
    )
    return f"{{}} = {b.first} * 1.0\n{change}"


# --- Random --------------------------------------------------------------------------------------


def noisy(b: Builder) -> str:
    shape = b.values[b.first].shape
    key = f"cr.random.fold_in(cr.random.key({b.number(0, 9)}), {b.number(0, 9)})"
    return b.choose(
        [
            f"{b.first} + 0.3 * cr.random.normal({key}, {shape})",
            f"{b.first} * cr.random.uniform({key}, {shape}, 0.5, 1.5)",
            f"np.where(cr.random.bernoulli({key}, {shape}, 0.7), {b.first} / 0.7, 0)",
        ]
    )


def shuffled(b: Builder) -> str:
    length = needs_axes(b).shape[0]
    return f"{b.first}[cr.random.permutation(cr.random.key({b.number(0, 9)}), {length})]"


# --- Loop ----------------------------------------------------------------------------------------

CELLS = [
    "np.tanh(h * x + outer)",
    "0.5 * h + np.sin(x) * outer",
    "rows.sigmoid(h - x) * h + outer",
    "np.where(x > h, x, np.cos(h)) * outer",
    "np.maximum(h, x) * 0.7 + outer",
    "h + 0.1 * x**2",
]


def scanned(b: Builder) -> str:
    """A loop over the first axis: its last state or all that it returned."""
    value = needs_axes(b)
    shape = value.shape[1:]

    def fits(x: Array) -> bool:
        return common_shape(x.shape, shape) == shape

    inner = [name for name, x in b.values.items() if fits(x)]
    outer = b.choose([*inner, "0.3"])
    start = (
        f"np.broadcast_to({b.choose(inner)}, {shape})"
        if inner and b.flag()
        else f"np.zeros({shape})"
    )
    cell = b.choose(CELLS).replace("outer", outer)
    result = b.choose(["ys", "last", "ys + last"])
    return (
        f"def step(h, x):\n    h = {cell}\n    return h, np.sin(h) - {outer}\n"
        f"last, ys = cr.scan(step, {start}, {b.first})\n{{}} = {result}"
    )


def counting(b: Builder) -> str:
    """A loop that carries a whole number beside its state and chooses by it."""
    shape = needs_axes(b).shape[1:]
    return (
        "def step(carry, x):\n    n, h = carry\n"
        "    h = h * rows.gather(np.array([0.5, -0.4, 0.9]), n % 3) + x\n    return (n + 1, h), h\n"
        f"_, {{}} = cr.scan(step, (0, np.zeros({shape})), {b.first})"
    )


def nested(b: Builder) -> str:
    """A loop over rows in a loop over matrices."""
    value = needs_axes(b, 2)
    shape = value.shape[2:]
    return (
        "def inner(h, x):\n    h = np.tanh(0.8 * h + x)\n    return h, h * x\n"
        "def step(h, x):\n    h, ys = cr.scan(inner, h, x)\n    return h, np.sum(ys, axis=0)\n"
        f"last, ys = cr.scan(step, np.zeros({shape}), {b.first})\n{{}} = last + ys"
    )


KINDS: dict[str, list[Callable[[Builder], str]]] = {
    "Map": [mapped, mapped, mapped, operators, selection, in_place, per_sample],
    "Reduce": [reduction, normalisation, running_total, position],
    "Contract": [einsum, product],
    "Layout": [reshaped, permuted, sliced, framed, rearranged, windowed, overlapped],
    "Gather": [gathered, picked, overwritten],
    "Random": [noisy, shuffled],
    "Loop": [scanned, counting, nested],
}
