"""The front door of explanations: a model, or a NumPy function, and data, to a `Story`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule import random
from chainrule.engines.numpy import Program
from chainrule.errors import SettingError
from chainrule.explaining.record import Record, Slot, backward, evaluated
from chainrule.explaining.story import Story
from chainrule.graph import Graph, Node, scope, substitute
from chainrule.layers import Layer
from chainrule.loss import Loss
from chainrule.model import Model
from chainrule.notation import OPTIMIZER, Roots, assigned
from chainrule.replay import moment
from chainrule.schedules import rate_at
from chainrule.stabilise import stabilised
from chainrule.tracing import trace_call
from chainrule.tracing.function import argument_names
from chainrule.tracing.surroundings import read_surroundings
from chainrule.training import Task
from chainrule.trees import flatten, map_tree

LETTERS = {  # how the settings of optimizers are written in their rules
    "betas": (r"\beta_1", r"\beta_2"),
    "eps": (r"\epsilon",),
    "rho": (r"\rho",),
    "alpha": (r"\alpha",),
    "momentum": (r"\mu",),
    "dampening": (r"\tau",),
    "momentum_decay": (r"\psi",),
    "lr_decay": (r"\gamma",),
    "weight_decay": (r"\lambda",),
}
STATE = {"mean": "mu", "variance": "v"}  # how the running averages of a layer are written


def explain(
    what: Model | Callable[..., Any],
    *data: Any,
    training: bool = False,
    wrt: int | tuple[int, ...] = 0,
    columns: Sequence[str] = (),
    classes: Sequence[str] = (),
    step: int | None = None,
) -> Story:
    """Every number of a forward and a backward pass, with its formula and its reason.

    what      a built model, or a NumPy function that returns one number
    data      X and y for a model, as `fit` takes them; the arguments for a function
    training  whether layers behave as while training (dropout, statistics of the batch)
    wrt       for a function: which arguments are differentiated, as in `cr.grad`
    columns   for a model: what the columns of X are called, where they have names
    classes   for a model: what the classes are called, in the order of their numbers
    step      for a model: this step of its training instead, as `Story.at` explains it; X and y are
              then all data of the training

    Returns a `Story`: `.text()`, `.latex(name)`, `.paths(name, index)`, `.values`, `.gradients`,
    `.steps`. The model is not changed.
    """
    if isinstance(what, Model):
        if len(data) != 2:
            raise SettingError(
                f"explain takes a model with X and y, explain(model, X, y), and got {len(data)} "
                f"array{'' if len(data) == 1 else 's'} beside it"
            )
        if step is not None:
            record = _past(what, step, data[0], data[1])
        else:
            record = _model_record(_now(what, data[0], data[1], training))
        return Story(_labelled(record, columns, classes))
    if not callable(what) or isinstance(what, Layer):
        raise SettingError(
            f"explain takes a model or a function, not {type(what).__name__}; wrap a network in "
            "cr.Model(net, loss=...), or write its loss as a function"
        )
    return Story(_function_record(what, data, wrt))


def _labelled(record: Record, columns: Sequence[str], classes: Sequence[str]) -> Record:
    """With names for columns and classes; SettingError where there are not as many as of these."""
    x, prediction = record.roots.data["x"], record.roots.prediction
    outputs = prediction.shape[-1] if prediction is not None and prediction.ndim > 1 else 1
    wanted = {
        "columns": (columns, x.shape[-1] if x.ndim == 2 else 0, "columns of X"),
        "classes": (classes, 2 if outputs == 1 else outputs, "classes"),
    }
    for name, (given, count, what) in wanted.items():
        if isinstance(given, str) or (len(given) and len(given) != count):
            raise SettingError(
                f"{name}={given!r} does not name the {count} {what}: a list of {count} names"
            )
    return replace(record, columns=tuple(map(str, columns)), classes=tuple(map(str, classes)))


def run(graph: Graph) -> Callable[[Sequence[Any]], dict[Node, Any]]:
    """What gives every value of a graph, by the engine that defines what a graph means."""
    return Program(graph).trace_values


def _recorded(graph: Graph) -> tuple[Graph, dict[Node, str]]:
    """The graph as it is differentiated, and what the user's lines assign in it.

    A line keeps its value, even where the loss is computed past it in a more stable way.
    """
    lines = assigned(graph, _lines_outside())
    results = stabilised([*graph.outputs, *lines])
    count = len(graph.outputs)
    stable = Graph(
        graph.name,
        graph.inputs,
        tuple(results[:count]),
        graph.input_structure,
        graph.output_structure,
    ).check()
    return stable, dict(zip(results[count:], lines.values(), strict=True))


# --- models --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pass:
    """One pass of a model: what goes in, and the key of dropout where it happens while training.

    place          where in the training it happens, in words
    after, loss    what a step of the training has made of `carry`, where this is one
    """

    model: Model
    task: Task
    carry: dict[str, Any]
    x: Any
    y: Any
    weights: Any = None
    key: Any = None
    place: str = ""
    rows: Any = None
    after: dict[str, Any] | None = None
    loss: float | None = None
    at: Callable[[int], Record] | None = None


def _now(model: Model, X: Any, y: Any, training: bool) -> _Pass:
    """The pass of these samples through the model as it is."""
    task, carry, x, target, noise = model.before_step(X, y)
    carry = map_tree(np.array, carry)  # a training that goes on changes its arrays in place
    key = random.fold_in(noise, 0) if training else None
    return _Pass(model, task, carry, x, target, key=key, at=lambda step: _past(model, step, X, y))


def _past(model: Model, step: int, X: Any, y: Any) -> Record:
    """A step of the model's training."""
    found = moment(model, step, X, y)
    where = f"step {found.step:,}: batch {found.place + 1} of {found.places} in epoch "
    return _model_record(
        _Pass(
            model,
            found.task,
            found.before,
            found.x,
            found.y,
            found.weights,
            found.noise,
            f"{where}{found.epoch + 1:,}",
            found.rows,
            found.after,
            found.loss,
            lambda step: _past(model, step, X, y),
        )
    )


def _model_record(given: _Pass) -> Record:
    task, carry = given.task, given.carry
    training = given.key is not None

    def forward(params: Any, state: Any, x: Any, y: Any, w: Any) -> Any:
        return task.outcome(params, state, x, y, w, training, given.key)

    arguments = (carry["params"], carry["state"], given.x, given.y, given.weights)
    graph, lines = _recorded(trace_call(forward, arguments).graph)
    names = list(carry["params"])
    inputs = list(graph.inputs)
    parameters = dict(zip(names, inputs, strict=False))
    states = dict(zip(carry["state"], inputs[len(names) :], strict=False))
    rest = inputs[len(names) + len(states) :]
    data = dict(zip(("x", "y", "weights"), rest, strict=False))
    data |= {f"{name.rpartition('.')[0]}.{_of_state(name)}": n for name, n in states.items()}
    loss, prediction = graph.outputs[:2]
    named_loss = task.loss if isinstance(task.loss, Loss) else None
    roots = Roots(
        loss,
        prediction,
        parameters,
        data,
        logits=named_loss is not None and named_loss.prediction == "logits",
        lines=lines,
    )
    found = backward(loss, list(parameters.values()))
    updates, slots, memory, arrays = _update(task.optimizer, carry, parameters, found)
    whole = Graph(graph.name, (*graph.inputs, *memory), graph.outputs)
    ends = [*graph.outputs, *lines, *found.values(), *updates.values()]
    ends += [slot.after for slot in slots]
    leaves, _ = flatten(arguments)
    whole, values = evaluated(whole, [*leaves, *arrays], ends, run)
    if given.after is not None:
        values |= _as_it_was(given, loss, updates, slots)
    return Record(
        roots,
        found,
        updates,
        slots,
        values,
        title=_title(given),
        rule=task.optimizer.latex(),
        settings=_settings(task.optimizer),
        loss_latex=named_loss.latex if named_loss else "",
        loss_name=task.loss.name,
        rate=float(rate_at(task.optimizer.lr, carry["optimizer"]["step"])),
        graph=whole,
        run=run,
        rows=given.rows,
        at=given.at,
        outside=_lines_outside(),
    )


def _as_it_was(
    given: _Pass, loss: Node, updates: dict[str, Node], slots: list[Slot]
) -> dict[Node, Any]:
    """What the run itself has computed, by its own engine: the loss, and all that it replaced."""
    assert given.after is not None  # asked by the caller
    params, memory = given.after["params"], given.after["optimizer"]
    found: dict[Node, Any] = {node: params[name] for name, node in updates.items()}
    for slot in slots:
        found[slot.after] = memory[slot.name][slot.parameter] if slot.parameter else memory["step"]
    return found | {loss: np.asarray(given.loss, loss.dtype)}


def _of_state(name: str) -> str:
    last = name.rpartition(".")[2]
    return STATE.get(last, last)


def _update(
    optimizer: Any, carry: Any, parameters: dict[str, Node], found: dict[Node, Node]
) -> tuple[dict[str, Node], list[Slot], list[Node], list[Any]]:
    """The optimizer's step, on the nodes of the parameters and of their gradients."""
    params, memory = carry["params"], carry["optimizer"]

    def update(params: Any, grads: Any, memory: Any) -> Any:
        with scope(OPTIMIZER):
            return optimizer.update(params, grads, memory)

    graph = trace_call(update, (params, params, memory)).graph
    count = len(params)
    ours = list(graph.inputs[2 * count :])
    known = dict(zip(graph.inputs, parameters.values(), strict=False))
    known |= {
        graph.inputs[count + place]: found[node] for place, node in enumerate(parameters.values())
    }
    known |= {node: node for node in ours}
    results = substitute(graph.outputs, known)
    names = list(params)
    updates = dict(zip(names, results, strict=False))
    places = _memory_names(memory)
    after = dict(zip(places, results[count:], strict=True))
    before = dict(zip(places, ours, strict=True))
    slots = [
        Slot(slot, parameter, before[slot, parameter], after[slot, parameter])
        for slot, parameter in places
        if parameter
    ]
    slots += [Slot("step", "", before["step", ""], after["step", ""])]
    leaves, _ = flatten(memory)
    return updates, slots, ours, leaves


def _settings(optimizer: Any) -> list[tuple[str, float]]:
    """The letters of an optimizer's rule that are its settings, with their values."""
    text = " ".join(optimizer.latex())
    found = []
    for name, letters in LETTERS.items():
        value = getattr(optimizer, name, None)
        values = value if isinstance(value, tuple) else (value,)
        found += [
            (letter, float(number))
            for letter, number in zip(letters, values, strict=False)
            if isinstance(number, int | float) and letter in text
        ]
    return found


def _memory_names(memory: Any) -> list[tuple[str, str]]:
    """(slot, parameter) for every leaf; the count of steps belongs to no parameter."""
    return [
        (slot, name)
        for slot, tree in memory.items()
        for name in (tree if isinstance(tree, dict) else [""])
    ]


def _title(given: _Pass) -> str:
    task, samples = given.task, len(given.x)
    inside = [layer for _, layer in task.net.children()] or [task.net]
    layers = " → ".join(repr(layer).removesuffix("()") for layer in inside)
    many = "1 sample" if samples == 1 else f"{samples} samples"
    place = f"; {given.place}" if given.place else ""
    return f"{layers}, {task.loss.name.replace('_', ' ')}, {many}{place}"


# --- functions -----------------------------------------------------------------------------------


def _function_record(
    function: Callable[..., Any], arguments: Sequence[Any], wrt: int | tuple[int, ...]
) -> Record:
    name = getattr(function, "__name__", "the function")
    places = wrt if isinstance(wrt, tuple) else (wrt,)
    for place in places:
        if not isinstance(place, int) or not -len(arguments) <= place < len(arguments):
            raise SettingError(
                f"wrt={wrt!r} names no argument of {name}, which was given {len(arguments)}"
            )
    places = tuple(place % len(arguments) for place in places)
    call = trace_call(function, arguments, read_surroundings(function))
    if len(call.graph.outputs) != 1:
        raise SettingError(
            f"{name} returns {len(call.graph.outputs)} values; what is explained is one number, "
            "the loss"
        )
    graph, lines = _recorded(call.graph)
    leaves = [
        leaf for leaf, flag in zip(flatten(tuple(arguments))[0], call.dynamic, strict=True) if flag
    ]
    parameters: dict[str, Node] = {}
    data: dict[str, Node] = {}
    names = iter(argument_names(function, arguments))
    inputs, dynamic = iter(graph.inputs), iter(call.dynamic)
    for place, argument in enumerate(arguments):
        for _ in flatten(argument)[0]:
            full, flag = next(names), next(dynamic)
            if not flag:
                continue
            node = next(inputs)
            mine = place in places and node.dtype.kind == "f"
            (parameters if mine else data)[_short(full)] = node
    if not parameters:
        raise SettingError(f"wrt={wrt!r} holds no floating-point number of {name} to explain")
    (loss,) = graph.outputs
    roots = Roots(loss, None, parameters, data, lines=lines)
    found = backward(loss, list(parameters.values()))
    arrays = [np.asarray(leaf, n.dtype) for leaf, n in zip(leaves, graph.inputs, strict=True)]
    whole, values = evaluated(graph, arrays, [loss, *lines, *found.values()], run)
    return Record(
        roots,
        found,
        values=values,
        title=f"{name}({', '.join([*data, *parameters])})",
        graph=whole,
        run=run,
        outside=_lines_outside(),
    )


def _short(name: str) -> str:
    """`w` of `w`, `w1` of `params['w1']`, `0.w` of `params[0]['w']`."""
    _, bracket, inside = name.partition("[")
    if not bracket:
        return name
    return ".".join(part.strip("'\"") for part in inside.rstrip("]").split("]["))


def _lines_outside() -> set[tuple[str, int]]:
    """The lines that are being executed now: calls of explain, which assign the story."""
    found = set()
    frame = sys._getframe(1)
    step: Any = frame
    while step is not None:
        found.add((step.f_code.co_filename, step.f_lineno))
        step = step.f_back
    return found
