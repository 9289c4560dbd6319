"""`check_layer`: a layer with a backward pass of its own, held against its forward pass."""

import copy
from typing import Any, Protocol

import numpy as np

from chainrule.checking.front import check
from chainrule.checking.report import Report
from chainrule.errors import SettingError


class HandWritten(Protocol):
    """A layer that knows its own derivative.

    params    optional: a dictionary of arrays, which `forward` reads
    forward   the output for a batch; it may keep what `backward` needs
    backward  from the gradient of the output to that of the input; puts the gradients of `params`
              into the dictionary `grads`, under the same names
    """

    def forward(self, x: Any) -> Any: ...

    def backward(self, gradient: Any) -> Any: ...


def check_layer(layer: HandWritten, x: Any, *, seed: int = 0) -> Report:
    """Check a layer's `backward` against its own `forward`, at an input like `x`.

    layer  an object with `forward(x)`, `backward(gradient)` and, where it has parameters, the
           dictionaries `params` and `grads` of arrays; it is copied, and stays as it is
    x      a batch, samples first
    seed   of the random gradient of the output that is sent back

    The loss is Σ output · gradient, so that `backward(gradient)` is what its derivative with
    respect to the input must be; the input's gradient is reported as "x".
    """
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise SettingError(
                f"check_layer takes a layer with forward(x) and backward(gradient); "
                f"{type(layer).__name__} has no {method}"
            )
    params = dict(getattr(layer, "params", {}) or {})
    if "x" in params:
        raise SettingError("a parameter named 'x' would be mistaken for the input; rename it")
    x = np.asarray(x, dtype=float)
    output = np.asarray(copy.deepcopy(layer).forward(x.copy()))
    gradient = np.random.default_rng(seed).normal(size=output.shape)

    def fresh(values: Any) -> Any:
        twin: Any = copy.deepcopy(layer)  # a layer without parameters has no `params`
        if params:
            twin.params = {name: values[name] for name in params}
        return twin

    def loss(values: Any, gradient: Any) -> Any:
        return np.sum(fresh(values).forward(values["x"]) * gradient)

    def grads(values: Any, gradient: Any) -> Any:
        twin = fresh(values)
        twin.forward(values["x"])
        found = {"x": twin.backward(gradient)}
        made = getattr(twin, "grads", {})
        missing = [name for name in params if name not in made]
        if missing:
            raise SettingError(
                f"after backward, {type(layer).__name__}.grads has no {', '.join(missing)}; it "
                "holds one gradient for each of params"
            )
        return found | {name: made[name] for name in params}

    grads.__name__ = f"{type(layer).__name__}.backward"
    return check(loss=loss, grads=grads, params={"x": x, **params}, data=(gradient,))
