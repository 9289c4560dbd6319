"""Arrays are read back bit for bit, and everything else is refused in one sentence."""

import hashlib
import json
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from files_support import names, one_sentence, same_arrays
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.errors import FileError
from chainrule.files import (
    check_arrays,
    read_arrays,
    write_arrays,
)
from chainrule.files.arrays import DTYPES
from chainrule.files.documents import MAX_TEXT_BYTES

arrays_of_any_dtype = st.sampled_from(sorted(DTYPES.values(), key=str)).flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    )
)
array_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: name != "__metadata__"
)


def crafted(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """The bytes of a safetensors file with this header (JSON data, or bytes as they are)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: object = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


FOUR = b"\x00\x00\x80\x3f"  # 1.0 in float32
CRAFTED_ARRAYS = {
    "empty": (b"", "cut short"),
    "seven bytes": (b"\0" * 7, "cut short"),
    "only a length": (struct.pack("<Q", 2), "cut short"),
    "header longer than the file": (crafted({}, length=3), "cut short"),
    "length of 2**63": (crafted({}, length=2**63), "not a safetensors file"),
    "length above the limit": (crafted({}, length=MAX_TEXT_BYTES + 1), "not a safetensors file"),
    "no header": (crafted(b""), "not a safetensors file"),
    "leading space": (crafted(b" {}"), "not a safetensors file"),
    "list": (crafted(b"[]"), "not a safetensors file"),
    "a zip archive": (b"PK\x03\x04" + bytes(100), "not a safetensors file"),
    "bad JSON": (crafted(b"{a}"), "not valid JSON"),
    "cut JSON": (crafted(b'{"a": {"dtype"'), "not valid JSON"),
    "bad UTF-8": (crafted(b'{"\xff": 1}'), "not UTF-8"),
    "nested": (crafted(b'{"a":' * 50_000), "nested"),
    "repeated array": (
        crafted(b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), FOUR),
        "'a' appears twice",
    ),
    "repeated field": (
        crafted(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', FOUR),
        "'dtype' appears twice",
    ),
    "repeated metadata": (crafted(b'{"__metadata__":{"x":"1","x":"2"}}'), "'x' appears twice"),
    "metadata not text": (crafted({"__metadata__": {"x": 1}}), "damaged"),
    "metadata a list": (crafted({"__metadata__": [1]}), "damaged"),
    "entry null": (crafted({"a": None}), "unknown dtype None"),
    "entry empty": (crafted({"a": {}}), "unknown dtype None"),
    "dtype unknown": (crafted({"a": entry("F99")}, FOUR), "unknown dtype 'F99'"),
    "dtype without NumPy type": (crafted({"a": entry("BF16", (2,))}, FOUR), "unknown dtype"),
    "dtype complex": (crafted({"a": entry("C64", (1,), (0, 8))}, FOUR * 2), "unknown dtype"),
    "dtype a list": (crafted({"a": entry(["F32"])}, FOUR), "unknown dtype"),
    "dtype in lower case": (crafted({"a": entry("f32")}, FOUR), "unknown dtype"),
    "shape missing": (crafted({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, FOUR), "damaged"),
    "offsets missing": (crafted({"a": {"dtype": "F32", "shape": [1]}}, FOUR), "damaged"),
    "shape too large": (crafted({"a": entry(shape=(2,))}, FOUR), "damaged"),
    "shape negative": (crafted({"a": entry(shape=(-1,))}, FOUR), "damaged"),
    "shape a float": (crafted({"a": entry(shape=(1.0,))}, FOUR), "damaged"),
    "shape true": (crafted({"a": entry(shape=(True,))}, FOUR), "damaged"),
    "shape a number": (crafted({"a": entry(shape=1)}, FOUR), "damaged"),
    "shape overflows": (crafted({"a": entry(shape=(2**40, 2**40))}, FOUR), "damaged"),
    "shape of 2**70 by 0": (crafted({"a": entry(shape=(0, 2**70), offsets=(0, 0))}), "damaged"),
    "shape of 2**62 by 0": (crafted({"a": entry(shape=(0, 2**62), offsets=(0, 0))}), "impossible"),
    "65 dimensions": (crafted({"a": entry(shape=(1,) * 65)}, FOUR), "impossible"),
    "offsets reversed": (crafted({"a": entry(offsets=(4, 0))}, FOUR), "damaged"),
    "offsets beyond the end": (crafted({"a": entry(offsets=(4, 8))}, FOUR), "damaged"),
    "offsets negative": (crafted({"a": entry(offsets=(-4, 0))}, FOUR), "damaged"),
    "overlap": (crafted({"a": entry(), "b": entry()}, FOUR), "damaged"),
    "hole": (crafted({"a": entry(), "b": entry(offsets=(8, 12))}, FOUR * 3), "damaged"),
    "cut data": (crafted({"a": entry()}, FOUR[:3]), "damaged"),
    "trailing bytes": (crafted({"a": entry()}, FOUR + b"!"), "damaged"),
    "bool of 7": (crafted({"a": entry("BOOL", (1,), (0, 1))}, b"\x07"), "neither true nor false"),
    "NaN": (crafted({"a": entry()}, struct.pack("<f", math.nan)), "holds nan at index (0)"),
    "long name": (crafted({"n" * 10**6: entry("F99")}, FOUR), "unknown dtype"),
    "odd name": (crafted({"\n\x1b[2J": entry("F99")}, FOUR), "'\\n\\x1b[2J'"),
}


class TestArrays:
    @given(arrays=st.dictionaries(array_names, arrays_of_any_dtype, max_size=4))
    @example(arrays={"": np.array(1.5), '../é\n"\\\x00😀': np.zeros((0, 3))})
    @settings(max_examples=70, deadline=None)
    def test_round_trip(
        self, arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "round.safetensors"
        write_arrays(path, arrays, allow_nan=True)
        found = read_arrays(path, allow_nan=True)
        assert same_arrays(found, arrays)
        assert list(found) == sorted(arrays)
        assert all(array.flags.writeable and array.flags.aligned for array in found.values())
        # The library is a second reader.
        assert same_arrays(safetensors.numpy.load_file(path), arrays)

    @pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
    def test_extreme_values(self, tmp_path: Path, dtype: np.dtype) -> None:
        info = {"f": np.finfo, "i": np.iinfo, "u": np.iinfo}.get(dtype.kind)
        values = [info(dtype).min, info(dtype).max, 0, 1] if info else [False, True]
        arrays = {"a": np.array(values, dtype)}
        write_arrays(tmp_path / "a", arrays)
        assert same_arrays(read_arrays(tmp_path / "a"), arrays)

    @pytest.mark.parametrize(
        "view",
        [
            np.asfortranarray,
            np.transpose,
            lambda a: a[::2, ::-1],
            lambda a: a[:, 1],
            lambda a: np.broadcast_to(a[0], (5, 4)),
            lambda a: a.astype(">f8"),
            lambda a: a.astype(">i2").T,
            lambda a: a[0, 0],
            lambda a: a.tolist(),
            lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(np.float64),
        ],
        ids=range(10),
    )
    def test_memory_layouts(self, tmp_path: Path, view: object) -> None:
        array = view(np.arange(12.0).reshape(3, 4))
        write_arrays(tmp_path / "a", {"x": array})
        found = read_arrays(tmp_path / "a")["x"]
        assert found.dtype == np.asarray(array).dtype.newbyteorder("=")
        assert found.shape == np.shape(array)
        np.testing.assert_array_equal(found, array)

    def test_equal_content_gives_equal_bytes(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        arrays = {f"{i}.weight": rng.normal(size=(3, 4)).astype("f4") for i in range(12)}
        write_arrays(tmp_path / "a", arrays)
        write_arrays(
            tmp_path / "b",
            {name: np.asfortranarray(arrays[name]) for name in sorted(arrays, reverse=True)},
        )
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_known_bytes(self, tmp_path: Path) -> None:
        """A file of today is readable by every later version: its bytes are fixed here."""
        write_arrays(tmp_path / "a", {"b": np.array([1.5, -2.0], "f4"), "a": np.array(7, "i8")})
        data = (tmp_path / "a").read_bytes()
        described = b'[["a","int64",[]],["b","float32",[2]]]'
        values = struct.pack("<qff", 7, 1.5, -2.0)
        digest = hashlib.sha256(described + values).hexdigest()
        header = (
            b'{"__metadata__":{"chainrule.sha256":"DIGEST"},'
            b'"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},'
            b'"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
        ).replace(b"DIGEST", digest.encode())
        header += b" " * (-len(header) % 8)
        assert data == crafted(header, values)

    def test_results_do_not_share_memory(self, tmp_path: Path) -> None:
        write_arrays(tmp_path / "a", {"x": np.ones(3), "y": np.ones(3)})
        found = read_arrays(tmp_path / "a")
        found["x"][:] = 5
        assert found["y"].tolist() == [1, 1, 1]

    def test_what_is_not_written(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        write_arrays(path, {"x": np.ones(2)})
        before = path.read_bytes()
        for arrays, words in (
            ({"w": np.array([[0.0, 1.0], [2.0, np.nan]])}, "'w' holds nan at index (1, 1)"),
            ({"w": np.array(np.inf)}, "'w' holds inf at index ()"),
            ({"w": np.array([-np.inf], "f2")}, "'w' holds -inf at index (0)"),
            ({"w": np.array(["text"])}, "dtype <U4"),
            ({"w": np.array([None])}, "dtype object"),
            ({"w": np.ones(2, complex)}, "dtype complex128"),
            ({"w": np.array(["2026-01-01"], "M8[D]")}, "dtype datetime64"),
            ({"w": np.zeros(2, "f4,i4")}, "dtype [("),
            ({"__metadata__": np.ones(2)}, "cannot be named '__metadata__'"),
            ({"\ud800": np.ones(2)}, "cannot be named"),
            ({7: np.ones(2)}, "cannot be named 7"),
            ({"n" * (MAX_TEXT_BYTES + 1): np.ones(2)}, "names and shapes take more"),
        ):
            with pytest.raises(FileError) as caught:
                write_arrays(path, arrays)
            one_sentence(caught.value, path, words)
        assert path.read_bytes() == before
        assert names(tmp_path) == ["a"]

    @pytest.mark.parametrize("name", CRAFTED_ARRAYS)
    @pytest.mark.parametrize("foreign", [False, True])
    def test_crafted_files(self, tmp_path: Path, name: str, foreign: bool) -> None:
        data, words = CRAFTED_ARRAYS[name]
        path = tmp_path / "a.safetensors"
        path.write_bytes(data)
        with pytest.raises(FileError) as caught:
            read_arrays(path, foreign=foreign)
        one_sentence(caught.value, path)
        if foreign:  # otherwise a missing checksum may be what is noticed first
            one_sentence(caught.value, path, words)

    def test_files_of_other_programs(self, tmp_path: Path) -> None:
        path, arrays = tmp_path / "a", {"x": np.arange(3.0), "é": np.array([[True]])}
        safetensors.numpy.save_file(arrays, path, {"format": "pt"})
        with pytest.raises(FileError) as caught:
            read_arrays(path)
        one_sentence(caught.value, path, "no checksum", "foreign=True")
        assert same_arrays(read_arrays(path, foreign=True), arrays)

    def test_a_checksum_of_ours_counts_in_foreign_files_too(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        write_arrays(path, {"x": np.array([1.0])})
        path.write_bytes(path.read_bytes()[:-8] + struct.pack("<d", 2.0))
        for foreign in (False, True):
            with pytest.raises(FileError) as caught:
                read_arrays(path, foreign=foreign)
            one_sentence(caught.value, path, "changed or damaged")

    def test_expected(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        arrays = {"0.weight": np.ones((2, 3), "f4"), "0.bias": np.ones(3, "f4")}
        expected = {"0.weight": ((2, 3), "float32"), "0.bias": ((3,), np.float32)}
        write_arrays(path, arrays)
        found = read_arrays(path, expected)
        assert list(found) == ["0.weight", "0.bias"]
        assert same_arrays(found, arrays)
        for change, words in (
            ({"1.bias": ((3,), "f4")}, "it has no array '1.bias'; give"),
            ({"0.bias": None}, "no place here, '0.bias'"),
            (
                {"0.bias": ((4,), "f4")},
                "'0.bias' is float32 of shape (3,), not float32 of shape (4,)",
            ),
            ({"0.bias": ((3, 1), "f4")}, "not float32 of shape (3, 1)"),
            ({"0.weight": ((3, 2), "f4")}, "not float32 of shape (3, 2)"),
            ({"0.bias": ((3,), "f8")}, "'0.bias' is float32 of shape (3,), not float64"),
            ({str(i): ((), "f4") for i in range(10, 19)}, "'10', '11', '12' and 6 more"),
        ):
            changed = {name: want for name, want in {**expected, **change}.items() if want}
            with pytest.raises(FileError) as caught:
                read_arrays(path, changed)
            one_sentence(caught.value, path, words)
            with pytest.raises(FileError) as again:
                check_arrays(arrays, changed, path)
            assert str(again.value) == str(caught.value)

    def test_not_finite_values_are_read_only_where_allowed(self, tmp_path: Path) -> None:
        path, arrays = tmp_path / "a", {"x": np.array([[1.0, np.inf], [np.nan, 2.0]])}
        write_arrays(path, arrays, allow_nan=True)
        with pytest.raises(FileError) as caught:
            read_arrays(path)
        one_sentence(caught.value, path, "'x' holds inf at index (0, 1)")
        assert same_arrays(read_arrays(path, allow_nan=True), arrays)

    @given(data=st.data())
    @settings(max_examples=70, deadline=None)
    def test_no_crafted_header_passes_that_the_library_refuses(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """A second opinion on headers that are almost right."""
        small = st.integers(-1, 9)
        entries = st.fixed_dictionaries(
            {
                "dtype": st.sampled_from([*DTYPES, "BF16", "f4"]),
                "shape": st.lists(small | st.just(2**63), max_size=3),
                "data_offsets": st.lists(small, min_size=2, max_size=2),
            }
        )
        header = data.draw(st.dictionaries(st.sampled_from("abc"), entries, max_size=3))
        content = crafted(header, bytes(data.draw(st.integers(0, 9))))
        path = tmp_path_factory.getbasetemp() / "crafted.safetensors"
        path.write_bytes(content)
        try:
            found = read_arrays(path, foreign=True)
        except FileError:
            return
        assert same_arrays(found, safetensors.numpy.load(content))
