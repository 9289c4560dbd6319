"""The NumPy engine's training step against careful hand-written NumPy: python bench/numpy_step.py

784-128-10 ReLU, softmax cross-entropy, batch 128, Adam, float32, one BLAS thread for both. The
hand-written step allocates nothing that it can avoid, works in place, and computes what ours
reports: the loss and the gradient norm of every step. Both start from the same weights and see
the same batches; their losses must agree before anything is timed. Medians of interleaved rounds.
"""

import time

import numpy as np
from threadpoolctl import threadpool_limits

import chainrule as cr
from chainrule.model import Model

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH = 6400, 784, 128, 10, 128
ROUNDS = 30


class HandWritten:
    """The same network by hand: forward, backward and Adam in place."""

    def __init__(self, params: dict[str, np.ndarray]) -> None:
        self.params = {name: value.copy() for name, value in params.items()}
        self.first = {name: np.zeros_like(value) for name, value in params.items()}
        self.second = {name: np.zeros_like(value) for name, value in params.items()}
        self.scratch = {name: np.empty_like(value) for name, value in params.items()}
        self.update = {name: np.empty_like(value) for name, value in params.items()}
        self.steps = 0
        self.range = np.arange(BATCH)

    def step(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        p = self.params
        hidden = x @ p["0.weight"]
        hidden += p["0.bias"]
        np.maximum(hidden, 0, out=hidden)
        logits = hidden @ p["2.weight"]
        logits += p["2.bias"]
        logits -= logits.max(axis=1, keepdims=True)
        picked = logits[self.range, y]
        np.exp(logits, out=logits)
        sums = logits.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(sums[:, 0]) - picked))
        logits /= sums
        logits[self.range, y] -= 1
        logits /= len(x)
        grads = {"2.weight": hidden.T @ logits, "2.bias": logits.sum(axis=0)}
        back = logits @ p["2.weight"].T
        back *= hidden > 0
        grads["0.weight"] = x.T @ back
        grads["0.bias"] = back.sum(axis=0)
        norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in grads.values())))
        self.adam(grads)
        return loss, norm

    def adam(self, grads: dict[str, np.ndarray], lr: float = 1e-3) -> None:
        self.steps += 1
        size = lr / (1 - 0.9**self.steps)
        root = np.float32(np.sqrt(1 - 0.999**self.steps))
        for name, g in grads.items():
            m, v, s, u = (t[name] for t in (self.first, self.second, self.scratch, self.update))
            m *= 0.9
            np.multiply(g, 0.1, out=s)
            m += s
            v *= 0.999
            np.multiply(g, g, out=s)
            s *= 0.001
            v += s
            np.sqrt(v, out=s)
            s /= root
            s += 1e-8
            np.divide(m, s, out=u)
            u *= size
            self.params[name] -= u


def main() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((SAMPLES, FEATURES), np.float32)
    y = rng.integers(0, CLASSES, SAMPLES)
    net = cr.Sequential(cr.Dense(HIDDEN), cr.ReLU(), cr.Dense(CLASSES))
    model = Model(net, loss="cross_entropy", optimizer="adam", engine="numpy")
    model.build((FEATURES,))
    hand = HandWritten(model.params)

    def ours() -> float:
        return model.fit(x, y, epochs=1, batch_size=BATCH, shuffle=False, progress=False).loss[0]

    def by_hand() -> float:
        losses = []
        for start in range(0, SAMPLES, BATCH):
            rows = start + np.arange(BATCH)
            losses.append(hand.step(x[rows], y[rows])[0])
        return float(np.mean(losses))

    with threadpool_limits(limits=1, user_api="blas"):
        for epoch in range(2):
            a, b = ours(), by_hand()
            assert abs(a - b) < 1e-4 * abs(b), f"losses differ in epoch {epoch}: {a} and {b}"
        times: dict[str, list[float]] = {"ours": [], "by hand": []}
        for _ in range(ROUNDS):
            for name, run in (("ours", ours), ("by hand", by_hand)):
                start = time.perf_counter()
                run()
                times[name].append((time.perf_counter() - start) / (SAMPLES / BATCH) * 1e6)
    ratios = [a / b for a, b in zip(times["ours"], times["by hand"], strict=True)]
    for name, values in times.items():
        print(f"{name:8s} {np.median(values):7.0f} µs a step")
    print(
        f"ratio    {np.median(ratios):7.2f} (median of {ROUNDS} interleaved rounds of 50 steps; "
        "goal at most 1.3)"
    )


if __name__ == "__main__":
    main()
