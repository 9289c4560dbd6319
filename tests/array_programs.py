"""Short NumPy programs, drawn at random, that live on aliasing: views, in-place changes, indices.

Each statement is drawn while the program runs on plain arrays, so that shapes fit and indices lie
inside (mostly: a program may end in an error of NumPy's). The result is source text, which reads
well when an example fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

SHAPES = [(3, 4), (2, 3, 2), (4,), (2, 2), (1, 3), (3, 1, 2)]
NAMES = "abc"
TENTH = 10  # one program in so many ends in an error


@dataclass
class Program:
    """A function's body, and the arguments to call it with: arrays a, b, c and an index k."""

    arguments: dict[str, Any]
    statements: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """What the function returns: its arguments and all variables that it made."""
        return [*self.arguments, *self.made]

    @property
    def source(self) -> str:
        body = "".join(f"    {line}\n" for line in self.statements)
        parameters = ", ".join(self.arguments)
        return f"def program({parameters}):\n{body}    return [{', '.join(self.names)}]\n"

    def function(self) -> Callable[..., Any]:
        space: dict[str, Any] = {"np": np}
        exec(compile(self.source, "<program>", "exec"), space)
        return space["program"]

    def fresh_arguments(self) -> list[Any]:
        return [np.copy(value, order="K") for value in self.arguments.values()]

    def __repr__(self) -> str:
        shown = [
            f"# {name}: {value.dtype}{value.shape}, {'C' if value.flags.c_contiguous else 'F'}\n"
            for name, value in self.arguments.items()
        ]
        return "\n" + "".join(shown) + self.source


@st.composite
def programs(draw: Any, most: int = 9, smooth: bool = False) -> Program:
    """Programs of up to `most` statements; `smooth` ones stay in float64 and away from ties."""
    arguments: dict[str, Any] = {}
    for place, name in enumerate(NAMES):
        shape = draw(st.sampled_from(SHAPES))
        size = prod(shape)
        numbers = (np.arange(size) * 7 % size - size / 2 + 0.25 * (place + 1)).reshape(shape)
        if smooth:
            numbers = numbers + np.random.default_rng(place).uniform(-0.1, 0.1, shape)
        elif name == "c":
            numbers = numbers.astype(np.float32)
        arguments[name] = np.asfortranarray(numbers) if draw(st.booleans()) else numbers
    arguments["k"] = np.array(draw(st.sampled_from([[0, 1], [1, 1], [-1, 0], [[0], [1]]])))
    program = Program(arguments)
    space = {"np": np, **dict(zip(arguments, program.fresh_arguments(), strict=True))}
    for _ in range(draw(st.integers(2, most))):
        name = draw(st.sampled_from([*NAMES, *program.made, *program.made]))
        new = f"v{len(program.made)}"
        statement = draw(draw(st.sampled_from(_KINDS))(space, name, np.asarray(space[name]), new))
        if smooth and "float32" in statement:
            continue
        failed = False
        try:
            with np.errstate(all="ignore"):
                exec(statement, space)
        except (ValueError, IndexError, TypeError):
            failed = True
        ends = failed and not smooth and draw(st.integers(1, TENTH)) == 1
        if (failed and not ends) or np.size(space.get(new)) == 0:
            space.pop(new, None)  # of nothing there is nothing to compare
            continue
        program.statements.append(statement)
        if new in space or (ends and statement.startswith(new)):
            program.made.append(new)
        if ends:
            break
    return program


# --- statements ----------------------------------------------------------------------------------


def _view(space: Any, name: str, value: Any, new: str) -> Any:
    return _index(value).map(lambda index: f"{new} = {name}[{index}]")


@st.composite
def _rearranged(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    rank = value.ndim
    choices = [f"{name}.T", f"np.flip({name})", f"{name}.ravel()", f"{name}.flatten()"]
    choices += [f"np.expand_dims({name}, -1)", f"np.squeeze({name})", f"np.atleast_2d({name})"]
    choices += [f"np.rot90({name}, {draw(st.integers(0, 3))})"] if rank == 2 else []
    if rank > 1:
        order = draw(st.permutations(range(rank)))
        choices += [f"{name}.transpose({tuple(order)})", f"{name}.swapaxes(0, -1)"]
        choices += [f"np.moveaxis({name}, 0, -1)"]
    choices += [f"{name}.reshape({draw(_factors(value.size))})"] * 4
    return f"{new} = {draw(st.sampled_from(choices))}"


@st.composite
def _factors(draw: Any, size: int) -> tuple[int, ...]:
    lengths: list[int] = []
    while size > 1 and len(lengths) < 3:
        divisor = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
        lengths.append(divisor)
        size //= divisor
    return (*lengths, size)


@st.composite
def _computed(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    number = draw(st.sampled_from(["2", "0.5", "-1", "3.0"]))
    choices = [
        f"{name}.copy()",
        f"np.copy({name})",
        f"+{name}",
        f"{name} * {number}",
        f"{number} - {name}",
        f"np.abs({name})",
        f"np.where({name} > 0, {name}, {number})",
        f"np.clip({name}, -1, 1)",
        f"np.round({name})",
        f"{name}.astype(np.float32)",
        f"{name}.astype(int)",
        f"{name} > 0",
        f"np.zeros({value.shape})",
        f"np.zeros_like({name})",
        f"np.ones({value.shape})",
        f"np.concatenate([{name}.ravel(), {name}.ravel()])",
        f"np.stack([{name}, {name}])",
        f"np.sort({name}.ravel())",
        f"np.cumsum({name})",
        f"{name}",
        f"{name}.sum()",
        f"{name}.mean()",
    ]
    if value.ndim:
        axis = draw(st.integers(-value.ndim, value.ndim - 1))
        choices += [
            f"{name}.sum(axis={axis})",
            f"{name}.max(axis={axis}, keepdims=True)",
            f"np.mean({name}, {axis})",
            f"{name}.argmax(axis={axis})",
            f"np.take({name}, k, axis={axis})",
            f"np.roll({name}, 1, {axis})",
            f"np.repeat({name}, 2, {axis})",
            f"np.argsort({name}, axis={axis})",
            f"np.tile({name}, 2)",
        ]
    others = _fitting(space, value.shape)
    other = draw(st.sampled_from(others))
    choices += [f"{name} + {other}", f"np.maximum({name}, {other})", f"{other} * {name}"]
    return f"{new} = {draw(st.sampled_from(choices))}"


@st.composite
def _in_place(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    operator = draw(st.sampled_from(["+=", "-=", "*="]))
    operand = draw(_operand(space, value.shape))
    return f"{name} {operator} {operand}"


@st.composite
def _assigned(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    index = draw(st.one_of(_index(value), _array_index(space, name, value)))
    operator = draw(st.sampled_from(["=", "=", "+=", "-=", "*="]))
    try:
        part = np.shape(eval(f"{name}[{index}]", space))
    except (IndexError, ValueError):
        part = ()
    return f"{name}[{index}] {operator} {draw(_operand(space, part))}"


@st.composite
def _gathered(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    return f"{new} = {name}[{draw(_array_index(space, name, value))}]"


@st.composite
def _out(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    other = draw(st.sampled_from(_fitting(space, value.shape)))
    choices = [
        f"np.add({name}, {other}, out={name})",
        f"np.multiply({name}, 2, out={name})",
        f"np.negative({other}, out={name})",
        f"np.clip({name}, -2, 2, out={name})",
        f"np.maximum({name}, 0, out={name}, where={name} > -1)",
        f"np.add.at({name}, k, 1.0)",
        f"np.copyto({name}, {other})",
        f"np.fill_diagonal({name}, 9.0)",
    ]
    if value.ndim:
        choices += [f"{name}.fill(3)", f"{name}.sort()"]
    if value.dtype.kind == "f":
        choices.append(f"np.cumsum({name}, axis=0, out={name})")
    return f"{draw(st.sampled_from(choices))}"


@st.composite
def _loop(draw: Any, space: Any, name: str, value: Any, new: str) -> str:
    return draw(
        st.sampled_from(
            [
                f"for row in {name}: row += 1",
                f"for row in {name}: row = row + 1",
                f"for w, dw in zip([{name}, a], [{name}, b]): w -= dw",
                f"{new} = np.stack([row * 2 for row in {name}])",
                f"{new}, w = np.split({name}, 2); {new} += 1",
                f"{new} = {name}.copy(); {new}[...] = {name}",
                f"{new} = [{name}, {name}]; {new}[0] += 1; {new} = {new}[1]",
            ]
        )
    )


# Views and in-place changes are what may go wrong: they come more often.
_KINDS = [
    *[_view, _rearranged, _assigned] * 3,
    *[_computed, _in_place] * 2,
    _gathered,
    _out,
    _loop,
]


# --- parts of statements -------------------------------------------------------------------------


def _fitting(space: dict[str, Any], shape: tuple[int, ...]) -> list[str]:
    """The variables that broadcast to a shape, and a number."""
    found = ["0.5"]
    for name, value in space.items():
        if name not in NAMES and not name[1:].isdigit():
            continue
        try:
            if np.broadcast_shapes(np.shape(value), shape) == shape:
                found.append(name)
        except ValueError:
            continue
    return found


@st.composite
def _operand(draw: Any, space: dict[str, Any], shape: tuple[int, ...]) -> str:
    kinds = st.sampled_from(["number", "fitting", "fitting", "any"])
    kind = draw(kinds)
    if kind == "number":
        return draw(st.sampled_from(["1", "2.5", "-0.25", "np.arange(1.0, 3.0)", "True"]))
    if kind == "fitting":
        return draw(st.sampled_from(_fitting(space, shape)))
    return draw(st.sampled_from(["a", "b", "c"]))


@st.composite
def _index(draw: Any, value: Any) -> str:
    """A basic index: integers, slices, None, Ellipsis."""
    items = []
    for length in value.shape[: draw(st.integers(0, value.ndim))]:
        if draw(st.integers(0, 9)) == 0:
            items.append("None")
        kind = draw(st.sampled_from(["int", "slice", "slice", "slice"]))
        if kind == "int" and length:
            items.append(str(draw(st.integers(-length, length - 1))))
        else:
            bounds = [draw(st.none() | st.integers(-length - 1, length + 1)) for _ in range(2)]
            step = draw(st.sampled_from([None, None, 1, 2, -1, -2]))
            items.append(":".join("" if part is None else str(part) for part in (*bounds, step)))
    if not items or draw(st.integers(0, 4)) == 0:
        items.insert(draw(st.integers(0, len(items))), "...")
    return ", ".join(items)


@st.composite
def _array_index(draw: Any, space: dict[str, Any], name: str, value: Any) -> str:
    """Integer arrays and masks, plain and traced, among slices and integers."""
    rank = value.ndim
    choices = [f"{name} > 0", f"{name} < {name}.mean()", f"np.abs({name}) >= 1"]
    plain = (np.arange(value.size) % 3 == 1).reshape(value.shape).tolist()
    choices.append(f"np.array({plain})")
    if rank:
        choices += ["k", "[0, -1]", "np.array([1, 0])", "k, ...", "[1]", "[]", "k > 0"]
        choices += [f"{name}[:, ..., 0].argmax()" if rank > 1 else f"{name}.argmax()"]
        choices += [f"np.array({[i % 2 == 0 for i in range(value.shape[0])]})"]
        choices += [f"{name}.reshape({value.shape[0]}, -1).sum(1) > 0"]
    if rank > 1:
        choices += ["k, 0", ":, k", "..., k", "0, k", "k, k", "[[0], [1]], [0, 1]", "k, None, 0"]
        choices += ["[0, 1], ::-1", "::-1, k", "None, k", "k, np.newaxis, [1, 0]"]
        choices += [f":, {[i % 2 == 1 for i in range(value.shape[1])]}"]
    if rank > 2:
        choices += ["k, :, 0", "0, :, k", ":, k, ::-1", "k, 0, [0, 1]", "1:, [0], k", "k, :, k"]
    return draw(st.sampled_from(choices))
