"""A network with one hidden layer of tanh units, its backward pass and its training, by hand.

It shares nothing with chainrule, and is what the training loop is held against.
"""

from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
Params = dict[str, Array]


@dataclass
class ByHand:
    """Gradient descent on half the squared error, Σ wᵢ ½(ŷᵢ - yᵢ)² / Σ wᵢ, with an l2 penalty on
    the first weight; `params` is named like those of a `Sequential` of Dense, Tanh, Dense."""

    params: Params
    lr: float
    l2: float = 0.0
    clip_norm: float = np.inf
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)

    def predict(self, x: Array) -> Array:
        hidden = np.tanh(x @ self.params["0.weight"] + self.params["0.bias"])
        return hidden @ self.params["2.weight"] + self.params["2.bias"]

    def loss(self, x: Array, y: Array, w: Array | None = None) -> float:
        w = np.ones(len(x)) if w is None else w
        error = 0.5 * (self.predict(x) - y).ravel() ** 2
        return (w @ error) / w.sum() + self.l2 * (self.params["0.weight"] ** 2).sum()

    def gradients(self, x: Array, y: Array, w: Array | None = None) -> Params:
        w = np.ones(len(x)) if w is None else w
        p = self.params
        hidden = np.tanh(x @ p["0.weight"] + p["0.bias"])
        delta = (hidden @ p["2.weight"] + p["2.bias"] - y) * (w / w.sum())[:, None]
        back = (delta @ p["2.weight"].T) * (1 - hidden**2)
        return {
            "0.weight": x.T @ back + 2 * self.l2 * p["0.weight"],
            "0.bias": back.sum(0),
            "2.weight": hidden.T @ delta,
            "2.bias": delta.sum(0),
        }

    def epoch(self, x: Array, y: Array, batch: int, w: Array | None = None) -> None:
        """Batches in the order of the samples; losses and norms are those before each update."""
        losses, norms = [], []
        for start in range(0, len(x), batch):
            rows = slice(start, start + batch)
            own = None if w is None else w[rows]
            losses.append(self.loss(x[rows], y[rows], own))
            gradients = self.gradients(x[rows], y[rows], own)
            norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
            norms.append(norm)
            scale = min(1.0, self.clip_norm / (norm + 1e-6))
            for name, gradient in gradients.items():
                self.params[name] = self.params[name] - self.lr * scale * gradient
        self.losses.append(np.mean(losses))
        self.norms.append(np.mean(norms))
