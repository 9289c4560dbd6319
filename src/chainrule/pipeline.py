"""The front door for functions: gradients, compiled calls, loops over time, batches, whole runs.

Each transformation works on traced values while a function is recorded, so they nest freely. On
plain arrays the outermost one records itself, and the graph goes through
stabilise -> simplify -> engine.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from inspect import signature
from itertools import compress
from typing import Any

import numpy as np

from chainrule import stages as stages  # which Graph.show knows from here on
from chainrule.differentiate import gradients
from chainrule.engines import compile_graph
from chainrule.engines import engine as find_engine
from chainrule.errors import SettingError
from chainrule.graph import (
    CONSTANT,
    Graph,
    Node,
    dependents,
    input_node,
    substitute,
)
from chainrule.memory import overlap, unshared
from chainrule.ops import rows
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise, stabilised
from chainrule.tracing import Traced, is_recording, traced, wrap
from chainrule.tracing.function import (
    Call,
    argument_names,
    is_dynamic,
    output_node,
    trace_call,
)
from chainrule.tracing.function import trace as trace
from chainrule.tracing.refusals import stop
from chainrule.tracing.surroundings import Outside, read_surroundings
from chainrule.tracing.value import astype, copied
from chainrule.trees import Structure, Tree, flatten, map_tree, refilled, unflatten
from chainrule.vectorise import batched, spread

Function = Callable[..., Any]


# --- running -------------------------------------------------------------------------------------


def _execute(function: Function, arguments: Sequence[Any]) -> Any:
    """Record a call, run it once, and give back plain arrays. The arguments are left alone.

    For one run NumPy is the fastest engine: the others compile first.
    """
    call = trace_call(function, arguments)
    program = compile_graph(simplify(stabilise(call.graph)), "numpy")
    leaves, _ = flatten(tuple(arguments))
    return _results(call, _run(call, program, _arrays(call, leaves)))


def _by_position(
    function: Function, arguments: Sequence[Any], keywords: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments in the order of the function's signature, with its defaults in between.

    Graphs, `wrt` and `in_axes` count positions. Raises TypeError as the call itself would.
    """
    bound = signature(function).bind(*arguments, **keywords)
    if bound.kwargs:
        bound.apply_defaults()
    if bound.kwargs:
        name = getattr(function, "__name__", "the function")
        stop(
            f"{name} takes {', '.join(bound.kwargs)} by name only, and arguments are recorded by "
            "position",
            f"lambda *arguments: {name}(*arguments, ...), which binds them first",
        )
    return bound.args


def _run(call: Call, program: Any, arrays: Sequence[Any]) -> list[Any]:
    """Outputs and updates in memory of their own: neither arguments nor constants."""
    read = [*arrays, *(node.params["array"] for node in call.graph.captured)]
    return unshared(program(arrays), read)


def _arrays(call: Call, leaves: Sequence[Any]) -> list[Any]:
    dynamic = compress(leaves, call.dynamic)
    inputs = call.graph.inputs
    return [np.asarray(leaf, node.dtype) for leaf, node in zip(dynamic, inputs, strict=True)]


def _results(call: Call, values: Sequence[Any]) -> Any:
    """The output tree; single numbers come as NumPy numbers, as NumPy's functions give them."""
    returned = [_detached(value) for value in values[: call.returned]]
    return unflatten(call.graph.output_structure, returned)


def _detached(value: Any) -> Any:
    # A whole number stays an array: as an argument of the next call it is then an input again,
    # and not a static number for which that call is recorded anew.
    return value[()] if value.ndim == 0 and value.dtype.kind == "f" else value


# --- gradients -----------------------------------------------------------------------------------


def value_and_grad(function: Function, wrt: int | tuple[int, ...] = 0) -> Function:
    """A function returning `(function(*arguments), gradient)`.

    The gradient has the structure, shapes and dtypes of argument `wrt` (of a tuple of arguments:
    a tuple of gradients). `function` must return one floating-point number. Argument containers
    that it changes in place are left as they were.
    """

    @wraps(function)
    def transformed(*arguments: Any, **keywords: Any) -> tuple[Any, Any]:
        if keywords:
            arguments = _by_position(function, arguments, keywords)
        places = _places(wrt, len(arguments), function)
        if not is_recording():
            both: tuple[Any, Any] = _execute(transformed, arguments)
            return both
        value, gradient = _value_and_grad(function, arguments, places, isinstance(wrt, tuple))
        return value, gradient

    return transformed


def grad(function: Function, wrt: int | tuple[int, ...] = 0) -> Function:
    """A function returning the gradient of `function` with respect to argument `wrt`.

    See `value_and_grad`. Composes: `cr.grad(cr.grad(f))`.
    """
    both = value_and_grad(function, wrt)

    @wraps(function)
    def transformed(*arguments: Any, **keywords: Any) -> Any:
        return both(*arguments, **keywords)[1]

    return transformed


def _places(wrt: Any, count: int, function: Function) -> tuple[int, ...]:
    places = wrt if isinstance(wrt, tuple) else (wrt,)
    for place in places:
        if not isinstance(place, int) or not -count <= place < count:
            raise SettingError(
                f"wrt={wrt!r} names no argument of {getattr(function, '__name__', 'the function')}"
                f", which was called with {count}"
            )
    return tuple(place % count for place in places)


def value_grad_and_rest(function: Function, arguments: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Inside a recording: `function` returns (loss, rest); (loss, gradient, rest) of argument 0."""
    value, gradient, rest = _value_and_grad(function, arguments, (0,), False, with_rest=True)
    return value, gradient, rest


def _value_and_grad(
    function: Function,
    arguments: Sequence[Any],
    places: Sequence[int],
    several: bool,
    with_rest: bool = False,
) -> tuple[Any, ...]:
    """Inside a recording: the function on fresh inputs, its gradient, then the real inputs."""
    names = argument_names(function, arguments)
    fresh: dict[Node, Node] = {}
    given, wanted = [], []
    position = 0
    for place, argument in enumerate(arguments):
        leaves, structure = flatten(argument)
        own = names[position : position + len(leaves)]
        position += len(leaves)
        if place in places:
            handles = [_fresh(leaf, own[i], fresh) for i, leaf in enumerate(leaves)]
            wanted.append((place, structure, [handle.node for handle in handles]))
        else:
            handles = [copied_handle(leaf) for leaf in leaves]
        given.append(unflatten(structure, handles))
    value, rest = function(*given) if with_rest else (function(*given), None)
    rest_leaves, rest_structure = flatten(rest)
    name = getattr(function, "__name__", "the function")
    output, *others = stabilised(
        [_scalar_output(value, function), *[output_node(leaf, name) for leaf in rest_leaves]]
    )
    nodes = [node for _, _, found in wanted for node in found]
    results = substitute([output, *others, *gradients(output, nodes)], fresh)
    values = iter([wrap(node) for node in results])
    total = next(values)
    rest = unflatten(rest_structure, [next(values) for _ in others])
    by_place = {
        place: unflatten(structure, [next(values) for _ in found])
        for place, structure, found in wanted
    }
    grads = tuple(by_place[place] for place in places)
    found = (total, grads if several else grads[0])
    return (*found, rest) if with_rest else found


def copied_handle(leaf: Any) -> Any:
    """A handle of its own, so that in-place changes stay inside the transformed function."""
    if isinstance(leaf, Traced):
        return Traced(leaf.node, is_scalar=leaf.is_scalar, strides=leaf.memory)
    return leaf


def _fresh(leaf: Any, name: str, fresh: dict[Node, Node]) -> Traced:
    if not is_dynamic(leaf) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind != "f"):
        what = f"an array of {leaf.dtype}" if isinstance(leaf, np.ndarray) else repr(leaf)
        stop(
            f"{name} is {what}, and only floating-point values have gradients",
            f"{name} * 1.0 as the argument, or another wrt=",
        )
    outer = traced(leaf)
    if outer.dtype.kind != "f":
        stop(f"{name} holds {outer.dtype} values, which have no gradient", f"{name} * 1.0")
    node = input_node(name, outer.shape, outer.dtype, outer.node.weak)
    fresh[node] = outer.node
    is_scalar = isinstance(leaf, float | np.floating) or outer.is_scalar
    return Traced(node, is_scalar=is_scalar, strides=outer.memory)


def _scalar_output(value: Any, function: Function) -> Node:
    name = getattr(function, "__name__", "the function")
    if not isinstance(value, Traced | np.ndarray | np.generic | float | int):
        stop(
            f"{name} returns a {type(value).__name__}, and a gradient is that of one number",
            "a return of the loss alone",
        )
    return output_node(value, name)


# --- compiled calls ------------------------------------------------------------------------------


def compile(function: Function, engine: str | None = None) -> Function:
    """The same call, recorded and compiled once for each set of shapes, dtypes and static values.

    Arrays and numbers that the function reads from outside (globals, closures, attributes of
    `self`) are read again at each call; what it changes in place in its arguments is changed.
    """
    compiled = _Compiled(function, engine)

    @wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if keywords:
            arguments = _by_position(function, arguments, keywords)
        return function(*arguments) if is_recording() else compiled(arguments)

    return call


class _Compiled:
    """The programs of one function, by what their graphs depend on."""

    def __init__(self, function: Function, engine: str | None) -> None:
        self._function = function
        self._engine = engine
        self._programs: dict[Any, list[tuple[Call, Any, Outside]]] = {}
        find_engine(engine)  # an unknown one is refused at once

    def __call__(self, arguments: Sequence[Any]) -> Any:
        leaves, structure = flatten(tuple(arguments))
        outside = read_surroundings(self._function)
        key = (structure, tuple([_spec(leaf) for leaf in leaves]), outside.key)
        call, program = self._find(key, arguments, outside)
        arrays = _arrays(call, leaves)
        _refuse_overlap(call, arrays)
        values = _run(call, program, arrays)
        self._write_back(call, leaves, values[len(call.graph.outputs) :])
        result = _results(call, values)
        if call.refilled is not None:
            refilled(arguments, self._contents(call, leaves, values))
        return result

    def _find(self, key: Any, arguments: Sequence[Any], outside: Outside) -> tuple[Call, Any]:
        for call, program, _ in self._programs.get(key, ()):
            if all(np.array_equal(array, copy) for array, copy in call.baked):
                return call, program
        call = trace_call(self._function, arguments, outside)
        if call.refilled is not None:
            new = [value for kind, value in call.refilled[1] if kind == "node"]
            call = replace(call, graph=replace(call.graph, outputs=(*call.graph.outputs, *new)))
        program = compile_graph(simplify(stabilise(call.graph)), self._engine)
        # With what is outside: the key has it by its address.
        self._programs.setdefault(key, []).append((call, program, outside))
        return call, program

    @staticmethod
    def _write_back(call: Call, leaves: Sequence[Any], values: Sequence[Any]) -> None:
        """In-place changes of arguments, in the caller's own arrays."""
        inputs = [leaf for leaf, flag in zip(leaves, call.dynamic, strict=True) if flag]
        for (index, _), value in zip(call.graph.updates, values, strict=True):
            inputs[index][...] = value

    @staticmethod
    def _contents(call: Call, leaves: Sequence[Any], values: Sequence[Any]) -> Tree:
        """What the containers among the arguments hold after the call."""
        assert call.refilled is not None
        structure, entries = call.refilled
        new = iter(values[call.returned : len(call.graph.outputs)])
        found = []
        for kind, value in entries:
            if kind == "given":
                found.append(leaves[value])
            else:
                found.append(_detached(next(new)) if kind == "node" else value)
        return unflatten(structure, found)


def _refuse_overlap(call: Call, arrays: Sequence[Any]) -> None:
    """In NumPy the change of one argument would show in the other; in the graph it does not."""
    changed = [index for index, _ in call.graph.updates]
    if not changed:
        return
    captured = call.graph.captured
    found = overlap([*arrays, *(node.params["array"] for node in captured)], changed)
    if found is not None:
        names = [node.params["name"] for node in call.graph.inputs]
        names += ["an array from outside"] * len(captured)
        first, second = (names[place] for place in found)
        stop(
            f"{call.graph.name} changes {first} in place, and {second} shares its memory",
            f"a copy for each: {first}.copy()",
        )


def _spec(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        # Strides decide which reshapes are views, hence where in-place changes go.
        strides = None if leaf.flags.c_contiguous else leaf.strides
        return (leaf.shape, leaf.dtype, strides)
    if isinstance(leaf, np.floating):
        return ((), leaf.dtype.str)
    if isinstance(leaf, float):
        return float
    return (type(leaf), leaf)


# --- loops over time -----------------------------------------------------------------------------


def scan(function: Function, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
    """Run `carry, y = function(carry, x)` over the first axis of `xs`; returns (carry, ys).

    One Loop node, whatever the length; differentiable. `carry`, `xs` and what the function returns
    may be containers of arrays; the carry keeps its shapes and dtypes.
    """
    if not is_recording():
        result: tuple[Tree, Tree] = _execute(lambda c, x: scan(function, c, x), (carry, xs))
        return result
    carry_leaves, carry_structure = flatten(carry)
    x_leaves, x_structure = flatten(xs)
    series = [traced(leaf) for leaf in x_leaves]
    if not series or any(not x.shape for x in series):
        raise SettingError("scan runs over the first axis of xs, and xs has none")
    length = series[0].shape[0]
    if any(x.shape[0] != length for x in series):
        lengths = sorted({x.shape[0] for x in series})
        raise SettingError(f"scan: the arrays in xs have different lengths, {lengths}")
    initial = [traced(leaf) for leaf in carry_leaves]
    for _ in range(3):
        body, y_structure = _scan_body(function, initial, carry_structure, series, x_structure)
        dtypes = [node.dtype for node in body.outputs[: len(initial)]]
        if all(
            dtype == value.dtype and not value.node.weak
            for dtype, value in zip(dtypes, initial, strict=True)
        ):
            break
        # A Python number as the first carry takes the dtype that it becomes.
        initial = [
            astype(value, np.result_type(dtype, value.dtype) if not value.node.weak else dtype)
            for value, dtype in zip(initial, dtypes, strict=True)
        ]
    body, constants = _hoisted(body)
    done = rows.loop(
        *constants,
        *initial,
        *series,
        body=body,
        length=length,
        reverse=False,
        constants=len(constants),
        carries=len(initial),
    )
    results = [rows.result(done, index=i) for i in range(len(body.outputs))]
    return (
        unflatten(carry_structure, results[: len(initial)]),
        unflatten(y_structure, results[len(initial) :]),
    )


def _scan_body(
    function: Function,
    initial: Sequence[Traced],
    carry_structure: Structure,
    series: Sequence[Traced],
    x_structure: Structure,
) -> tuple[Graph, Structure]:
    carries = [
        input_node(f"carry {i}", value.shape, value.dtype, value.node.weak)
        for i, value in enumerate(initial)
    ]
    steps = [input_node(f"x {i}", x.shape[1:], x.dtype) for i, x in enumerate(series)]
    returned = function(
        unflatten(carry_structure, [_argument(node) for node in carries]),
        unflatten(x_structure, [_argument(node) for node in steps]),
    )
    name = getattr(function, "__name__", "the function")
    if not isinstance(returned, tuple) or len(returned) != 2:
        stop(f"scan: {name} must return (carry, y)", "return carry, y (y may be None)")
    new_carry, new_structure = flatten(returned[0])
    if new_structure != carry_structure:
        stop(
            f"scan: {name} returns a carry of another structure than it was given",
            "a return of the same containers with the same keys",
        )
    ys, y_structure = flatten(returned[1])
    outputs = stabilised([output_node(leaf, name) for leaf in (*new_carry, *ys)])
    for before, after in zip(carries, outputs, strict=False):
        if before.shape != after.shape:
            stop(
                f"scan: {name} is given {before.params['name']} of shape {before.shape} and "
                f"returns {after.shape}; a carry keeps its shape",
                "an initial carry of the final shape, or a y for what grows",
            )
    return Graph(name, (*carries, *steps), tuple(outputs)), y_structure


def _argument(node: Node) -> Traced:
    return Traced(node, is_scalar=False) if node.shape else Traced(node)


def _hoisted(body: Graph) -> tuple[Graph, list[Traced]]:
    """What stays the same from step to step, computed before the loop and passed as constants."""
    changing = dependents(body.outputs, body.inputs)
    outside: dict[Node, Node] = {}
    for node in [*body.outputs, *[c for n in body.nodes if n in changing for c in n.inputs]]:
        if node not in changing and node.op is not CONSTANT and node not in outside:
            outside[node] = input_node(f"constant {len(outside)}", node.shape, node.dtype)
    outputs = substitute(body.outputs, outside)
    graph = Graph(body.name, (*outside.values(), *body.inputs), tuple(outputs)).check()
    return graph, [wrap(node) for node in outside]


# --- batches -------------------------------------------------------------------------------------


def vmap(function: Function, in_axes: Any = 0) -> Function:
    """`function` for one sample as a function of a batch.

    `in_axes` names the batch axis of each argument: an int for all, or a tuple of ints and None
    (an argument that is the same for every sample). Results carry the batch axis first.
    """

    @wraps(function)
    def transformed(*arguments: Any, **keywords: Any) -> Any:
        if keywords:
            arguments = _by_position(function, arguments, keywords)
        if not is_recording():
            return _execute(transformed, arguments)
        axes = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(arguments)
        if len(axes) != len(arguments):
            raise SettingError(
                f"vmap: in_axes has {len(axes)} entries for {len(arguments)} arguments"
            )
        samples: dict[Node, Traced] = {}
        given = []
        for argument, axis in zip(arguments, axes, strict=True):
            if axis is None:
                given.append(map_tree(copied_handle, argument))
            else:
                given.append(
                    map_tree(lambda leaf, axis=axis: _sample(leaf, axis, samples), argument)
                )
        sizes = {value.shape[0] for value in samples.values()}
        if len(sizes) != 1:
            raise SettingError(
                f"vmap: the batch axes have lengths {sorted(sizes)}; they must be equal"
                if sizes
                else "vmap: no argument has a batch axis"
            )
        (size,) = sizes
        name = getattr(function, "__name__", "the function")
        leaves, structure = flatten(function(*given))
        found = batched([output_node(leaf, name) for leaf in leaves], samples, size)
        return unflatten(
            structure, [value if flag else spread(value, size) for value, flag in found]
        )

    return transformed


def _sample(leaf: Any, axis: int, samples: dict[Node, Traced]) -> Any:
    value = traced(leaf)
    if not value.shape:
        raise SettingError("vmap: an argument with a batch axis is a number; use in_axes=None")
    moved = np.moveaxis(value, axis, 0) if axis else value
    node = input_node(f"sample {len(samples)}", moved.shape[1:], moved.dtype)
    samples[node] = moved
    return _argument(node)


__all__ = ["compile", "copied", "grad", "scan", "value_and_grad", "vmap"]
