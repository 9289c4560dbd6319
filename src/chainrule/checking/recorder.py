"""A user's function recorded operation by operation while it runs on real numbers.

Parameters and data are given as arrays of a class that computes as NumPy does and notes every
operation: what it read, what came out, and the line and instruction in the user's code. Python's
numbers are given as arrays without axes. Nothing is refused: what is not seen (a number that leaves
through `math` of another module) enters again as a constant.

In-place changes are steps like others. A view knows the memory it looks into, so that what is
written through one name is read through the other.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.checking.arguments import Slot, bare, call_again, filled, leaves
from chainrule.checking.calls import frames
from chainrule.checking.memory import Memory, places, same_place
from chainrule.checking.steps import Array, Frame, Program, Step, always, returned

# NumPy's names for what the table of edits knows by one name.
OPS = {
    "true_divide": "divide",
    "matmul": "contract",
    "dot": "contract",
    "einsum": "contract",
    "outer": "contract",
    "inner": "contract",
    "vdot": "contract",
    "tensordot": "contract",
    "float_power": "power",
    "amax": "max",
    "amin": "min",
}
CHANGING = frozenset(["put_along_axis", "fill_diagonal", "copyto", "put", "place", "putmask"])
METHODS = (
    *("sum", "mean", "dot", "reshape", "transpose", "ravel", "flatten", "squeeze", "copy"),
    *("astype", "max", "min", "argmax", "argmin", "clip", "repeat", "swapaxes", "take", "prod"),
    *("cumsum", "std", "var", "trace", "diagonal", "round", "any", "all", "sort", "argsort"),
    "nonzero",
)


class Seen(np.ndarray[Any, Any]):
    """An array whose operations are recorded."""

    recorder: "Recorder | None" = None
    memory: Memory
    step: int = -1
    version: int = 0

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **settings: Any
    ) -> Any:
        recorder = _recorder_of((*inputs, *(out or ())))
        return recorder.ufunc(ufunc, method, inputs, out, settings)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _recorder_of((args, kwargs)).function(func, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        recorder = _recorder_of((self,))
        plain = _plain_key(key)
        name = repr(key) if _basic(key) else ""
        return recorder.function(
            _item, (self, key), {}, op="index", params={"key": plain, "shown": name}
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        recorder = _recorder_of((self,))
        recorder.write(
            self, _set_item, (self, key, value), op="set", params={"key": _plain_key(key)}
        )

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    # NumPy declares that arrays have no hash. What a script has as a number is an array here, and
    # is a key of the script's dictionaries like that number.
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.view(np.ndarray).item())

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def item(self, *place: Any) -> Any:
        return self[place] if place else self.reshape(())

    def fill(self, value: Any) -> None:
        self[...] = value

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __copy__(self) -> Any:
        return self.copy()


def _as_method(name: str) -> Callable[..., Any]:
    function = getattr(np, name, None) or getattr(np.ndarray, name)
    if name in ("flatten", "astype"):
        function = getattr(np.ndarray, name)

    def method(self: Seen, *args: Any, **kwargs: Any) -> Any:
        recorder = self.recorder
        if recorder is None:  # left over from a recording, or made by NumPy inside
            return getattr(np.ndarray, name)(self.view(np.ndarray), *args, **kwargs)
        if name == "transpose" and args and not isinstance(args[0], tuple | list | type(None)):
            args = (args,)
        if name == "reshape" and len(args) > 1:
            args = (args,)
        return recorder.function(function, (self, *args), kwargs, op=name)

    return method


def _in_place(name: str) -> Callable[..., Any]:
    """`a += b`, which of a number makes another number."""
    plain, changing = getattr(operator, name), getattr(np.ndarray, f"__i{name}__")

    def method(self: Seen, other: Any) -> Any:
        return plain(self, other) if self.ndim == 0 else changing(self, other)

    return method


for _name in METHODS:
    setattr(Seen, _name, _as_method(_name))
for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Seen, f"__i{_name}__", _in_place(_name))


def _item(array: Array, key: Any) -> Any:
    return array[key]


def _set_item(array: Array, key: Any, value: Any) -> None:
    array[key] = value


def _basic(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(isinstance(part, int | slice | type(None) | type(Ellipsis)) for part in parts)


def _plain_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(_plain_key(part) for part in key)
    return np.array(key, copy=True) if isinstance(key, np.ndarray) else key


def _recorder_of(value: Any) -> "Recorder":
    for part in leaves(value):
        if isinstance(part, Seen) and part.recorder is not None:
            return part.recorder
    return Recorder()  # of arrays that NumPy made inside: nothing is kept


@dataclass
class Recorder:
    """The steps of one run."""

    steps: list[Step] = field(default_factory=list)
    _constants: dict[int, tuple[Any, int, Array]] = field(default_factory=dict)

    # --- values in and out ---

    def given(self, value: Any, name: str) -> Any:
        """A parameter or datum as the user's function gets it."""
        array = np.array(value)
        kept = array.copy()
        return self._new(array, self._add("input", always(kept), (), kept, name=name))

    def constant(self, value: Any) -> int:
        known = self._constants.get(id(value))
        array = np.asarray(value)
        if known is not None and known[2].shape == array.shape and np.array_equal(known[2], array):
            return known[1]
        kept = array.copy()
        step = self._add("constant", always(kept), (), kept)
        if isinstance(value, np.ndarray):
            self._constants[id(value)] = (value, step, kept)
        return step

    def made(self, array: Array) -> "Seen":
        """An array that the user made from nothing, watched from now on."""
        kept = array.copy()
        return self._new(array, self._add("constant", always(kept), (), kept))

    def step_of(self, value: Any) -> int:
        if not isinstance(value, Seen) or value.recorder is not self:
            return self.constant(value.view(np.ndarray) if isinstance(value, Seen) else value)
        if value.version != value.memory.version:
            value.step = self._looked_up(value)
            value.version = value.memory.version
        return value.step

    def program(self, results: Mapping[str, Any]) -> Program:
        """What was recorded, with these results."""
        return returned(self.steps, {name: self.step_of(value) for name, value in results.items()})

    # --- operations ---

    def ufunc(
        self, ufunc: np.ufunc, method: str, inputs: Sequence[Any], out: Any, settings: Any
    ) -> Any:
        call = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            self.write(inputs[0], call, tuple(inputs), op=f"{ufunc.__name__}.at")
            return None
        op = OPS.get(ufunc.__name__, ufunc.__name__)
        params: dict[str, Any] = {}
        if method == "reduce":
            array = inputs[0]
            axes = settings.get("axis", inputs[1] if len(inputs) > 1 else 0)
            op = {"add": "sum", "maximum": "max", "minimum": "min"}.get(op, op)
            params = _reduction(array, axes, settings.get("keepdims", False))
        elif method != "__call__":
            op = "contract" if (op, method) == ("multiply", "outer") else f"{op}.{method}"
        if out is not None and out[0] is not None:
            return self._into(out[0], call, inputs, settings, op, params)
        return self.function(call, tuple(inputs), settings, op=op, params=params)

    def _into(
        self,
        target: Any,
        call: Callable[..., Any],
        inputs: Sequence[Any],
        settings: Any,
        op: str,
        params: Any,
    ) -> Any:
        if not isinstance(target, Seen):
            target = self.made(target)
        arrays, template, slots = self._arguments((tuple(inputs), settings), numbers=True)
        shape, dtype, memory = target.shape, target.dtype, target.view(np.ndarray)
        args, kwargs = filled(template, arrays)
        call(*args, out=memory, **kwargs)

        def again(*values: Array) -> Array:
            args, kwargs = filled(template, values)
            result = np.asarray(call(*args, **kwargs))
            return np.broadcast_to(result, shape).astype(dtype)

        step = self._add(op, again, slots, memory.copy(), params=params)
        self._wrote(target, step)
        return target

    def function(
        self, func: Callable[..., Any], args: Any, kwargs: Any, op: str = "", params: Any = None
    ) -> Any:
        name = op or getattr(func, "__name__", "function")
        if name in CHANGING:
            self.write(args[0], func, (*args, *kwargs.values()), op=name)
            return None
        if name == "mean" and "where" not in kwargs:
            return self._mean(args, kwargs)
        if isinstance(kwargs.get("out"), Seen):
            target = kwargs.pop("out")
            target[...] = self.function(func, args, kwargs, op, params)
            return target
        numbers = isinstance(func, np.ufunc)
        arrays, template, slots = self._arguments((args, kwargs), numbers)
        plain_args, plain_kwargs = filled(template, arrays)
        result = func(*plain_args, **plain_kwargs)

        again = call_again(func, template, len(arrays))
        if name == "sum":
            params = _reduction(args[0], *_axis_of(args, kwargs))
        name = OPS.get(name, name)
        return self._results(result, again, slots, arrays, args, name, params or {})

    def _mean(self, args: Any, kwargs: Any) -> Any:
        """A sum and a division, which are two places where a mistake may be."""
        axis, keep = _axis_of(args, kwargs)
        array = args[0] if isinstance(args[0], np.ndarray) else np.asarray(args[0], float)
        total = self.function(np.sum, (args[0],), {"axis": axis, "keepdims": keep})
        count = array.size // max(np.asarray(total).size, 1)
        return total / float(count)

    def _results(
        self,
        result: Any,
        again: Callable[..., Any],
        slots: tuple[int, ...],
        arrays: Sequence[Array],
        args: Any,
        op: str,
        params: Any,
    ) -> Any:
        if isinstance(result, list | tuple):
            parts = []
            for index, part in enumerate(result):

                def one(*values: Array, index: int = index) -> Any:
                    return again(*values)[index]

                parts.append(self._results(part, one, slots, arrays, args, op, params))
            if isinstance(result, tuple) and hasattr(result, "_fields"):
                return type(result)(*parts)
            return parts if isinstance(result, list) else tuple(parts)
        if not isinstance(result, np.ndarray | np.generic | float):
            return result
        value = np.asarray(result)
        if value.dtype.kind not in "fiub":
            return result
        step = self._add(op, again, slots, value.copy(), params=params)
        for part in leaves(args):
            if isinstance(part, Seen) and value.ndim and np.may_share_memory(value, part):
                return self._view(value, step, part)
        return self._new(value, step)

    def write(
        self, target: Any, func: Callable[..., Any], args: Any, op: str, params: Any = None
    ) -> None:
        """`func` changes its first argument, which is `target`."""
        if not isinstance(target, Seen):
            target = self.made(target)
            args = (target, *args[1:])
        arrays, template, slots = self._arguments((args, {}), numbers=True)
        values, _ = filled(template, arrays)
        func(target.view(np.ndarray), *values[1:])

        def again(*given: Array) -> Array:
            values, _ = filled(template, given)
            changed = np.array(values[0])
            func(changed, *values[1:])
            return changed

        step = self._add(op, again, slots, target.view(np.ndarray).copy(), params=params or {})
        self._wrote(target, step)

    # --- memory ---

    def _new(self, array: Array, step: int) -> Seen:
        memory = Memory(array, step)
        seen = array.view(Seen)
        seen.recorder, seen.memory, seen.step, seen.version = self, memory, step, 0
        return seen

    def _view(self, array: Array, step: int, of: Seen) -> Seen:
        seen = array.view(Seen)
        seen.recorder, seen.memory, seen.step = self, of.memory, step
        seen.version = of.memory.version
        return seen

    def _wrote(self, target: Seen, step: int) -> None:
        memory = target.memory
        if same_place(target, memory.whole):
            memory.step = step
        else:
            here = places(target, memory.whole)

            def put(whole: Array, part: Array) -> Array:
                changed = np.array(whole)
                changed.reshape(-1)[here] = part
                return changed

            memory.step = self._add("put", put, (memory.step, step), memory.whole.copy(), params={})
        memory.version += 1
        target.step, target.version = step, memory.version

    def _looked_up(self, view: Seen) -> int:
        memory = view.memory
        if same_place(view, memory.whole):
            return memory.step
        here = places(view, memory.whole)

        def look(whole: Array) -> Array:
            return np.asarray(whole).reshape(-1)[here]

        return self._add("view", look, (memory.step,), view.view(np.ndarray).copy(), params={})

    # --- steps ---

    def _arguments(self, value: Any, numbers: bool) -> tuple[list[Array], Any, tuple[int, ...]]:
        """Plain arrays, the arguments with slots in their place, and the steps they come from."""
        arrays: list[Any] = []
        slots: list[int] = []

        def visit(part: Any) -> Any:
            if isinstance(part, list | tuple):
                parts = [visit(inner) for inner in part]
                return parts if isinstance(part, list) else tuple(parts)
            if isinstance(part, dict):
                return {key: visit(inner) for key, inner in part.items()}
            number = numbers and isinstance(part, float | int | np.generic)
            if isinstance(part, np.ndarray) or (number and not isinstance(part, bool)):
                slots.append(self.step_of(part))
                arrays.append(part.view(np.ndarray) if isinstance(part, Seen) else part)
                return Slot(len(arrays) - 1)
            return part

        if numbers:  # settings are no operands
            template = (visit(value[0]), {key: bare(inner) for key, inner in value[1].items()})
        else:
            template = visit(value)
        return arrays, template, tuple(slots)

    def _add(
        self,
        op: str,
        call: Callable[..., Any],
        inputs: tuple[int, ...],
        value: Array,
        name: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> int:
        calls = frames()
        inner = calls[-1] if calls else Frame("", 0, 0, "")
        self.steps.append(
            Step(
                op,
                call,
                inputs,
                np.asarray(value),
                inner.line,
                inner.file,
                inner.function,
                name,
                params or {},
                calls,
            )
        )
        return len(self.steps) - 1


def _axis_of(args: Any, kwargs: Any) -> tuple[Any, bool]:
    axis = kwargs.get("axis", args[1] if len(args) > 1 else None)
    return axis, bool(kwargs.get("keepdims", False))


def _reduction(array: Any, axis: Any, keep: Any) -> dict[str, Any]:
    ndim = np.ndim(array)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return {"axes": tuple(int(a) % max(ndim, 1) for a in axes), "keep": bool(keep)}
