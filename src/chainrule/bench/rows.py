"""What is measured: networks as plain descriptions, with their data, first weights and work.

A network is a tuple of parts, `("dense", 64), ("relu",)`, which each peer builds in its own way.
Weights are named as in `Model.params`, by the position of their part.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from chainrule.errors import UnknownNameError

Array: TypeAlias = np.ndarray[Any, Any]
Part: TypeAlias = tuple[Any, ...]
Shape: TypeAlias = tuple[int, ...]
Kind: TypeAlias = Literal["train", "predict", "function", "peak"]

PARITY_STEPS = 100  # after which the losses of all peers are compared
RATES = {"sgd": 0.1, "adam": 1e-3}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    input      shape of one sample
    batches    how many different batches the data has; each divides `PARITY_STEPS`
    must, aim  the wanted ratio: time of the best peer over ours
    """

    name: str
    about: str
    kind: Kind = "train"
    input: Shape = ()
    parts: tuple[Part, ...] = ()
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    batch: int = 1
    batches: int = 1
    must: float = 1.0
    aim: float = 1.0

    def shapes(self) -> list[Shape]:
        """The shape of one sample before each part, and after the last."""
        shapes = [self.input]
        for part in self.parts:
            shapes.append(_after(part, shapes[-1]))
        return shapes

    def layers(self) -> list[tuple[int, Part, Shape]]:
        """Position, part, and the shape of one sample before it."""
        return [(i, p, s) for i, (p, s) in enumerate(zip(self.parts, self.shapes(), strict=False))]


def _after(part: Part, shape: Shape) -> Shape:
    match part:
        case ("dense", units):
            return (*shape[:-1], units)
        case ("conv", filters, size):
            return (shape[0] - size + 1, shape[1] - size + 1, filters)
        case ("pool", size):
            return (shape[0] // size, shape[1] // size, shape[2])
        case ("flatten",):
            return (prod(shape),)
        case ("embedding", _, width):
            return (*shape, width)
        case ("lstm", units):
            return (*shape[:-1], units)
    return shape


def mlp(*widths: int, act: str = "relu", end: bool = False) -> dict[str, Any]:
    """Input and parts of a dense network; `end` puts the activation behind the last layer too."""
    parts: list[Part] = []
    for units in widths[1:]:
        parts += [("dense", units), (act,)]
    return {"input": (widths[0],), "parts": tuple(parts if end else parts[:-1])}


_MSE, _TAB = "mean_squared_error", mlp(13, 64, 64, 1)
_LENET: tuple[Part, ...] = (
    *(("conv", 6, 5), ("relu",), ("pool", 2), ("conv", 16, 5), ("relu",), ("pool", 2)),
    *(("flatten",), ("dense", 120), ("relu",), ("dense", 84), ("relu",), ("dense", 10)),
)
_LSTM: tuple[Part, ...] = (("embedding", 65, 64), ("lstm", 128), ("dense", 65))

# The first nine make the geometric mean.
TRAINING = (
    Row(
        "xor",
        "2-4-1 sigmoid, squared error, batch 4, SGD",
        **mlp(2, 4, 1, act="sigmoid", end=True),
        loss="half_squared_error",
        optimizer="sgd",
        batch=4,
        must=8,
        aim=20,
    ),
    Row(
        "tab",
        "13-64-64-1 ReLU, squared error, batch 32, Adam",
        **_TAB,
        loss=_MSE,
        batch=32,
        batches=50,
        must=2.2,
        aim=2.8,
    ),
    Row(
        "digits",
        "64-100-10 ReLU, cross-entropy, batch 200, Adam",
        **mlp(64, 100, 10),
        batch=200,
        batches=10,
        must=2.2,
        aim=3,
    ),
    Row(
        "mnist",
        "784-128-10 ReLU, cross-entropy, batch 128, Adam",
        **mlp(784, 128, 10),
        batch=128,
        batches=50,
        must=1.6,
        aim=1.8,
    ),
    Row(
        "mnistbig",
        "784-512-512-10 ReLU, cross-entropy, batch 256, Adam",
        **mlp(784, 512, 512, 10),
        batch=256,
        batches=50,
        must=1.2,
        aim=1.3,
    ),
    Row(
        "ae",
        "784-256-64-256-784 ReLU, squared error, batch 128, Adam",
        **mlp(784, 256, 64, 256, 784),
        loss=_MSE,
        batch=128,
        batches=20,
        must=1.2,
        aim=1.4,
    ),
    Row(
        "wide",
        "1024-2048-2048-10 ReLU, cross-entropy, batch 512, Adam",
        **mlp(1024, 2048, 2048, 10),
        batch=512,
        batches=10,
        must=0.95,
        aim=1.1,
    ),
    Row(
        "lenet",
        "LeNet-5: 28×28×1, 6 and 16 of 5×5, max-pool, 120, 84, 10, batch 128, Adam",
        input=(28, 28, 1),
        parts=_LENET,
        batch=128,
        batches=10,
        must=4,
        aim=6,
    ),
    Row(
        "lstm",
        "vocabulary 65, embedding 64, LSTM 128, 64 steps, batch 32, Adam",
        input=(64,),
        parts=_LSTM,
        batch=32,
        batches=10,
        must=2,
        aim=2.7,
    ),
    Row(
        "simplechains",
        "4-32-16-4 tanh, squared error, full batch of 10,000, Adam",
        **mlp(4, 32, 16, 4, act="tanh"),
        loss=_MSE,
        batch=10_000,
        must=3,
        aim=6,
    ),
)
IN_THE_MEAN = 9

PREDICTION = (
    Row("predict-one", "13-64-64-1, one sample", "predict", **_TAB, loss=_MSE, must=1.5, aim=3),
    Row(
        "predict-million",
        "13-64-64-1, 1,000,000 samples",
        "predict",
        **_TAB,
        loss=_MSE,
        batch=1_000_000,
        must=1.5,
        aim=3,
    ),
)

PEAK = Row("peak", "product of two 1024×1024 matrices, one thread", "peak")


def find(name: str, rows: tuple[Row, ...]) -> Row:
    """The row of this name; UnknownNameError with the nearest one otherwise."""
    for row in rows:
        if row.name == name:
            return row
    raise UnknownNameError("row", name, [row.name for row in rows])


def drawn(seed: int, count: int) -> list[Row]:
    """Networks drawn at random from the layers that there are: what nobody has tuned for."""
    rng = np.random.default_rng(seed)
    draws = (_drawn_dense, _drawn_images, _drawn_words)
    return [
        replace(
            draws[rng.choice(3, p=[0.6, 0.25, 0.15])](rng),
            name=f"drawn-{seed}-{number}",
            batches=10,
            must=0.8,
        )
        for number in range(count)
    ]


def _drawn_dense(rng: np.random.Generator) -> Row:
    classify = bool(rng.integers(2))
    hidden = (2 ** rng.uniform(3, 9.5, rng.integers(1, 5))).astype(int).tolist()
    first = int(2 ** rng.uniform(1, 9.5))
    last = int(rng.integers(2, 20)) if classify else int(rng.integers(1, 8))
    act = str(rng.choice(["relu", "tanh", "sigmoid"]))
    batch = int(rng.choice([16, 32, 50, 64, 100, 128, 256]))
    widths = [first, *hidden, last]
    loss = "cross_entropy" if classify else _MSE
    about = f"{'-'.join(map(str, widths))} {act}, {loss.replace('_', ' ')}, batch {batch}"
    return Row("", about, **mlp(*widths, act=act), loss=loss, batch=batch)


def _drawn_images(rng: np.random.Generator) -> Row:
    side, channels = int(rng.integers(12, 29)), int(rng.integers(1, 4))
    act = str(rng.choice(["relu", "tanh"]))
    parts: list[Part] = []
    for _ in range(rng.integers(1, 3)):
        parts += [("conv", int(rng.integers(4, 25)), int(rng.choice([3, 5]))), (act,)]
        if rng.random() < 0.7:
            parts.append(("pool", 2))
    dense = int(2 ** rng.uniform(4, 7))
    parts += [("flatten",), ("dense", dense), (act,), ("dense", 10)]
    batch = int(rng.choice([32, 50, 64, 128]))
    convolutions = ", ".join(f"{p[1]} of {p[2]}×{p[2]}" for p in parts if p[0] == "conv")
    about = f"{side}×{side}×{channels}, {convolutions}, {dense}, 10, {act}, batch {batch}"
    return Row("", about, input=(side, side, channels), parts=tuple(parts), batch=batch)


def _drawn_words(rng: np.random.Generator) -> Row:
    words, width, units = (int(2 ** rng.uniform(4, 7)) for _ in range(3))
    length, batch = int(rng.integers(8, 49)), int(rng.choice([16, 32, 50, 64]))
    parts: tuple[Part, ...] = (("embedding", words, width), ("lstm", units), ("dense", words))
    about = f"vocabulary {words}, embedding {width}, LSTM {units}, {length} steps, batch {batch}"
    return Row("", about, input=(length,), parts=parts, batch=batch)


# --- numbers -------------------------------------------------------------------------------------


def weights(row: Row) -> dict[str, Array]:
    """First weights, the same for all peers: uniform as Glorot's, biases 0."""
    rng = np.random.default_rng(1)

    def uniform(inputs: int, outputs: int, *shape: int) -> Array:
        limit = np.sqrt(6 / (inputs + outputs))
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    found: dict[str, Array] = {}
    for place, part, shape in row.layers():
        match part:
            case ("dense", units):
                found[f"{place}.weight"] = uniform(shape[-1], units, shape[-1], units)
                found[f"{place}.bias"] = np.zeros(units, np.float32)
            case ("conv", filters, size):
                area, channels = size * size, shape[-1]
                found[f"{place}.weight"] = uniform(
                    area * channels, area * filters, size, size, channels, filters
                )
                found[f"{place}.bias"] = np.zeros(filters, np.float32)
            case ("embedding", words, width):
                found[f"{place}.weight"] = rng.normal(size=(words, width)).astype(np.float32)
            case ("lstm", units):
                inputs = shape[-1]
                found[f"{place}.weight_x"] = uniform(inputs, units, inputs, 4 * units)
                found[f"{place}.weight_h"] = uniform(units, units, units, 4 * units)
                found[f"{place}.bias"] = np.zeros(4 * units, np.float32)
    return found


def samples(row: Row) -> tuple[Array, Array]:
    """X and y, all batches one after the other: made-up data in which there is something to learn.

    Labels are whole numbers; so are the words of the LSTM's X.
    """
    rng = np.random.default_rng(2)
    count, outputs = row.batch * row.batches, row.shapes()[-1]
    x: Array
    if row.name == "xor":
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        return x, np.array([[0], [1], [1], [0]], np.float32)
    if row.parts[0][0] == "embedding":
        return _text(rng, count, row.input[0], row.parts[0][1])
    if row.input == outputs and row.loss == _MSE:  # an autoencoder: what it can compress
        inner = rng.standard_normal((count, 32)) @ rng.standard_normal((32, outputs[0])) / 6
        x = np.tanh(inner).astype(np.float32)
        return x, x
    # A few directions carry everything, as in images, and some labels are wrong: a loss that fell
    # to almost nothing would compare roundings.
    factors = rng.standard_normal((count, 32), np.float32)
    x = factors @ rng.standard_normal((32, prod(row.input)), np.float32) / 6
    x += 0.3 * rng.standard_normal(x.shape, np.float32)
    x = x.reshape(count, *row.input)
    scores = factors @ rng.standard_normal((32, outputs[0]), np.float32)
    if row.loss == "cross_entropy":
        wrong = rng.random(count) < 0.2
        return x, np.where(wrong, rng.integers(0, outputs[0], count), scores.argmax(axis=1))
    return x, np.tanh(scores)


def _text(rng: np.random.Generator, count: int, length: int, words: int) -> tuple[Array, Array]:
    """Sequences in which a word mostly determines the next one; y is x one word later."""
    follows = rng.permutation(words)
    text = rng.integers(0, words, (count, length + 1))
    for t in range(length):
        certain = rng.random(count) < 0.8
        text[certain, t + 1] = follows[text[certain, t]]
    return text[:, :-1], text[:, 1:]


def flops(row: Row) -> float:
    """Floating-point operations of a step, those of the matrix products.

    A step multiplies each layer's matrix three times: forward, for the weights' gradient and for
    that of its input, which the first layer does not need.
    """
    if row.kind == "peak":
        return 2.0 * 1024**3
    total, first = 0.0, True
    for _, part, shape in row.layers():
        after = _after(part, shape)
        match part:
            case ("dense", _):
                products = prod(after) * shape[-1]
            case ("conv", _, size):
                products = prod(after) * size * size * shape[-1]
            case ("lstm", units):
                products = prod(after) * 4 * (shape[-1] + units)
            case ("embedding", *_):
                first = False
                continue
            case _:
                continue
        times = 1 if row.kind == "predict" else 2 if first else 3
        total, first = total + 2.0 * times * products, False
    return total * row.batch
