"""One epoch on a CSV file of a million rows and 30 mixed columns: time, and peak memory.

    python bench/million_rows.py [--rows 1000000] [--engine numpy]

The file is made first, in a process of its own. The peak is that of the whole process that then
does what `chainrule train FILE --epochs 1` does, Python and all libraries included (`ru_maxrss`,
which on Linux counts KiB). The bar is 3 times the size of the file.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 3.0


def make(path: Path, rows: int) -> None:
    """16 columns of numbers, 4 of small integers, 8 of 4 to 11 categories, one of booleans, and
    the target; about one value in fifty is missing in half of them."""
    import numpy as np
    import polars as pl

    generator = np.random.default_rng(0)
    columns: dict[str, pl.Series] = {}
    for number in range(16):
        values = np.round(generator.normal(size=rows) * (number + 1), 4)
        columns[f"measure {number}"] = pl.Series(values)
    for number in range(4):
        columns[f"count {number}"] = pl.Series(generator.integers(0, 1000, rows))
    for number in range(8):
        names = [f"kind {letter}" for letter in "abcdefghijk"[: number + 4]]
        columns[f"category {number}"] = pl.Series(generator.choice(names, rows))
    columns["flag"] = pl.Series(generator.random(rows) < 0.5)
    signal = columns["measure 0"] + columns["measure 1"] / 2
    columns["target"] = pl.Series(np.where(signal + generator.normal(size=rows) > 0, "yes", "no"))
    frame = pl.DataFrame(columns)
    gappy = [name for number, name in enumerate(frame.columns[:-1]) if number % 2]
    present = pl.Series(generator.random(rows) >= 0.02)
    frame.with_columns(pl.when(present).then(pl.col(gappy))).write_csv(path)


def train(path: Path, engine: str | None) -> None:
    """Read, train one epoch, judge, and print what it took."""
    from chainrule.cli import main

    begun = time.perf_counter()
    out = path.with_name("network")
    arguments = ["train", str(path), "--target", "target", "--epochs", "1", "--out", str(out)]
    if engine:
        arguments += ["--engine", engine]
    code = main(arguments)
    seconds = time.perf_counter() - begun
    if code:
        sys.exit(code)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024
    ratio = peak_bytes / path.stat().st_size
    print(
        f"file {path.stat().st_size / 1e6:.0f} MB, peak {peak_bytes / 1e6:.0f} MB: "
        f"{ratio:.2f} times the file (limit {LIMIT:g}), {seconds:.1f} s"
    )
    if ratio >= LIMIT:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.rows)
    elif given.train:
        train(given.train, given.engine)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "million.csv"
            own = [sys.executable, __file__]
            subprocess.run([*own, "--make", str(path), "--rows", str(given.rows)], check=True)
            engine = ["--engine", given.engine] if given.engine else []
            sys.exit(subprocess.run([*own, "--train", str(path), *engine]).returncode)


if __name__ == "__main__":
    main()
