"""A checkpointed run, for the tests of saving; as a program, one that waits to be killed."""

import sys
from pathlib import Path

import numpy as np

import chainrule as cr

EPOCHS = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = rng.integers(0, 2, size=40)  # noise: the loss of held-out samples rises before long


def new_model() -> cr.Model:
    net = cr.Sequential(cr.Dense(8), cr.BatchNorm(), cr.Tanh(), cr.Dropout(0.2), cr.Dense(2))
    rate = cr.schedules.cosine(0.05, steps=2 * EPOCHS)
    return cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(rate, clip_norm=0.5))


def go_on(folder: Path, *callbacks: object) -> cr.Model:
    """The run to its end: from its checkpoint where there is one, or else from the start."""
    model = cr.load(folder) if (folder / "model.json").exists() else new_model()
    model.fit(
        X,
        Y,
        epochs=EPOCHS - model.epoch,
        batch_size=16,
        validation_split=0.2,
        callbacks=[*callbacks, cr.EarlyStopping(patience=12), cr.Checkpoint(folder)],
        progress=False,
    )
    return model


def report(model: cr.Model, epoch: int, logs: dict[str, float]) -> None:
    """Before the epoch is saved."""
    print(model.epoch, flush=True)


if __name__ == "__main__":
    print("begun", flush=True)
    go_on(Path(sys.argv[1]), report)
