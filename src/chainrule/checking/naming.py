"""The kind of mistake that an edit corrects: the name of the change the other way round."""

from collections.abc import Callable, Iterator

import numpy as np

from chainrule.checking.edit import UNLIKELY, Edit
from chainrule.checking.nearness import apart, close, nearest_factor
from chainrule.checking.point import Point
from chainrule.checking.pool import Pool
from chainrule.checking.quantities import DERIVATIVES, Quantity
from chainrule.checking.steps import Array, Program
from chainrule.trees import flatten

SCALED = "wrong-constant-factor"
MANY = 60  # of the user's own values of one shape, at how many slopes are tried
NEARLY = 1e-2  # a factor this near to one is no factor that anybody wrote: it is inexactness

SIMPLE = {
    "drop-add": "extra-term",
    "drop-subtract": "extra-term",
    "drop-part": "extra-term",
    "drop-negative": "wrong-sign",
    "drop-square": "wrong-activation-derivative",
    "drop-power": "wrong-activation-derivative",
    "drop-transpose": "wrong-transpose",
    "flip-term": "wrong-sign",
    "as-matmul": "elementwise-for-matmul",
    "as-elementwise": "matmul-for-elementwise",
    "as-product": SCALED,
    "transpose": "wrong-transpose",
    "flip": "wrong-transpose",
    "sum-it": "bias-not-summed",
    "other-axis": "wrong-axis",
    "without-derivative": "activation-derivative-twice",
    "add-term": "missing-term",
    "accumulate": "not-accumulated",
    "reshape": "shape-error",
    "before-update": "update-before-propagate",
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
    "leaky relu": (lambda z: np.where(z > 0, 1, 0.01), lambda a: np.where(a > 0, 1, 0.1)),
    "softplus": (lambda z: 1 / (1 + np.exp(-z)), lambda a: 1 - np.exp(-a)),
}


def kind_of(edit: Edit, program: Program, pool: Pool) -> str:
    """The kind, as in the table of kinds; "unexplained" where the edit only tells the place."""
    if edit.action == "scale":
        return constant_kind(edit.constant, pool.point) if edit.cost < UNLIKELY else "unexplained"
    if edit.action in ("drop-add", "drop-subtract") and _is_noise(edit, program):
        return "unexplained"
    if edit.action in ("drop-multiply", "drop-divide"):
        return _dropped_factor(edit.old, edit.action, pool)
    if edit.action in ("times-derivative", "without-derivative"):
        assert edit.new is not None
        return _factor_kind(edit, edit.new)
    if edit.action == "other-axis" and set(edit.detail["axes"]) == set(edit.detail["now"]):
        return "shape-error"
    if edit.action == "other-axis" and set(edit.detail["axes"]) > set(edit.detail["now"]):
        return "bias-not-summed"
    if edit.action in ("drop-square", "drop-power"):
        kept = program.steps[program.steps[edit.site[0]].inputs[edit.slot]].value
        if pool.is_slope(kept):
            return "activation-derivative-twice"
    if edit.action in SIMPLE:
        return SIMPLE[edit.action]
    if edit.old is None or edit.new is None:
        return "unexplained"
    if edit.new.role in DERIVATIVES:
        return _slope_kind(edit.old, edit.new, pool)
    if edit.new.role in ("parameter", "data", "forward"):
        if edit.new.role == "forward" and edit.new.loss:
            return place_kind(edit.old, edit.new.value, program, pool) or "wrong-operand"
        return "wrong-operand"
    named = place_kind(edit.old, edit.new.value, program, pool)
    return named or ("wrong-operand" if edit.new.role == "step" else "unexplained")


def _is_noise(edit: Edit, program: Program) -> bool:
    """Whether the term to drop is made of nothing that the function was given."""
    step = program.steps[edit.site[0]]
    stack = [child for slot, child in enumerate(step.inputs) if slot != edit.slot]
    if not stack or len(np.unique(program.steps[stack[0]].value)) < 2:
        return False
    while stack:
        inner = program.steps[stack.pop()]
        if inner.op == "input":
            return False
        stack += inner.inputs
    return True


def _factor_kind(edit: Edit, new: Quantity) -> str:
    if new.loss:
        return "gradient-of-another-loss"
    if edit.action == "without-derivative":
        return "activation-derivative-twice"
    return "missing-activation-derivative" if new.role in DERIVATIVES else "missing-term"


def constant_kind(correction: float, point: Point) -> str:
    """What a result lacks that this number makes right."""
    if np.isclose(correction, -1, rtol=1e-9):
        return "wrong-sign"
    if abs(correction - 1) < NEARLY:
        return "unexplained"
    for size in samples(point):
        if np.isclose(correction, 1 / size, rtol=1e-9):
            return "missing-mean"
        if np.isclose(correction, size, rtol=1e-9):
            return "mean-twice"
    return SCALED


def samples(point: Point) -> list[int]:
    """How many samples or numbers a mean may be over, by the shapes of the data."""
    arrays = [np.asarray(part) for part in flatten(point.data)[0]]
    arrays = [array for array in arrays if array.ndim]
    if not arrays:
        return []
    common = set(arrays[0].shape).intersection(*(array.shape for array in arrays))
    if len(arrays) > 1 and not common:
        common = {len(array) for array in arrays}
    found = dict.fromkeys([*common, arrays[-1].size])
    return [size for size in found if size > 2 or (size == 2 and common == {2})]


def _dropped_factor(old: Array | None, action: str, pool: Pool) -> str:
    assert old is not None
    if old.size == 1:
        if any(
            q.role == "local" and q.value.size == 1 and close(q.value.reshape(old.shape), old)
            for q in pool.truth.quantities
        ):
            return "activation-derivative-twice"
        factor = float(np.asarray(old, float).reshape(()))
        if factor == 0:
            return "unexplained"
        return constant_kind(factor if action == "drop-divide" else 1 / factor, pool.point)
    if _is_slope(old, pool):
        return "activation-derivative-twice"
    return "extra-term"


def _is_slope(value: Array, pool: Pool) -> bool:
    known = (q.value for q in pool.truth.quantities if q.role in DERIVATIVES)
    return any(close(value, k) for k in known) or any(
        close(value, slope)
        for name, slope in _looks(_values(pool))
        if name in ("sigmoid", "tanh", "relu")
    )


def _values(pool: Pool, shape: tuple[int, ...] | None = None) -> list[Array]:
    """Values of the loss, and with a shape those of the user's steps as well."""
    values = [q for q in pool.truth.quantities if q.role in ("forward", "data") and q.value.ndim]
    found = [np.asarray(quantity.value, float) for quantity in values]
    return [value for value in found if shape is None or value.shape == shape]


def _looks(values: list[Array]) -> Iterator[tuple[str, Array]]:
    """(activation, slope): what people write for the slopes at these values."""
    with np.errstate(all="ignore"):
        for value in values:
            for name, formulas in SLOPES.items():
                for formula in formulas:
                    yield name, np.asarray(formula(value), float)


class Looks:
    """The slopes that people write, at the values of the loss and at the user's own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._found: dict[tuple[int, ...], list[tuple[str, Array]]] = {}
        self._own: dict[tuple[int, ...], list[tuple[str, Array]]] = {}

    def of_loss(self, shape: tuple[int, ...]) -> list[tuple[str, Array]]:
        if shape not in self._found:
            self._found[shape] = list(_looks(_values(self._pool, shape)))
        return self._found[shape]

    def of_steps(self, shape: tuple[int, ...]) -> list[tuple[str, Array]]:
        if shape not in self._own:
            steps = self._pool.program.steps
            values = [
                s.value for s in steps if s.value.shape == shape and s.value.dtype.kind == "f"
            ]
            self._own[shape] = list(_looks(values[:MANY]))
        return self._own[shape]


def _name(local: Quantity) -> str:
    """The activation's name in the table of slopes, by its values where it has no op of its own."""
    if local.op in SLOPES or local.origin is None:
        return local.op
    with np.errstate(all="ignore"):
        for name, (of_input, _) in SLOPES.items():
            if close(np.asarray(of_input(local.origin), float), local.value):
                return name
    return local.op


def _slope_kind(old: Array, new: Quantity, pool: Pool) -> str:
    """What stands where the slope `new` belongs."""
    if new.loss:
        return "gradient-of-another-loss"
    ones = np.ones(old.shape)
    return _exchanged(ones * old, ones * 1.0, new, pool) or "wrong-activation-derivative"


def _exchanged(old: Array, rest: Array, local: Quantity, pool: Pool) -> str | None:
    """Whether in `old = rest · slope` another slope stands where `local` belongs."""
    if local.value.shape != old.shape:
        return None
    activation = _name(local)
    own = [np.asarray(p, float) for p in (local.origin, local.result) if p is not None]
    with np.errstate(all="ignore"):
        if any(_is_product(old, rest, v, local) for v in local.variants):
            return "derivative-at-wrong-point"
        for other in (q for q in pool.truth.quantities if q.role == local.role):
            if other.op == local.op and _is_product(old, rest, other.value, local):
                return "stale-cache"
        for name, slope in _looks(own):
            if _is_product(old, rest, slope, local):
                same = name == activation
                return "derivative-at-wrong-point" if same else "wrong-activation-derivative"
        looks = _looks_of(pool)
        for name, slope in looks.of_loss(old.shape):
            if name != "identity" and _is_product(old, rest, slope, local):
                same = name == activation
                return "derivative-at-wrong-point" if same else "wrong-activation-derivative"
        for name, slope in looks.of_steps(old.shape):
            if name == activation and _is_product(old, rest, slope, local):
                return "derivative-at-wrong-point"
    return None


def _looks_of(pool: Pool) -> Looks:
    if pool.looks is None:
        pool.looks = Looks(pool)
    found: Looks = pool.looks
    return found


def _is_product(old: Array, rest: Array, slope: Array, local: Quantity) -> bool:
    if slope.shape != old.shape or not old.size:
        return False
    if apart(old.flat[0], rest.flat[0] * slope.flat[0]):
        return False  # most differ at once, and need no product
    return close(old, rest * slope) and not close(slope, local.value)


def place_kind(old: Array, true: Array, program: Program, pool: Pool) -> str | None:
    """A wrong value and the true one, explained by the numbers."""
    if old.shape != true.shape or old.ndim == 0 or not np.any(old):
        return None
    if _is_diagonal(old, true, program):
        return "softmax-jacobian-diagonal"
    for local in (q for q in pool.truth.quantities if q.role in DERIVATIVES and not q.loss):
        if local.value.shape != old.shape:
            continue
        kind = _exchanged_factor(old, true, local, pool)
        if kind:
            return kind
    missing = true - old
    terms = [q for q in pool.truth.quantities if q.role in ("contribution", "parameter", "adjoint")]
    for term in terms:
        value = term.value
        if value.shape != old.shape or not np.any(value) or close(value, true):
            continue
        if _is_multiple(missing, value) or close(value, old):
            return "missing-term"
    for step in program.steps:
        fits = step.inputs and step.value.shape == old.shape and step.value.dtype.kind == "f"
        if fits and close(step.value, missing) and np.any(missing):
            return "missing-term"
    return None


def _exchanged_factor(old: Array, true: Array, local: Quantity, pool: Pool) -> str | None:
    """Whether another slope stands where this one belongs, as a factor among others."""
    if not np.any(local.value) or close(old, true):
        return None
    slope = local.value
    if close(old * slope, true):
        return "missing-activation-derivative"
    if close(old, true * slope):
        return "activation-derivative-twice"
    with np.errstate(all="ignore"):
        rest = np.where(slope != 0, true / np.where(slope != 0, slope, 1), 0.0)
        if np.all(slope != 0):
            return _exchanged(old, rest, local, pool)
        # Where the slope is zero nothing is known of the rest: only what lies elsewhere is held.
        seen = slope != 0
        for variant in local.variants:
            if not close(variant, slope) and close((old * slope)[seen], (true * variant)[seen]):
                if np.any((old != 0) & ~seen):
                    continue
                return "derivative-at-wrong-point"
    return None


def _is_multiple(a: Array, b: Array) -> bool:
    constant = nearest_factor(a, b)
    return abs(constant) > 1e-6 and close(a, constant * b)


def _is_diagonal(old: Array, true: Array, program: Program) -> bool:
    """Whether only the diagonal pᵢ(1 - pᵢ) of a softmax's Jacobian was multiplied in."""
    for step in program.steps:
        p = step.value
        if p.shape != old.shape or p.ndim == 0 or p.dtype.kind != "f":
            continue
        for axis in range(p.ndim):
            if p.shape[axis] < 2 or not np.allclose(p.sum(axis=axis), 1) or np.any(p <= 0):
                continue
            incoming = old / (p * (1 - p))
            if close(p * (incoming - np.sum(incoming * p, axis=axis, keepdims=True)), true):
                return True
    return False
