"""The training step as one graph.

A step is written in NumPy like everything else: gather the batch, forward, loss, backward, update.
It is recorded once for full batches and once for a smaller last one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chainrule import random
from chainrule.engines import compile_graph
from chainrule.graph import Graph, scope
from chainrule.layers import Layer
from chainrule.loss import FunctionLoss, Loss
from chainrule.ops import rows
from chainrule.optimizer import Optimizer, global_norm
from chainrule.pipeline import value_grad_and_rest
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.tracing import trace_call
from chainrule.trees import Structure, flatten, unflatten

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What is trained, by which loss and optimizer."""

    net: Layer
    loss: Loss | FunctionLoss
    optimizer: Optimizer

    def outcome(
        self, params: Arrays, state: Arrays, x: Any, y: Any, w: Any, training: bool, key: Any
    ) -> tuple[Any, Any, Arrays]:
        """The loss with the layers' penalties, the prediction, and the network's new state."""
        prediction, new_state = self.net(params, state, x, training=training, key=key)
        with scope("loss"):
            value = self.loss(prediction, y) if w is None else self.loss(prediction, y, w)
            total = value + self.net.penalty(params)
        return total, prediction, {name: new_state[name] for name in state}

    def objective(
        self, params: Arrays, state: Arrays, x: Any, y: Any, w: Any, training: bool, key: Any
    ) -> tuple[Any, Arrays]:
        """The loss with the layers' penalties, and the network's new state."""
        total, _, new_state = self.outcome(params, state, x, y, w, training, key)
        return total, new_state

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
    """A training step for one batch size, as recorded; more is made of it when it is needed."""

    def __init__(
        self, task: Task, data: Arrays, carry: Arrays, index: Any, engine_name: str | None
    ) -> None:
        def step(data: Arrays, carry: Arrays, index: Any) -> Any:
            return task.step(data, carry, index)

        self.recorded: Graph = trace_call(step, (data, carry, index)).graph
        self._engine = engine_name

    @cached_property
    def graph(self) -> Graph:
        return stabilise(self.recorded)

    @cached_property
    def simple(self) -> Graph:
        return simplify(self.graph)

    @cached_property
    def _run(self) -> Any:
        return compile_graph(self.simple, self._engine)

    def __call__(self, inputs: list[Any]) -> list[Any]:
        """From the leaves of (data, carry, index): those of the new carry, loss and norm."""
        results: list[Any] = self._run(inputs)
        return results


@dataclass
class Programs:
    """What has been compiled for data of one shape.

    steps  by batch size
    whole  by batch size: many steps in one call, where the engine can do that, else None
    """

    steps: dict[int, StepProgram] = field(default_factory=dict)
    whole: dict[int, Any] = field(default_factory=dict)
    pace: int = 1  # steps to take in one such call, as far as is known


# --- forward only --------------------------------------------------------------------------------


class Compiled:
    """A function of (params, state, …) compiled for the shapes that it meets; a few are kept."""

    def __init__(self, function: Callable[..., Any], name: str | None, keep: int = 8) -> None:
        self._function = function
        self._engine = name
        self._keep = keep
        self.programs: dict[Any, tuple[Any, Structure]] = {}

    def __call__(self, *arguments: Any) -> Any:
        program, structure = self.find(arguments)
        leaves, _ = flatten(arguments)
        return unflatten(structure, program(leaves))

    def find(self, arguments: tuple[Any, ...]) -> tuple[Any, Structure]:
        """The program for arguments of these shapes, and the structure of its results."""
        leaves, _ = flatten(arguments)
        key = tuple((leaf.shape, leaf.dtype.str) for leaf in leaves)
        if key not in self.programs:
            while len(self.programs) >= self._keep:
                self.programs.pop(next(iter(self.programs)))
            call = trace_call(self._function, arguments)
            program = compile_graph(simplify(stabilise(call.graph)), self._engine)
            self.programs[key] = (program, call.graph.output_structure)
        return self.programs[key]


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices that cover `count` rows, `size` at a time."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
