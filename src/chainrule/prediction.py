"""The forward pass of a model as it stands: quick for one sample, on all processors for many."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from chainrule.engines import engine
from chainrule.training import Compiled, chunks
from chainrule.trees import flatten

Array = np.ndarray[Any, Any]
CHUNK = 4096  # samples that are predicted at a time
FEW = 4  # chunks that are not worth another thread


class Predictor:
    """Parameters and state filled in; what is left is a function of the samples.

    Stands for the arrays that it was made with: who replaces one of them makes another.
    """

    def __init__(
        self, forward: Compiled, params: Any, state: Any, shape: Any, dtype: Any, name: str | None
    ) -> None:
        self.params, self.state = params, state
        self._forward, self._shape, self._dtype = forward, shape, dtype
        self._engine = engine(name)
        self._quick: dict[int, Callable[..., Any]] = {}

    def at_once(self, X: Any) -> Array | None:
        """The prediction for a plain array that fits and was seen in this size before, else None.

        Numbers that are not finite, or whose squares are not, are left to the careful way.
        """
        if type(X) is not np.ndarray or X.dtype != self._dtype or X.shape[1:] != self._shape:
            return None
        run = self._quick.get(X.shape[0])
        if run is None or not X.flags.c_contiguous or not math.isfinite(np.vdot(X, X)):
            return None
        result: Array = run(X)
        return result

    def __call__(self, x: Array) -> Array:
        """The prediction for checked samples."""
        count = x.shape[0]
        if count <= CHUNK:
            if len(self._quick) > 64:
                self._quick.clear()
            run = self._quick[count] = self._bound(x)
            return np.array(run(np.ascontiguousarray(x)))
        parts = list(chunks(count, CHUNK))
        first = self._bound(x[parts[0]])(np.ascontiguousarray(x[parts[0]]))
        out = np.empty((count, *first.shape[1:]), first.dtype)
        threads = self._engine.workers() if len(parts) > FEW else 1

        def share(number: int) -> None:
            runs: dict[int, Callable[..., Any]] = {}
            for part in parts[number::threads]:
                rows = np.ascontiguousarray(x[part])
                if len(rows) not in runs:
                    runs[len(rows)] = self._bound(rows)
                runs[len(rows)](rows, out[part])

        if threads == 1:
            share(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(share, range(threads)))
        return out

    def _bound(self, x: Array) -> Callable[..., Any]:
        arguments = (self.params, self.state, x)
        leaves, _ = flatten(arguments)
        program, _ = self._forward.find(arguments)
        bound: Callable[..., Any] = program.bind(leaves, len(leaves) - 1)
        return bound
