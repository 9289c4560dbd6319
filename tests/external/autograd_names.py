"""The names of HIPS autograd on chainrule, NumPy and SciPy.

`install` puts modules of these names where `import` finds them, so that autograd's own tests run
unchanged: `autograd.numpy` is NumPy itself, `autograd.scipy` SciPy, the operators are chainrule's,
and `check_grads` compares with central differences (`gradcheck.py`). Nothing of autograd is loaded.
"""

import builtins
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
from gradcheck import check_gradient, inner, random_direction

import chainrule as cr
from chainrule.tracing import Traced
from chainrule.trees import flatten, unflatten

Function = Callable[..., Any]

# What the checks of one test did: "checked", and "complex" samples that were left out.
tally: Counter[str] = Counter()


def of_argument(operator: Function) -> Function:
    """An operator on (function of x, x) as one on functions of several arguments.

    `argnum` names the argument, or the arguments, that x stands for.
    """

    def transform(function: Function, argnum: Any = 0, *options: Any, **named: Any) -> Function:
        several = not isinstance(argnum, int)
        places = tuple(argnum) if several else (argnum,)

        def call(*arguments: Any, **keywords: Any) -> Any:
            def of_x(x: Any) -> Any:
                given = list(arguments)
                for place, value in zip(places, x if several else (x,), strict=True):
                    given[place] = value
                return function(*given, **keywords)

            chosen = tuple(arguments[place] for place in places)
            return operator(of_x, chosen if several else chosen[0], *options, **named)

        return call

    return transform


# --- operators -----------------------------------------------------------------------------------


def _one_number(function: Function) -> Function:
    """Arrays of one number count as a number in autograd."""

    def call(x: Any) -> Any:
        value = function(x)
        shape = getattr(value, "shape", ())
        return np.reshape(value, ()) if shape and set(shape) == {1} else value

    return call


@of_argument
def grad(function: Function, x: Any) -> Any:
    return cr.grad(_one_number(function))(x)


@of_argument
def value_and_grad(function: Function, x: Any) -> Any:
    return cr.value_and_grad(_one_number(function))(x)


@of_argument
def grad_and_aux(function: Function, x: Any) -> Any:
    return cr.grad(lambda x: function(x)[0])(x), function(x)[1]


@of_argument
def elementwise_grad(function: Function, x: Any) -> Any:
    return cr.grad(lambda x: np.sum(function(x)))(x)


@of_argument
def make_vjp(function: Function, x: Any) -> Any:
    return lambda g: cr.grad(lambda x: inner(function(x), g))(x), function(x)


@of_argument
def make_jvp(function: Function, x: Any) -> Any:
    value = function(x)

    def jvp(v: Any) -> Any:
        # g -> J'g is linear, so that its own gradient along v is Jv.
        along = cr.grad(lambda g: inner(cr.grad(lambda x: inner(function(x), g))(x), v))
        return value, along(value * 0.0)

    return jvp


@of_argument
def jacobian(function: Function, x: Any) -> Any:
    shape = function(x).shape
    size = int(np.prod(shape))
    rows = cr.vmap(lambda row: cr.grad(lambda x: np.sum(function(x) * row))(x))
    return np.reshape(rows(np.eye(size).reshape(size, *shape)), shape + np.shape(x))


@of_argument
def hessian(function: Function, x: Any) -> Any:
    return jacobian(grad(function))(x)


@of_argument
def make_hvp(function: Function, x: Any) -> Any:
    return make_vjp(grad(function))(x)


def hessian_tensor_product(function: Function, argnum: int = 0) -> Function:
    def call(*arguments: Any) -> Any:
        *given, tensor = arguments
        return grad(lambda *at: np.sum(grad(function, argnum)(*at) * tensor), argnum)(*given)

    return call


def tensor_jacobian_product(function: Function, argnum: int = 0) -> Function:
    def call(*arguments: Any) -> Any:
        *given, tensor = arguments
        axes = np.ndim(tensor)
        return jacobian(lambda *at: np.tensordot(tensor, function(*at), axes), argnum)(*given)

    return call


def _half_square(y: Any) -> Any:
    return 0.5 * np.sum(y**2)


def make_ggnvp(function: Function, outer: Function = _half_square, argnum: int = 0) -> Function:
    """The product of J'HJ with a vector: J of the function, H the Hessian of `outer` there."""

    @of_argument
    def maker(function: Function, x: Any) -> Any:
        vjp, value = make_vjp(function)(x)
        hvp, _ = make_hvp(outer)(value)
        return lambda v: vjp(hvp(make_jvp(function)(x)(v)[1]))

    return maker(function, argnum)


# --- checks --------------------------------------------------------------------------------------


def _check(function: Function, x: Any, modes: Any = (), order: int = 2) -> None:
    """Values and derivatives up to `order`, each along random directions.

    chainrule has no forward mode, so that `modes` makes no difference.
    """
    expected = flatten(function(x))[0]
    assert expected, "nothing to check"
    assert all(np.isrealobj(value) for value in expected), "a complex result"
    rng = np.random.default_rng(0)
    weights = [np.asarray(rng.normal(size=np.shape(value))) for value in expected]

    def total(x: Any) -> Any:
        """All the results in one number. A plain sum would hide what adds up to a constant."""
        results = flatten(function(x))[0]
        return sum(np.sum(a * w) for a, w in zip(results, weights, strict=True))

    np.testing.assert_allclose(cr.compile(total)(x), total(x), rtol=1e-10, atol=1e-12)
    for above in range(order, 0, -2):
        check_gradient(_with_square(total), x, wrt=(0,), second_order=above > 1)
        total = _along(total, x)
    tally["checked"] += 1


def _with_square(function: Function) -> Function:
    """The function and ½|x|²: where a derivative is 0, rounding is not judged by rounding."""
    return lambda x: function(x) + 0.5 * inner(x, x)


def _along(function: Function, x: Any) -> Function:
    """The second derivative's component along a fixed direction, twice."""
    leaves, structure = flatten(x)
    weights = unflatten(structure, random_direction(np.random.default_rng(1), leaves))
    first = lambda x: inner(cr.grad(function)(x), weights)
    return lambda x: inner(cr.grad(first)(x), weights)


check_grads = of_argument(_check)


def combo_check(function: Function, argnum: Any, **options: Any) -> Function:
    """Check every combination of the alternatives given for each argument and keyword.

    Combinations with complex numbers, which chainrule does not record, are counted and left out.
    """

    def check(*alternatives: Any, **keywords: Any) -> None:
        for given in product(*alternatives, *keywords.values()):
            if any(np.iscomplexobj(leaf) for leaf in flatten(given)[0]):
                tally["complex"] += 1
                continue
            arguments, values = given[: len(alternatives)], given[len(alternatives) :]
            named = dict(zip(keywords, values, strict=True))
            check_grads(function, argnum, **options)(*arguments, **named)

    return check


def check_equivalent(found: Any, expected: Any) -> None:
    ours, theirs = flatten(found), flatten(expected)
    assert ours[1] == theirs[1]
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


# --- modules -------------------------------------------------------------------------------------

OPERATORS = {
    "grad": grad,
    "deriv": elementwise_grad,
    "value_and_grad": value_and_grad,
    "grad_and_aux": grad_and_aux,
    "elementwise_grad": elementwise_grad,
    "make_vjp": make_vjp,
    "make_jvp": make_jvp,
    "jacobian": jacobian,
    "hessian": hessian,
    "make_hvp": make_hvp,
    "hessian_tensor_product": hessian_tensor_product,
    "tensor_jacobian_product": tensor_jacobian_product,
    "make_ggnvp": make_ggnvp,
    **{name: getattr(builtins, name) for name in ("isinstance", "list", "tuple", "dict")},
}

MODULES = {
    "autograd": OPERATORS,
    "autograd.builtins": {"isinstance": isinstance},
    "autograd.core": {"make_vjp": lambda function, x: make_vjp(function)(x)},
    "autograd.wrap_util": {"unary_to_nary": of_argument},
    "autograd.test_util": {
        "check_grads": check_grads,
        "combo_check": combo_check,
        "check_equivalent": check_equivalent,
    },
    "autograd.tracer": {"isbox": lambda value: isinstance(value, Traced)},
    "autograd.extend": {},
    "autograd.scipy": {},
}

# Names that tests import and that chainrule has no counterpart of; they say so when called.
ABSENT = {
    "autograd": ("checkpoint", "holomorphic_grad"),
    "autograd.core": ("primitive", "primitive_vjps"),
    "autograd.tracer": ("primitive",),
    "autograd.extend": ("primitive", "defvjp"),
}

REAL = {
    "autograd.numpy": "numpy",
    "autograd.numpy.random": "numpy.random",
    "autograd.numpy.linalg": "numpy.linalg",
    "autograd.numpy.fft": "numpy.fft",
    "autograd.scipy.integrate": "scipy.integrate",
    "autograd.scipy.linalg": "scipy.linalg",
    "autograd.scipy.signal": "scipy.signal",
    "autograd.scipy.special": "scipy.special",
    "autograd.scipy.stats": "scipy.stats",
}


def install() -> None:
    """Make `import autograd...` find the names above."""
    for name, entries in MODULES.items():
        module = ModuleType(name)
        module.__path__ = []
        vars(module).update({absent: _absent(name, absent) for absent in ABSENT.get(name, ())})
        vars(module).update(entries)
        _place(name, module)
    for name, real in REAL.items():
        _place(name, import_module(real))
    sys.modules["autograd.scipy.stats.multivariate_normal"] = sys.modules[
        "autograd.scipy.stats"
    ].multivariate_normal


def _place(name: str, module: ModuleType) -> None:
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent and sys.modules[parent].__name__ == parent:  # not inside NumPy's or SciPy's own
        setattr(sys.modules[parent], last, module)


def _absent(module: str, name: str) -> Function:
    def call(*arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError(f"chainrule has no counterpart of {module}.{name}")

    return call
