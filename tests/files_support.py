"""What the tests of `chainrule.files` share; as a program, a writer that waits to be killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from chainrule.files import Document, read_bundle, write_bundle

DAY = 24 * 3600.0


def names(folder: Path) -> list[str]:
    """The names of all files in a folder, hidden ones too."""
    return sorted(entry.name for entry in folder.iterdir())


def same_arrays(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> bool:
    """Bit for bit: NaN equals NaN and 0.0 is not -0.0."""
    return found.keys() == wanted.keys() and all(
        found[name].dtype == wanted[name].dtype
        and found[name].shape == wanted[name].shape
        and found[name].tobytes() == wanted[name].tobytes()
        for name in wanted
    )


def exactly(value: object) -> str:
    """A text that tells 1 from 1.0 from True, and 0.0 from -0.0."""
    return json.dumps(value, sort_keys=True)


def one_sentence(error: Exception, path: object, *words: str) -> None:
    """The error names the file, the problem and a remedy, in one line that a terminal can show."""
    text = str(error)
    assert repr(os.fspath(path)) in text, text
    assert "; " in text, text
    assert text.isprintable(), text
    assert len(text) < 700, text
    for word in words:
        assert word in text, text


def write_generation(folder: object, number: int, size: int = 500) -> None:
    """A bundle in which every value is the number of the write that made it."""
    write_bundle(
        folder,
        "model",
        {"model": Document({"number": number}, 1), "position": Document(number, 2)},
        {
            "weights": {"w": np.full(size, number, "f4"), "b": np.full(3, number, "i8")},
            "optimizer": {"m": np.full(size, number, "f8")},
        },
    )


def read_generation(folder: object) -> int:
    """The number of the write that made the bundle; an error if it is not all of one write."""
    bundle = read_bundle(folder, "model", {"model": 1, "position": 2})
    number = bundle.documents["position"].content
    assert bundle.documents == {"model": Document({"number": number}, 1), "position": (number, 2)}
    assert list(bundle.arrays) == ["optimizer", "weights"]
    for arrays in bundle.arrays.values():
        for array in arrays.values():
            assert np.all(array == number)
    return number


def start_writer(folder: Path) -> subprocess.Popen[str]:
    """A process that writes bundles without end once it is given a line with a number.

    It counts up from there and prints each number when its write has returned.
    """
    return subprocess.Popen(
        [sys.executable, __file__, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _write_for_ever(folder: str) -> None:
    print("ready", flush=True)
    number = int(sys.stdin.readline())
    while True:
        number += 1
        write_generation(folder, number, 30_000)
        print(number, flush=True)


if __name__ == "__main__":
    _write_for_ever(sys.argv[1])
