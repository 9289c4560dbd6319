"""`cr.run`: a step function repeated over batches of data, as one loop."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import random
from chainrule.engines import compile_graph, engine
from chainrule.errors import SettingError
from chainrule.ops import rows
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
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise SettingError(f"steps is a whole number from 0 on, not {steps!r}")
    count = _sample_count(data)
    batch = count if batch_size is None else batch_size
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= count:
        raise SettingError(f"batch_size lies between 1 and the {count} samples, not at {batch!r}")
    data = map_tree(np.asarray, data)
    state = map_tree(np.asarray, state)
    order = random.key(seed)

    def one(state: Any, data: Any, order: Any, number: Any) -> Any:
        if batch == count:
            return step(state, data)
        places = number * batch + np.arange(batch)
        index = places % count
        if shuffle:
            keys = random.fold_in(order, places // count)
            index = rows.shuffle(keys, index, count=count)
        return step(state, map_tree(lambda array: rows.gather(array, index), data))

    call = trace_call(one, (state, data, order, np.zeros((), np.int64)))
    _check_state(call.graph, state)
    program = compile_graph(simplify(stabilise(call.graph)))
    carry, structure = flatten(state)
    fixed = [*flatten(data)[0], order]
    outputs = call.graph.outputs[len(carry) :]
    stacks = [np.empty((steps, *node.shape), node.dtype) for node in outputs]
    with engine(None).exclusive():
        for number in range(steps):
            results = program([*carry, *fixed, np.array(number)])
            carry = results[: len(carry)]
            for stack, value in zip(stacks, results[len(carry) :], strict=True):
                stack[number] = value
    _, output_structure = call.graph.output_structure.children
    return unflatten(structure, carry), unflatten(output_structure, stacks)


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
        raise SettingError(f"{graph.name}: the step must return (state, outputs)")
    leaves, own = flatten(state)
    if structure.children[0] != own:
        raise SettingError("the step returns a state of another structure than it was given")
    for before, after in zip(leaves, graph.outputs, strict=False):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise SettingError(
                f"the step turns a state of {before.dtype}{list(before.shape)} into "
                f"{after.dtype}{list(after.shape)}; it must keep shape and dtype"
            )
