"""From the start of a process to a trained XOR: 10,000 steps of a 2-4-1 network, full batch.

Each peer is a script as its users write it, run in a fresh interpreter, one after the other in
rounds. All begin with the same weights, and end with a loss that is compared.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable

from chainrule.bench.interleave import Effort, Measured, Outcome, surroundings
from chainrule.bench.peers import OURS, PEERS
from chainrule.bench.rows import Row

STEPS, RATE = 10_000, 2.0
LEAST_RUNS = 3  # whose median stands: a process starts once in a while twice as slowly

ROW = Row(
    "start-to-xor",
    f"process start to a trained XOR, {STEPS:,} steps",
    must=0.7,
    aim=1,
)

_HEAD = """
import numpy as np
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
y = np.array([[0], [1], [1], [0]], np.float32)
random = np.random.default_rng(1)
W1, W2 = [random.uniform(-1, 1, s).astype(np.float32) for s in ((2, 4), (4, 1))]
b1, b2 = np.zeros(4, np.float32), np.zeros(1, np.float32)
"""

_OURS = """
import chainrule as cr
net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(RATE), engine=ENGINE)
model.build((2,))
model.set_params({"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2})
history = model.fit(X, y, epochs=STEPS, batch_size=4, progress=False)
print(history.loss[-1])
"""

_NUMPY = """
for step in range(STEPS):
    a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    error = a2 - y
    d2 = error * a2 * (1 - a2) / 4
    d1 = (d2 @ W2.T) * a1 * (1 - a1)
    W2 -= RATE * (a1.T @ d2)
    b2 -= RATE * d2.sum(0)
    W1 -= RATE * (X.T @ d1)
    b1 -= RATE * d1.sum(0)
print(0.5 * float((error**2).mean()))
"""

_JAX = """
import jax, jax.numpy as jnp
def loss(p):
    a = jax.nn.sigmoid(X @ p[0] + p[1])
    return 0.5 * jnp.mean((jax.nn.sigmoid(a @ p[2] + p[3]) - y) ** 2)
def step(p, _):
    value, slopes = jax.value_and_grad(loss)(p)
    return [w - RATE * g for w, g in zip(p, slopes)], value
run = jax.jit(lambda p: jax.lax.scan(step, p, None, length=STEPS))
p, losses = run([W1, b1, W2, b2])
print(float(losses[-1]))
"""

_TORCH = """
import torch
torch.set_flush_denormal(True)
net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Sigmoid(),
                          torch.nn.Linear(4, 1), torch.nn.Sigmoid())
with torch.no_grad():
    for p, value in zip(net.parameters(), (W1.T, b1, W2.T, b2)):
        p.copy_(torch.tensor(value))
optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
X, y = torch.tensor(X), torch.tensor(y)
for step in range(STEPS):
    optimizer.zero_grad()
    loss = 0.5 * torch.nn.functional.mse_loss(net(X), y)
    loss.backward()
    optimizer.step()
print(float(loss))
"""

SCRIPTS = {OURS: _OURS, "numpy": _NUMPY, "jax": _JAX, "torch": _TORCH}
LEFT_OUT = "no script"


def measure(
    peers: Iterable[str],
    threads: int,
    effort: Effort,
    engine: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """The row of process starts; the first run of each peer fills the caches of the disk."""
    outcome = Outcome(ROW, {name: Measured(name) for name in peers})
    with tempfile.TemporaryDirectory() as cache:
        for found in outcome.peers.values():
            missing = PEERS[found.peer].missing()
            if found.peer not in SCRIPTS:
                found.reason = LEFT_OUT
            elif missing:
                found.reason = f"{missing} is not installed"
            else:
                tell(f"{ROW.name}: {PEERS[found.peer].title} begins")
                _run(found, threads, engine, cache)
                found.times.clear()
        for number in range(max(LEAST_RUNS, effort.rounds // 2)):
            tell(f"{ROW.name}: round {number + 1}")
            for found in outcome.peers.values():
                if not found.reason:
                    _run(found, threads, engine, cache)
    return outcome


def _run(found: Measured, threads: int, engine: str | None, cache: str) -> None:
    head = f"STEPS, RATE, ENGINE = {STEPS}, {RATE}, {engine!r}"
    script = head + _HEAD + SCRIPTS[found.peer]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=surroundings(threads, cache),
        check=False,
    )
    elapsed = time.perf_counter() - start
    if done.returncode:
        found.reason = " ".join(done.stderr.strip().splitlines()[-1:])
        found.failed = True
        found.times.clear()
        return
    found.times.append(elapsed)
    found.values = [float(done.stdout)]
