"""Samples of PyTorch's `op_db`: the same call in PyTorch, in NumPy, and through chainrule.

A sample is compared three times. The adapter on plain arrays must give PyTorch's values, or the
adapter is wrong; recorded and run by chainrule it must give them again; and the gradient of a
randomly weighted sum of all floating-point outputs must be PyTorch's for every tensor that
requires one.
"""

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from op_db_table import EXCLUDED, ROWS, Adapter
from torch.testing._internal.common_methods_invocations import op_db

from chainrule.pipeline import compile, value_grad_and_rest

# Allowed errors, relative to the largest number of an array, or to 1 where all are smaller.
VALUE = 1e-9
GRADIENT = 1e-8
# Of a sample with a float32 tensor in it; the native engine adds up in another order.
SINGLE = {"numpy": 1e-5, "native": 1e-4}


def entry_name(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


ENTRIES = {entry_name(op): op for op in op_db}


def has_float64(name: str) -> bool:
    return torch.float64 in ENTRIES[name].supported_dtypes("cpu")


def samples(name: str) -> list[Any]:
    """The float64 samples of an entry, the same in every run."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    op = ENTRIES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside PyTorch's own samples
        return list(op.sample_inputs("cpu", torch.float64, requires_grad=op.supports_autograd))


# --- an entry ------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of the samples of an entry: how many ran, or were excluded for which reason."""

    ran: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in self.excluded.items())
        return f"{self.ran} | {self.excluded.total() or ''} | {reasons}"


def examine(name: str, engine: str = "numpy") -> Outcome:
    """Compare all samples of an entry on an engine, but for those that the table excludes."""
    outcome = Outcome()
    exclusions = [exclusion for exclusion in EXCLUDED if name in exclusion.entries]
    programs: dict[str, Any] = {}
    for place, sample in enumerate(samples(name)):
        reason = next((each.reason for each in exclusions if each.matches(sample)), None)
        if reason is not None:
            outcome.excluded[reason] += 1
            continue
        outcome.ran += 1
        try:
            compare(ROWS[name], ENTRIES[name], sample, programs, engine)
        except Exception as error:  # one failure must not hide the others
            outcome.failures.append(f"sample {place}, {_shown(sample)}: {error}")
    return outcome


def _shown(sample: Any) -> str:
    return str(converted((sample.input, sample.args, sample.kwargs), _type_text))


def _type_text(tensor: torch.Tensor) -> str:
    return f"{tensor.dtype}{list(tensor.shape)}"


def _signature(sample: Any) -> str:
    """Equal for samples that differ in nothing but floating-point numbers."""

    def content(tensor: torch.Tensor) -> str:
        numbers = "" if tensor.is_floating_point() else array_of(tensor).tobytes()
        return f"{_type_text(tensor)}{numbers!r}"

    return str(converted((sample.input, sample.args, sample.kwargs), content))


# --- tensors to arrays ---------------------------------------------------------------------------


def converted(tree: Any, tensor: Callable[[torch.Tensor], Any]) -> Any:
    """The arguments of a call with every tensor replaced."""
    if isinstance(tree, torch.Tensor):
        return tensor(tree)
    if isinstance(tree, list | tuple):
        items = [converted(item, tensor) for item in tree]
        return items if isinstance(tree, list) else tuple(items)
    if isinstance(tree, dict):
        return {key: converted(item, tensor) for key, item in tree.items()}
    return tree


def leaves(tree: Any) -> Iterator[Any]:
    """The outputs in nested tuples and lists, in order."""
    if isinstance(tree, list | tuple):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree


def array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    return np.array(tensor.numpy(force=True))


# --- the comparison ------------------------------------------------------------------------------


def compare(
    adapter: Adapter, op: Any, sample: Any, programs: dict[str, Any], engine: str = "numpy"
) -> None:
    """Raise AssertionError where NumPy or chainrule differ from PyTorch on this sample.

    `programs` keeps what chainrule compiled, by signature, for samples alike.
    """
    call = ((sample.input, *sample.args), sample.kwargs)
    tensors: list[torch.Tensor] = []  # the floating-point ones, in the order of the call

    def own(tensor: torch.Tensor) -> torch.Tensor:
        copy = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        if copy.is_floating_point():
            tensors.append(copy)
        return copy

    theirs = converted(call, own)
    arrays = [array_of(tensor) for tensor in tensors]
    single = any(array.dtype == np.float32 for array in arrays)
    value_tolerance, tolerance = (SINGLE[engine],) * 2 if single else (VALUE, GRADIENT)
    positional, named = converted(call, array_of)
    expected, gradients, weights = _in_torch(op, theirs, tensors)

    with np.errstate(all="ignore"):
        computed = list(leaves(adapter(*positional, **named)))
    _same("NumPy's value", computed, expected, value_tolerance)

    def weighted(values: Sequence[Any]) -> Any:
        """The weighted sum, and the outputs, where the floating-point tensors are `values`."""
        given = iter(values)
        positional, named = converted(
            call, lambda tensor: next(given) if tensor.is_floating_point() else array_of(tensor)
        )
        outputs = list(leaves(adapter(*positional, **named)))
        smooth = [output for output in outputs if _is_floating(output)]
        terms = [np.sum(w * output) for w, output in zip(weights, smooth, strict=True)]
        return sum(terms, start=0.0), outputs

    def slopes_and_outputs(values: Sequence[Any]) -> Any:
        _, slopes, outputs = value_grad_and_rest(weighted, [values])
        return slopes, outputs

    program = programs.setdefault(_signature(sample), compile(slopes_and_outputs, engine=engine))
    slopes, outputs = program(arrays)
    _same("chainrule's value", outputs, expected, value_tolerance)
    wanted = [place for place, tensor in enumerate(tensors) if tensor.requires_grad]
    _same("the gradient", [slopes[place] for place in wanted], gradients, tolerance)


def _is_floating(output: Any) -> bool:
    return getattr(output, "dtype", np.dtype(type(output))).kind == "f"


def _in_torch(
    op: Any, call: Any, tensors: Sequence[torch.Tensor]
) -> tuple[list[Any], list[Any], list[Any]]:
    """Outputs, gradients of their weighted sum, and the weights of the floating-point ones."""
    positional, named = call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = list(leaves(op(*positional, **named)))
    generator = np.random.default_rng(0)
    smooth = [o for o in outputs if isinstance(o, torch.Tensor) and o.is_floating_point()]
    weights = [np.asarray(generator.normal(size=tuple(o.shape))) for o in smooth]
    terms = [(torch.from_numpy(w) * o).sum() for w, o in zip(weights, smooth, strict=True)]
    total = sum(terms, start=torch.zeros(()))
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    slopes: Sequence[torch.Tensor | None] = (None,) * len(wanted)
    if total.requires_grad:
        slopes = torch.autograd.grad(total, wanted, allow_unused=True)
    gradients = [
        np.zeros(tensor.shape) if slope is None else array_of(slope)
        for slope, tensor in zip(slopes, wanted, strict=True)
    ]
    values = [array_of(o) if isinstance(o, torch.Tensor) else np.asarray(o) for o in outputs]
    return values, gradients, weights


def _same(what: str, found: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    assert len(found) == len(expected), f"{what}: {len(found)} arrays for {len(expected)}"
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        name = f"{what} {place}" if len(expected) > 1 else what
        ours = np.asarray(ours)
        assert ours.shape == theirs.shape, f"{name} has shape {ours.shape}, not {theirs.shape}"
        kinds = {ours.dtype.kind, theirs.dtype.kind}
        assert len(kinds) == 1 or kinds <= {"i", "u"}, f"{name} is {ours.dtype}, not {theirs.dtype}"
        if theirs.dtype.kind == "f":
            finite = np.abs(theirs[np.isfinite(theirs)])
            allowed = tolerance * max(1.0, float(finite.max(initial=0.0)))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=allowed, err_msg=name)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
