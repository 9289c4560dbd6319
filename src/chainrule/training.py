"""The training step as one graph, and the loop over epochs that runs it.

A step is written in NumPy like everything else: choose the batch by the shuffled order, forward,
loss, backward, update. It is recorded once for full batches and once for a smaller last one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from chainrule import random
from chainrule.engines import compile_graph, engine
from chainrule.errors import NotFiniteError
from chainrule.graph import Graph, Node, scope
from chainrule.layers import Layer
from chainrule.loss import FunctionLoss, Loss
from chainrule.ops import rows
from chainrule.optimizer import Optimizer, global_norm
from chainrule.pipeline import value_grad_and_rest
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.trace import trace_call
from chainrule.trees import Structure, flatten, unflatten

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What is trained, by which loss and optimizer."""

    net: Layer
    loss: Loss | FunctionLoss
    optimizer: Optimizer

    def objective(
        self, params: Arrays, state: Arrays, x: Any, y: Any, w: Any, training: bool, key: Any
    ) -> tuple[Any, Arrays]:
        """The loss with the layers' penalties, and the network's new state."""
        prediction, new_state = self.net(params, state, x, training=training, key=key)
        with scope("loss"):
            value = self.loss(prediction, y) if w is None else self.loss(prediction, y, w)
            total = value + self.net.penalty(params)
        return total, {name: new_state[name] for name in state}

    def step(self, data: Arrays, carry: Arrays, place: Arrays, *, batch: int, shuffle: bool) -> Any:
        """One update.

        data   x, y, perhaps weights; `order` and `noise`, the keys of shuffling and of dropout
        carry  params, optimizer, state
        place  epoch, and the position in it where the batch starts
        """
        x, y, w = data["x"], data["y"], data.get("weights")
        if batch < x.shape[0]:
            index = place["start"] + np.arange(batch)
            if shuffle:
                key = random.fold_in(data["order"], place["epoch"])
                index = rows.shuffle(key, index, count=x.shape[0])
            x, y = rows.gather(x, index), rows.gather(y, index)
            w = None if w is None else rows.gather(w, index)
        noise = random.fold_in(data["noise"], carry["optimizer"]["step"])

        def objective(params: Arrays) -> tuple[Any, Arrays]:
            return self.objective(params, carry["state"], x, y, w, True, noise)

        loss, gradients, state = value_grad_and_rest(objective, (carry["params"],))
        with scope("optimizer"):
            norm = global_norm(gradients)
            params, optimizer = self.optimizer.update(
                carry["params"], gradients, carry["optimizer"]
            )
        optimizer = {name: optimizer[name] for name in carry["optimizer"]}
        return {"params": params, "optimizer": optimizer, "state": state}, loss, norm


class StepProgram:
    """A training step for one batch size, compiled."""

    def __init__(
        self, task: Task, data: Arrays, carry: Arrays, batch: int, shuffle: bool, name: str | None
    ) -> None:
        place = {"epoch": np.zeros((), np.int64), "start": np.zeros((), np.int64)}

        def step(data: Arrays, carry: Arrays, place: Arrays) -> Any:
            return task.step(data, carry, place, batch=batch, shuffle=shuffle)

        self.graph: Graph = stabilise(trace_call(step, (data, carry, place)).graph)
        self._run = compile_graph(simplify(self.graph), name)

    def __call__(self, data: list[Any], carry: list[Any], epoch: int, start: int) -> list[Any]:
        """The new carry, the loss and the gradient norm."""
        place = [np.array(epoch), np.array(start)]
        results: list[Any] = self._run([*data, *carry, *place])
        return results


@dataclass
class Run:
    """A training run: data, where it stands, and the compiled steps.

    `carry` is replaced as a whole after each step that gave finite numbers.
    """

    task: Task
    data: Arrays
    carry: Arrays
    batch: int
    shuffle: bool
    engine: str | None
    _programs: dict[int, StepProgram] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        return int(self.data["x"].shape[0])

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.samples // self.batch)

    def epoch(self, number: int, report: Callable[[int, float, float], None]) -> tuple[float, float]:
        """Run one epoch; returns the means of loss and gradient norm over its steps.

        `report(step, loss, norm)` is called about twenty times a second. Raises NotFiniteError,
        with `carry` as before the step, where a loss or a gradient norm is not finite.
        """
        data, _ = flatten(self.data)
        carry, structure = flatten(self.carry)
        losses, norms = 0.0, 0.0
        told = perf_counter()
        with engine(self.engine).exclusive():
            for step, start in enumerate(range(0, self.samples, self.batch)):
                program = self._program(min(self.batch, self.samples - start))
                results = program(data, carry, number, start)
                loss, norm = float(results[-2]), float(results[-1])
                if not (np.isfinite(loss) and np.isfinite(norm)):
                    self._explain(program.graph, data, carry, number, start, step, loss)
                carry = results[:-2]
                self.carry = unflatten(structure, carry)
                losses += loss
                norms += norm
                if perf_counter() - told > 0.05:
                    told = perf_counter()
                    report(step + 1, losses / (step + 1), norms / (step + 1))
        steps = self.steps_per_epoch
        report(steps, losses / steps, norms / steps)
        return losses / steps, norms / steps

    def _program(self, batch: int) -> StepProgram:
        if batch not in self._programs:
            self._programs[batch] = StepProgram(
                self.task, self.data, self.carry, batch, self.shuffle, self.engine
            )
        return self._programs[batch]

    def _explain(
        self,
        graph: Graph,
        data: list[Any],
        carry: list[Any],
        epoch: int,
        start: int,
        step: int,
        loss: float,
    ) -> None:
        """Raise NotFiniteError: replay the step and name the first op that left the numbers."""
        inputs = [*data, *carry, np.array(epoch), np.array(start)]
        node = first_not_finite(graph, inputs)
        what = f"the loss is {loss}" if not np.isfinite(loss) else "the gradient is not finite"
        culprit = f" {describe(node)} was the first to give a value that is not finite." if node else ""
        raise NotFiniteError(
            f"training stopped in epoch {epoch + 1}, step {step + 1}: {what}.{culprit} The weights "
            "of the step before are kept. Lower the learning rate, clip the gradients "
            "(clip_norm=1.0), or scale the inputs"
        )


def first_not_finite(graph: Graph, inputs: list[Any]) -> Node | None:
    """The first node, in the order of computation, whose value is not finite though its inputs are."""
    from chainrule.engines.numpy import Program

    values = Program(graph).trace_values(inputs)
    for node in graph.nodes:
        value = values.get(node)
        if not node.inputs or not _has_not_finite(value):
            continue
        if not any(_has_not_finite(values[child]) for child in node.inputs):
            return node
    return None


def _has_not_finite(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f" and not np.all(
        np.isfinite(value)
    )


def describe(node: Node) -> str:
    """`exp in layer 1.Dense`, `the backward pass of divide in the loss`."""
    forward = node.role.of if node.role else node
    name = f"the backward pass of {forward.op.name}" if node.role else node.op.name
    place = forward.source.scope if forward.source else ""
    if place in ("loss", "optimizer"):
        return f"{name} in the {place}"
    return f"{name} in layer {place}" if place else name


# --- forward only --------------------------------------------------------------------------------


class Compiled:
    """A function of (params, state, …) compiled for the shapes that it meets; a few are kept."""

    def __init__(self, function: Callable[..., Any], name: str | None, keep: int = 8) -> None:
        self._function = function
        self._engine = name
        self._keep = keep
        self._programs: dict[Any, tuple[Any, Structure]] = {}

    def __call__(self, *arguments: Any) -> Any:
        leaves, _ = flatten(arguments)
        key = tuple((leaf.shape, leaf.dtype.str) for leaf in leaves)
        if key not in self._programs:
            while len(self._programs) >= self._keep:
                self._programs.pop(next(iter(self._programs)))
            call = trace_call(self._function, arguments)
            program = compile_graph(simplify(stabilise(call.graph)), self._engine)
            self._programs[key] = (program, call.graph.output_structure)
        program, structure = self._programs[key]
        return unflatten(structure, program(leaves))


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices that cover `count` rows, `size` at a time."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
