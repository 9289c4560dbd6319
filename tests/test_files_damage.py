"""A damaged file gives the very content that was written, or a FileError: nothing else."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from files_support import exactly
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import ChainruleError, FileError
from chainrule.files import (
    Document,
    read_arrays,
    read_bundle,
    read_json,
    write_arrays,
    write_bundle,
    write_json,
)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    rng = np.random.default_rng(0)
    arrays = {
        "0.weight": rng.normal(size=(3, 2)).astype("f4"),
        "0.mask": np.array([True, False, True]),
        "count": np.array(3, "i8"),
        "none": np.zeros((0, 2)),
    }
    content = {"lr": 0.1, "layers": [{"kind": "Dense", "units": 4}], "name": "Größe", "none": None}
    write_arrays(folder / "arrays", arrays)
    write_json(folder / "json", content, "model", 1)
    write_bundle(folder / "bundle", "m", {"model": Document(content, 1)}, {"w": arrays})
    return folder


def damage(content: bytes, data: st.DataObject) -> bytes:
    """Cut it, flip bits, or put in, take out, repeat or swap a stretch."""
    kind = data.draw(
        st.sampled_from(["cut", "flip", "flips", "insert", "delete", "repeat", "zero"])
    )
    place = data.draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        return content[:place]
    if kind in ("flip", "flips"):
        changed = bytearray(content)
        for _ in range(1 if kind == "flip" else 4):
            changed[place] ^= data.draw(st.integers(1, 255))
            place = data.draw(st.integers(0, len(content) - 1))
        return bytes(changed)
    length = data.draw(st.integers(1, 16))
    stretch = content[place : place + length]
    if kind == "insert":
        return content[:place] + data.draw(st.binary(min_size=1, max_size=16)) + content[place:]
    if kind == "delete":
        return content[:place] + content[place + length :]
    if kind == "repeat":
        return content[:place] + stretch + content[place:]
    return content[:place] + bytes(len(stretch)) + content[place + length :]


def content_of(samples: Path, name: str) -> object:
    """What a reader makes of a sample, in a form that is equal only bit for bit."""
    if name == "json":
        return exactly(read_json(samples / "json", "model", 1))
    if name == "arrays":
        arrays = read_arrays(samples / "arrays")
        return {key: (a.dtype, a.shape, a.tobytes()) for key, a in arrays.items()}
    bundle = read_bundle(samples / "bundle", "m", {"model": 1})
    arrays = bundle.arrays["w"]
    return exactly(bundle.documents), {
        key: (a.dtype, a.shape, a.tobytes()) for key, a in arrays.items()
    }


SAMPLE_FILES = [
    ("json", "json"),
    ("arrays", "arrays"),
    ("bundle", "bundle/m.json"),
    ("bundle", "bundle/m.w-*.safetensors"),
]


class TestDamage:
    """Either the very content that was written, or a FileError: nothing else, however broken."""

    @pytest.mark.parametrize(("name", "pattern"), SAMPLE_FILES)
    @given(data=st.data())
    @settings(max_examples=80, deadline=5000)
    def test_random_damage(
        self, samples: Path, name: str, pattern: str, data: st.DataObject
    ) -> None:
        (path,) = samples.glob(pattern)
        whole, wanted = path.read_bytes(), content_of(samples, name)
        try:
            path.write_bytes(damage(whole, data))
            with suppress(FileError):
                assert content_of(samples, name) == wanted
        finally:
            path.write_bytes(whole)

    @pytest.mark.parametrize(("name", "pattern"), SAMPLE_FILES)
    def test_every_byte(self, samples: Path, name: str, pattern: str) -> None:
        """Every truncation, and every byte with one bit flipped, each of the eight in turn."""
        (path,) = samples.glob(pattern)
        whole, wanted = path.read_bytes(), content_of(samples, name)
        refused = 0
        try:
            for place in range(len(whole)):
                flipped = bytearray(whole)
                flipped[place] ^= 1 << place % 8
                for content in (whole[:place], bytes(flipped)):
                    path.write_bytes(content)
                    try:
                        assert content_of(samples, name) == wanted
                    except FileError:
                        refused += 1
        finally:
            path.write_bytes(whole)
        # What passes is blank space that became other blank space, and the last line's end.
        assert refused >= 1.7 * len(whole)

    def test_errors_are_caught_as_ours_and_as_pythons(self, tmp_path: Path) -> None:
        for kind in (FileError, ChainruleError, ValueError):
            with pytest.raises(kind):
                read_json(tmp_path / "missing", "model", 1)
