"""`cr.run`: a step function repeated over batches of data, as one loop."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import random
from chainrule.engines import compile_graph, engine
from chainrule.errors import SettingError
from chainrule.ops import rows
from chainrule.orders import Orders
from chainrule.settings import read_setting, whole_number
from chainrule.simplify import simplify
from chainrule.stabilise import stabilise
from chainrule.tracing import trace_call
from chainrule.trees import Tree, flatten, map_tree, unflatten


def run(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Tree,
    data: Tree,
    steps: int,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
) -> tuple[Tree, Tree]:
    """Repeat `state, outputs = step(state, batch)`; returns the last state and stacked outputs.

    step        NumPy code; may use `cr.value_and_grad`, networks and optimizers
    data        arrays (or containers of them) with one first axis, of samples
    steps       how often
    batch_size  samples in a batch, of one size throughout: epochs run into each other. None is
                everything at once.
    shuffle     a new random order each time all samples have been used, by the seed

    The outputs of all steps come stacked along a new first axis.
    """
    steps = read_setting("run", "steps", whole_number(0), steps)
    count = _sample_count(data)
    batch = count
    if batch_size is not None:
        batch = read_setting("run", "batch_size", whole_number(1), batch_size)
        if batch > count:
            raise SettingError(f"run: batch_size is {batch}, and there are {count} samples")
    data, state = map_tree(np.asarray, data), map_tree(np.asarray, state)

    def one(state: Tree, data: Tree, index: Any) -> Any:
        if index is not None:
            data = map_tree(lambda array: rows.gather(array, index), data)
        return step(state, data)

    first = None if batch == count else np.arange(batch)
    call = trace_call(one, (state, data, first))
    _check_state(call.graph, state)
    program = compile_graph(simplify(stabilise(call.graph)))
    carry, structure = flatten(state)
    samples, _ = flatten(data)
    outputs = call.graph.outputs[len(carry) :]
    stacks = [np.empty((steps, *node.shape), node.dtype) for node in outputs]
    orders = Orders(random.key(seed) if shuffle else None, count)
    with engine(None).exclusive():
        for number in range(steps):
            index = [] if first is None else [_places(orders, number * batch, batch, count)]
            results = program([*carry, *samples, *index])
            for stack, value in zip(stacks, results[len(carry) :], strict=True):
                stack[number] = value
            carry = results[: len(carry)]
    _, output_structure = call.graph.output_structure.children
    return unflatten(structure, carry), unflatten(output_structure, stacks)


def _places(orders: Orders, start: int, batch: int, count: int) -> Any:
    """The samples of a batch that starts at this place of the endless row of epochs."""
    epoch, place = divmod(start, count)
    found = orders.of(epoch)[place : place + batch]
    if len(found) == batch:
        return found
    return np.concatenate([found, orders.of(epoch + 1)[: batch - len(found)]])


def _sample_count(data: Tree) -> int:
    counts = {np.shape(leaf)[0] if np.ndim(leaf) else 0 for leaf in flatten(data)[0]}
    if len(counts) != 1 or 0 in counts:
        raise SettingError(
            "data is arrays with one first axis, of samples"
            + (f"; here they have {sorted(counts)}" if counts else "")
        )
    return int(counts.pop())


def _check_state(graph: Any, state: Tree) -> None:
    structure = graph.output_structure
    if structure.kind is not tuple or len(structure.children) != 2:
        raise SettingError("run: the step must return (state, outputs)")
    leaves, own = flatten(state)
    if structure.children[0] != own:
        raise SettingError("run: the step returns a state of another structure than it was given")
    for before, after in zip(leaves, graph.outputs, strict=False):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise SettingError(
                f"run: the step turns a state of {before.dtype}{list(before.shape)} into "
                f"{after.dtype}{list(after.shape)}; it must keep shape and dtype"
            )
