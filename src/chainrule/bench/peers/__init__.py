"""The libraries that are measured, ours among them.

A module has a function for each kind of row that its library can express: `train(row, threads,
way)`, `predict(...)`, `function(...)`, `peak(...)`. Each returns a `Session`, or raises `LeftOut`
with the reason. Modules are imported by their worker alone.
"""

import importlib.util
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

from chainrule.bench.rows import Row


class LeftOut(Exception):
    """The peer cannot express this row, and why."""


class Session(Protocol):
    """One peer's program for one row.

    unit  steps (or calls) come in multiples of this number
    """

    unit: int

    def restart(self) -> None:
        """Back to the first weights and a fresh optimizer; not timed."""

    def run(self, steps: int) -> Any:
        """What is timed. Returns when the work is done."""

    def parity(self, steps: int) -> list[float]:
        """From the first weights, what every peer must agree on.

        Training: the mean loss of each epoch, for `steps` steps. Else: some of the results.
        """


@dataclass(frozen=True)
class Peer:
    """How a peer is named, where its module is, and what must be installed for it."""

    name: str
    module: str
    way: str
    needs: tuple[str, ...]
    title: str
    threads: int | None = None  # of its own; None takes as many as everyone

    @property
    def ours(self) -> bool:
        return self.module == "ours"

    def missing(self) -> str:
        """The first package that is not installed, or nothing."""
        for name in self.needs:
            if importlib.util.find_spec(name) is None:
                return name
        return ""

    def version(self) -> str:
        names = {"sklearn": "scikit-learn"}
        return version(names.get(self.needs[0], self.needs[0]))

    def open(self, row: Row, threads: int) -> Session:
        """The session of this row; LeftOut where the library cannot express it."""
        module = import_module(f"chainrule.bench.peers.{self.module}")
        if not hasattr(module, row.kind):
            raise LeftOut(f"no {row.kind} rows")
        session: Session = getattr(module, row.kind)(row, threads, self.way)
        return session


OURS, OURS_ALONE = "chainrule", "chainrule-1"
ENGINE = "CHAINRULE_BENCH_ENGINE"  # tells a worker which of our engines; empty is the default
PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, "ours", "", ("chainrule",), "chainrule"),
        Peer(OURS_ALONE, "ours", "", ("chainrule",), "chainrule, 1 thread", threads=1),
        Peer("numpy", "by_hand", "", ("numpy",), "NumPy by hand"),
        Peer("jax", "jax", "scan", ("jax",), "JAX"),
        Peer("jax-step", "jax", "step", ("jax",), "JAX, one step a call"),
        Peer("torch", "torch", "eager", ("torch",), "PyTorch"),
        Peer("torch.compile", "torch", "compile", ("torch",), "torch.compile"),
        Peer("sklearn", "sklearn", "", ("sklearn",), "scikit-learn"),
        Peer("onnxruntime", "onnx", "", ("onnxruntime", "onnx"), "onnxruntime"),
    )
}
