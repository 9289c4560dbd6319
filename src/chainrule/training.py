"""The training step as one graph, and the loop over epochs that runs it.

A step is written in NumPy like everything else: gather the batch, forward, loss, backward, update.
It is recorded once for full batches and once for a smaller last one.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
from chainrule.orders import Orders
from chainrule.pipeline import value_grad_and_rest
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.tracing import trace_call
from chainrule.trees import Structure, flatten, unflatten

Arrays = dict[str, Any]
REPORT_SECONDS = 0.05


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

    def step(self, data: Arrays, carry: Arrays, index: Any) -> tuple[Arrays, Any, Any]:
        """One update: the new carry, the loss before it, and the norm of the gradient.

        data   x, y, perhaps weights; `noise`, the key of dropout
        carry  params, optimizer, state
        index  the rows of the batch; None takes all of them as they stand
        """
        x, y, w = data["x"], data["y"], data.get("weights")
        if index is not None:
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
        self, task: Task, data: Arrays, carry: Arrays, index: Any, engine_name: str | None
    ) -> None:
        def step(data: Arrays, carry: Arrays, index: Any) -> Any:
            return task.step(data, carry, index)

        self.graph: Graph = stabilise(trace_call(step, (data, carry, index)).graph)
        self._run = compile_graph(simplify(self.graph), engine_name)

    def __call__(self, inputs: list[Any]) -> list[Any]:
        """From the leaves of (data, carry, index): those of the new carry, loss and norm."""
        results: list[Any] = self._run(inputs)
        return results


@dataclass(frozen=True)
class Step:
    """A step with all that it was given, so that it can be taken back and explained."""

    program: StepProgram
    data: list[Any]  # the leaves of the run's data
    carry: list[Any]  # those of the carry before the step
    index: Any
    epoch: int
    place: int

    def inputs(self, carry: list[Any]) -> list[Any]:
        """What the program takes, from this or another carry."""
        return [*self.data, *carry, *([] if self.index is None else [self.index])]


class Run:
    """A training run: its data and where it stands.

    data      x, y, perhaps weights; `noise`, the key of dropout
    carry     params, optimizer, state: replaced as a whole by each step that gave finite numbers
    order     the key of shuffling; None keeps the samples in their order
    programs  compiled steps by batch size, which runs over data of one shape may share
    """

    def __init__(
        self,
        task: Task,
        data: Arrays,
        carry: Arrays,
        batch: int,
        order: Any,
        engine_name: str | None,
        programs: dict[int, StepProgram],
    ) -> None:
        self.task, self.data, self.batch = task, data, batch
        self._leaves, self._structure = flatten(carry)
        self._newest: Step | None = None  # of the steps that led here
        self._engine, self.programs = engine_name, programs
        self._orders = Orders(order, self.samples)

    @property
    def carry(self) -> Arrays:
        carry: Arrays = unflatten(self._structure, self._leaves)
        return carry

    @carry.setter
    def carry(self, carry: Arrays) -> None:
        leaves, self._structure = flatten(carry)
        if [*map(id, leaves)] != [*map(id, self._leaves)]:  # somebody else's numbers
            self._leaves, self._newest = leaves, None

    @property
    def samples(self) -> int:
        return int(self.data["x"].shape[0])

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.samples // self.batch)

    def compile(self) -> "Run":
        """Record the steps of both batch sizes, so that what cannot be trained is refused first."""
        for size in {self.batch, self.samples % self.batch or self.batch}:
            self._program(None if self.batch == self.samples else np.arange(size))
        return self

    def epoch(
        self, number: int, report: Callable[[int, float, float], None]
    ) -> tuple[float, float]:
        """Run one epoch; returns the means of loss and gradient norm over its steps.

        `report(steps, loss, norm)` is called about twenty times a second with the means so far.
        A step whose loss or gradient norm is not finite is not applied, but raises NotFiniteError,
        as does an update that gives such weights; `carry` is then the last good one.
        """
        data, _ = flatten(self.data)
        losses, norms = 0.0, 0.0
        told = perf_counter()
        with engine(self._engine).exclusive():
            for place, index in enumerate(self._batches(number)):
                program = self._program(index)
                step = Step(program, data, self._leaves, index, number, place)
                results = program(step.inputs(step.carry))
                loss, norm = float(results[-2]), float(results[-1])
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise self._stopped(step, loss, norm)
                self._leaves, self._newest = results[:-2], step
                losses += loss
                norms += norm
                if perf_counter() - told > REPORT_SECONDS:
                    told = perf_counter()
                    report(place + 1, losses / (place + 1), norms / (place + 1))
        # Within the epoch a weight that is not finite shows in the next loss.
        if self._newest is not None and not _all_finite(self._leaves):
            raise self._stopped(self._newest, losses, norms)
        steps = self.steps_per_epoch
        return losses / steps, norms / steps

    def _batches(self, epoch: int) -> Iterator[Any]:
        """The rows of each batch; None for all rows as they stand."""
        if self.batch == self.samples:
            yield None
            return
        order = self._orders.of(epoch)
        for part in chunks(self.samples, self.batch):
            yield order[part]

    def _program(self, index: Any) -> StepProgram:
        size = self.samples if index is None else len(index)
        if size not in self.programs:
            self.programs[size] = StepProgram(self.task, self.data, self.carry, index, self._engine)
        return self.programs[size]

    def _stopped(self, step: Step, loss: float, norm: float) -> NotFiniteError:
        """Why the run cannot go on, found by replaying the step in the model's own dtype."""
        what = f"the gradient norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
        newest = self._newest
        if newest is not None and not _all_finite(self._leaves):
            # The update overflowed, although its loss and gradient were finite.
            step, what = newest, "the updated weights are not finite"
        if newest is not None and not self._good_on(newest):
            self._leaves = newest.carry
        node = first_not_finite(step.program.graph, step.inputs(step.carry))
        culprit = f"; the first to give NaN or infinity was {describe(node)}" if node else ""
        return NotFiniteError(
            f"training stopped in epoch {step.epoch + 1}, step {step.place + 1}: {what}{culprit}. "
            "The last good weights are kept. Lower the learning rate, clip the gradients "
            "(clip_norm=1.0), or scale the inputs"
        )

    def _good_on(self, newest: Step) -> bool:
        """Whether the weights are good: finite, with a finite loss on the batch that made them.

        Then the next batch alone is at fault. Otherwise it is the update.
        """
        loss = newest.program(newest.inputs(self._leaves))[-2]
        return _all_finite([*self._leaves, loss])


def _all_finite(values: Iterable[Any]) -> bool:
    return not any(_has_not_finite(value) for value in values)


def _has_not_finite(value: Any) -> bool:
    if isinstance(value, list):  # the results of a loop
        return any(_has_not_finite(entry) for entry in value)
    array = np.asarray(value)
    return array.dtype.kind == "f" and not np.isfinite(array).all()


def first_not_finite(graph: Graph, inputs: list[Any]) -> Node | None:
    """The first node that made a NaN or an infinity, out of finite inputs, which reached a result.

    The last two results, loss and gradient norm, are asked first. A value that is masked out
    before it reaches a result, such as log(0) under a `where`, is no fault.
    """
    from chainrule.engines.numpy import Program

    values = Program(graph).trace_values(inputs)
    bad = {node for node, value in values.items() if _has_not_finite(value)}
    reached = {node for node in graph.outputs[-2:] if node in bad} or {
        node for node in graph.outputs if node in bad
    }
    for node in reversed(graph.nodes):
        if node in reached:
            reached.update(child for child in node.inputs if child in bad)
    for node in graph.nodes:
        if node in reached and node.inputs and not any(child in bad for child in node.inputs):
            return node
    return None


def describe(node: Node) -> str:
    """`exp in layer 1.Lambda`, `the backward pass of divide in the loss`."""
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
        self.programs: dict[Any, tuple[Any, Structure]] = {}

    def __call__(self, *arguments: Any) -> Any:
        leaves, _ = flatten(arguments)
        key = tuple((leaf.shape, leaf.dtype.str) for leaf in leaves)
        if key not in self.programs:
            while len(self.programs) >= self._keep:
                self.programs.pop(next(iter(self.programs)))
            call = trace_call(self._function, arguments)
            program = compile_graph(simplify(stabilise(call.graph)), self._engine)
            self.programs[key] = (program, call.graph.output_structure)
        program, structure = self.programs[key]
        return unflatten(structure, program(leaves))


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices that cover `count` rows, `size` at a time."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
