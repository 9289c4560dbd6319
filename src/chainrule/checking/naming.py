"""The kind of mistake that an edit corrects: the name of the change the other way round."""

from collections.abc import Callable, Iterator

import numpy as np

from chainrule.checking.pool import Pool
from chainrule.checking.search import Fit
from chainrule.checking.steps import Array, Program
from chainrule.checking.point import Point
from chainrule.checking.truth import Quantity
from chainrule.trees import flatten

SCALED = "wrong-constant-factor"

SIMPLE = {
    "drop-add": "extra-term",
    "drop-subtract": "extra-term",
    "drop-negative": "wrong-sign",
    "drop-square": "wrong-activation-derivative",
    "drop-power": "wrong-activation-derivative",
    "flip-term": "wrong-sign",
    "as-matmul": "elementwise-for-matmul",
    "as-elementwise": "matmul-for-elementwise",
    "as-product": SCALED,
    "transpose": "wrong-transpose",
    "sum-it": "bias-not-summed",
    "without-derivative": "activation-derivative-twice",
    "accumulate": "not-accumulated",
    "drop-sign": "unexplained",
    "drop-absolute": "unexplained",
    "drop-clip": "unexplained",
    "drop-sqrt": "unexplained",
    "drop-put": "unexplained",
    "drop-set": "unexplained",
    "drop-transpose": "wrong-transpose",
}

# The derivatives that people write: of the input, and of the output.
SLOPES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z))),
        lambda a: a * (1 - a),
    ),
    "tanh": (lambda z: 1 - np.tanh(z) ** 2, lambda a: 1 - a * a),
    "relu": (lambda z: (z > 0) * 1.0, lambda a: (a > 0) * 1.0),
    "identity": (np.ones_like, np.ones_like),
}
OF_LOSSES = {"absolute", "square", "power", "log"}  # whose derivatives belong to the loss
NAMES = {"maximum": "relu", "where": "relu"}


def kind_of(fit: Fit, program: Program, pool: Pool, point: Point) -> str:
    """The kind, as in the table of kinds; "unexplained" where the edit only tells the place."""
    edit = fit.edit
    step = program.steps[edit.site[0]]
    if edit.action == "scale":
        return constant_kind(edit.constant, point)
    if edit.action in ("drop-multiply", "drop-divide"):
        return _dropped_factor(edit.old, edit.action, pool, point)
    if edit.action == "other-axis":
        return "wrong-axis" if step.params["axes"] else "bias-not-summed"
    if edit.action == "add-term":
        return "missing-term"
    if edit.action == "times-derivative":
        assert edit.new is not None
        return "missing-activation-derivative" if edit.new.role == "local" else "missing-term"
    if edit.action in SIMPLE:
        return SIMPLE[edit.action]
    assert edit.old is not None
    assert edit.new is not None
    if edit.new.role == "local":
        other = "unexplained" if edit.new.op in OF_LOSSES else "wrong-activation-derivative"
        return _slope_kind(edit.old, edit.new, pool) or other
    if edit.new.role in ("parameter", "data", "forward"):
        return "wrong-operand"
    return _place_kind(edit.old, edit.new, program, pool) or (
        "wrong-operand" if edit.new.role == "step" else "unexplained"
    )


def constant_kind(correction: float, point: Point) -> str:
    """What a result lacks that this number makes right."""
    if correction == -1:
        return "wrong-sign"
    for size in samples(point):
        if np.isclose(correction, 1 / size, rtol=1e-12):
            return "missing-mean"
        if np.isclose(correction, size, rtol=1e-12):
            return "mean-twice"
    return SCALED


def samples(point: Point) -> list[int]:
    """How many samples or numbers a mean may be over, by the shapes of the data."""
    found: dict[int, None] = {}
    for part in flatten(point.data)[0]:
        array = np.asarray(part)
        found |= dict.fromkeys([*array.shape, array.size])
    return [size for size in found if size > 2 or (size == 2 and _rows(point) == 2)]


def _rows(point: Point) -> int:
    lengths = {np.shape(part)[0] for part in flatten(point.data)[0] if np.ndim(part)}
    return lengths.pop() if len(lengths) == 1 else 0


def _dropped_factor(old: Array | None, action: str, pool: Pool, point: Point) -> str:
    assert old is not None
    if _is_slope(old, pool):
        return "activation-derivative-twice"
    if old.size == 1:
        factor = float(old.reshape(()))
        if factor == 0:
            return "unexplained"
        return constant_kind(factor if action == "drop-divide" else 1 / factor, point)
    return "unexplained"


def _is_slope(value: Array, pool: Pool) -> bool:
    known = (q.value for q in pool.truth.quantities if q.role == "local")
    return any(_close(value, k) for k in known) or any(
        _close(value, slope) for _, _, slope in _looks(pool)
    )


def _close(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return a.ndim == 2 and a.shape == b.shape[::-1] and _close(a, b.T)
    return a.size > 0 and bool(np.allclose(a, b, rtol=1e-9, atol=1e-13))


def _looks(pool: Pool) -> Iterator[tuple[str, str, Array]]:
    """(activation, point, slope): what people write for the slopes at the values of the loss."""
    values = [q for q in pool.truth.quantities if q.role in ("forward", "data") and q.value.ndim]
    with np.errstate(all="ignore"):
        for quantity in values:
            for name, (of_input, of_output) in SLOPES.items():
                yield name, "input", of_input(quantity.value)
                yield name, "output", of_output(quantity.value)


def _slope_kind(old: Array, new: Quantity, pool: Pool) -> str | None:
    true_name = NAMES.get(new.op, new.op)
    best = None
    for name, _, slope in _looks(pool):
        if _close(old, slope):
            if name == true_name:
                return "derivative-at-wrong-point"
            best = "wrong-activation-derivative"
    return best


def _place_kind(old: Array, new: Quantity, program: Program, pool: Pool) -> str | None:
    """A wrong value and the true one, explained by the numbers."""
    true = new.value
    if old.shape != true.shape:
        return None
    if _is_diagonal(old, true, program):
        return "softmax-jacobian-diagonal"
    for local in (q for q in pool.truth.quantities if q.role == "local"):
        kind = _exchanged_slope(old, true, local)
        if kind:
            return kind
    missing = true - old
    terms = [q for q in pool.truth.quantities if q.role in ("contribution", "parameter")]
    for term in terms:
        if term.value.shape == old.shape and np.any(term.value) and _multiple(missing, term.value):
            return "missing-term"
        if term.role == "contribution" and _close(term.value, old):
            return "missing-term"
    return None


def _exchanged_slope(old: Array, true: Array, local: Quantity) -> str | None:
    """Whether another slope stands where this one belongs, as a factor among others."""
    if local.value.shape != true.shape:
        return None
    true_name, wrong = NAMES.get(local.op, local.op), old * local.value
    for point in (local.origin, local.result):
        for name, formulas in SLOPES.items():
            for formula in formulas:
                with np.errstate(all="ignore"):
                    slope = formula(np.asarray(point, float))
                if np.any(wrong) and not _close(slope, local.value) and _close(wrong, true * slope):
                    same = true_name == name
                    return "derivative-at-wrong-point" if same else "wrong-activation-derivative"
    return None


def _multiple(a: Array, b: Array) -> bool:
    factor = float(np.sum(a * b) / np.sum(b * b))
    return abs(factor) > 1e-6 and _close(a, factor * b)


def _is_diagonal(old: Array, true: Array, program: Program) -> bool:
    """Whether only the diagonal pᵢ(1 - pᵢ) of a softmax's Jacobian was multiplied in."""
    for step in program.steps:
        p = step.value
        if not isinstance(p, np.ndarray) or p.shape != old.shape or p.ndim == 0:
            continue
        for axis in range(p.ndim):
            if p.shape[axis] < 2 or not np.allclose(p.sum(axis=axis), 1) or np.any(p <= 0):
                continue
            incoming = old / (p * (1 - p))
            if _close(p * (incoming - np.sum(incoming * p, axis=axis, keepdims=True)), true):
                return True
    return False
