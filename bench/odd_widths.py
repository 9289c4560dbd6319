"""Widths and batches that are no multiple of a vector, against the next multiple of 16.

    python bench/odd_widths.py [rows] [--out docs/results/odd_widths.md]

Every training row, its hidden layers replaced by layers of 1, 3, 17, 45 and 46 units, and its batch
by 1, 2, 3 and 33 samples. The larger network does more work, so a ratio above 1 is lost on shapes
alone. Times are the best of several blocks, taken in turns.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from chainrule.bench.machine import available
from chainrule.bench.peers import OURS
from chainrule.bench.report import table
from chainrule.bench.rows import TRAINING, Row
from chainrule.bench.worker import Worker

WIDTHS, BATCHES = (1, 3, 17, 45, 46), (1, 2, 3, 33)
LIMIT = 1.15
ROUNDS, SECONDS = 5, 0.1


def rounded(number: int) -> int:
    return -(-number // 16) * 16


def with_width(row: Row, width: int) -> Row:
    """The row with hidden layers of this width; the last layer, which gives the answer, stays."""
    layers = [i for i, part in enumerate(row.parts) if part[0] in ("dense", "conv", "lstm")]
    parts = list(row.parts)
    for place in layers[:-1]:
        kind, _, *rest = parts[place]
        parts[place] = (kind, width, *rest)
    return replace(row, parts=tuple(parts))


def with_batch(row: Row, batch: int) -> Row:
    return replace(row, batch=batch, batches=max(1, min(row.batches, 10)))


def seconds(pair: tuple[Row, Row]) -> list[float]:
    """Of one step of each, at best."""
    workers = [Worker() for _ in pair]
    for worker, row in zip(workers, pair, strict=True):
        worker.open(OURS, row, available())
        worker.calibrate(SECONDS)
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        for place, worker in enumerate(workers):
            best[place] = min(best[place], worker.block(SECONDS))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", default=[row.name for row in TRAINING])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    lines = [("row", "what", "step", "step of the next multiple of 16", "ratio")]
    for row in (row for row in TRAINING if row.name in given.rows):
        pairs = [(f"width {w}", with_width(row, w), with_width(row, rounded(w))) for w in WIDTHS]
        batches = BATCHES if row.batches > 1 else ()  # XOR has four samples
        pairs += [(f"batch {b}", with_batch(row, b), with_batch(row, rounded(b))) for b in batches]
        for what, odd, even in pairs:
            a, b = seconds((odd, even))
            mark = " **>**" if a > LIMIT * b else ""
            lines.append(
                (row.name, what, f"{a * 1e6:.1f} µs", f"{b * 1e6:.1f} µs", f"{a / b:.2f}{mark}")
            )
            print(*lines[-1], flush=True)
    if given.out:
        given.out.write_text(
            "# Odd widths and batches\n\n`python bench/odd_widths.py`: a step with hidden layers "
            "of these widths, or with batches of\nthese sizes, against the next multiple of 16.\n\n"
            + table(lines)
            + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
