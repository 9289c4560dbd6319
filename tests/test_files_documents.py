"""JSON documents are read back exactly, and everything else is refused in one sentence."""

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from files_support import exactly, names, one_sentence
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chainrule.errors import FileError
from chainrule.files import (
    Document,
    read_arrays,
    read_json,
    write_arrays,
    write_json,
)
from chainrule.files.documents import MAX_DEPTH, MAX_TEXT_BYTES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


class TestDocuments:
    @given(value=json_values)
    @example(value={'é\n"\\\x00\u2028😀': [5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2, 2**70]})
    @settings(max_examples=70, deadline=None)
    def test_round_trip(self, value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.getbasetemp() / "round.json"
        write_json(path, value, "model", 3)
        found = read_json(path, "model", 4)
        assert exactly(found.content) == exactly(value)
        assert found.version == 3

    def test_layout(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_json(path, {"layers": [{"units": 4, "name": "Dense"}], "Größe": 0.1}, "model", 1)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        assert re.fullmatch(r'  "sha256": "[0-9a-f]{64}",\n', lines.pop(3))
        assert "".join(lines) == (
            "{\n"
            '  "format": "chainrule model",\n'
            '  "version": 1,\n'
            '  "content": {\n'
            '    "Größe": 0.1,\n'
            '    "layers": [\n'
            "      {\n"
            '        "name": "Dense",\n'
            '        "units": 4\n'
            "      }\n"
            "    ]\n"
            "  }\n"
            "}\n"
        )

    def test_equal_content_gives_equal_bytes(self, tmp_path: Path) -> None:
        write_json(tmp_path / "a", {"x": 1, "y": {"b": 2, "a": 3}}, "model", 1)
        write_json(tmp_path / "b", {"y": {"a": 3, "b": 2}, "x": 1}, "model", 1)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_numpy_scalars_and_tuples(self, tmp_path: Path) -> None:
        value = {
            "a": np.float32(0.1),
            "b": np.int64(-7),
            "c": np.bool_(True),
            "d": (np.uint8(3), np.float64(2.5), np.str_("s")),
        }
        write_json(tmp_path / "a", value, "model", 1)
        found = read_json(tmp_path / "a", "model", 1).content
        assert found == {"a": float(np.float32(0.1)), "b": -7, "c": True, "d": [3, 2.5, "s"]}
        assert type(found["c"]) is bool

    def test_what_is_not_json_is_not_written(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        write_json(path, [1], "model", 1)
        before = path.read_bytes()
        circle: list[object] = []
        circle.append(circle)
        deep: object = 0
        for _ in range(MAX_DEPTH + 1):
            deep = [deep]
        for value, words in (
            (math.nan, "content is nan"),
            ({"lr": [1.0, -math.inf]}, "content.lr[1] is -inf"),
            ({"lr": np.float32("inf")}, "content.lr is inf"),
            ({1: 2}, "content has a key that is not text"),
            ({"layers": [{"kind": {1, 2}}]}, "content.layers[0].kind is of type set"),
            (np.ones(2), "content is of type ndarray"),
            (1 + 2j, "content is of type complex"),
            (np.datetime64("2026-01-01"), "content is of type datetime64"),
            (b"bytes", "content is of type bytes"),
            (circle, "contains itself"),
            (deep, "nested more than"),
            ("\ud800", "half a character"),
            ({"\udfff": 1}, "half a character"),
            (10**5000, "digits"),
            ("x" * MAX_TEXT_BYTES, "put large data in arrays"),
            ({"k" * 10**6: {2}}, "of type set"),
        ):
            with pytest.raises(FileError) as caught:
                write_json(path, value, "model", 1)
            one_sentence(caught.value, path, words)
        for version in (0, -1, True, 1.0, "1"):
            with pytest.raises(FileError, match="is no format version"):
                write_json(path, [1], "model", version)
        assert path.read_bytes() == before
        assert names(tmp_path) == ["a"]

    def test_the_deepest_content_that_can_be_written_can_be_read(self, tmp_path: Path) -> None:
        deep: object = 0
        for _ in range(MAX_DEPTH - 1):  # one level is the document's own
            deep = [deep]
        write_json(tmp_path / "a", deep, "model", 1)
        assert read_json(tmp_path / "a", "model", 1).content == deep

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "it is empty"),
            (b"{", "not valid JSON"),
            (b'{"format": "chainrule model", "ver', "not valid JSON"),
            (b'{"a": 1, "b": {"x": 1, "x": 1}}', "the key 'x' appears twice"),
            (b'{"format": "chainrule model", "format": "chainrule model"}', "appears twice"),
            (b'{"a": NaN}', "it holds NaN"),
            (b"[Infinity]", "it holds Infinity"),
            (b"[-Infinity]", "it holds -Infinity"),
            (b"[1e999]", "is inf"),
            (b"[-1e999]", "is -inf"),
            (b"\xff\xfe{}", "not UTF-8"),
            (b'{"a": "\xc3("}', "not UTF-8"),
            (b"\xef\xbb\xbf{}", "BOM"),
            (b'["\\ud800"]', "half a character"),
            (b'{"\\udc00": 1}', "half a character"),
            (b"[" * 100_000, "nested more than 100 deep"),
            (b'{"a":' * 100_000, "nested more than 100 deep"),
            (b"[" * 102 + b"]" * 102, "nested more than 100 deep"),
            (b"[" + b"9" * 10_000 + b"]", "digits"),
            (b"{} {}", "Extra data"),
            (b"[1,]", "not valid JSON"),
            (b"{'a': 1}", "not valid JSON"),
            (b"[01]", "not valid JSON"),
            (b"// comment\n{}", "not valid JSON"),
            (b'["a\nb"]', "not valid JSON"),
            (b"\x00", "not valid JSON"),
            (b" " * (MAX_TEXT_BYTES + 1), "longer than"),
            (b"null", "not one of chainrule's files"),
            (b"[]", "not one of chainrule's files"),
            (b"{}", "not one of chainrule's files"),
            (b'{"format": 1}', "not one of chainrule's files"),
            (b'{"format": "keras"}', "not one of chainrule's files"),
            (b'{"format": "chainrule ' + b"x" * 10_000 + b'"}', "not a 'chainrule model'"),
            (b'{"format": "chainrule model"}', "no valid format version"),
            (b'{"format": "chainrule model", "version": true}', "no valid format version"),
            (b'{"format": "chainrule model", "version": 1.0}', "no valid format version"),
            (b'{"format": "chainrule model", "version": 0}', "no valid format version"),
            (b'{"format": "chainrule model", "version": "1"}', "no valid format version"),
            (b'{"format": "chainrule model", "version": 2}', "made by a newer chainrule"),
            (b'{"format": "chainrule model", "version": 1}', "checksum"),
            (b'{"format": "chainrule model", "version": 1, "sha256": 1, "content": 2}', "checksum"),
        ],
        ids=lambda value: value[:40] if isinstance(value, bytes) else "",
    )
    def test_crafted_files(self, tmp_path: Path, text: bytes, words: str) -> None:
        path = tmp_path / "a.json"
        path.write_bytes(text)
        with pytest.raises(FileError) as caught:
            read_json(path, "model", 1)
        one_sentence(caught.value, path, words)

    def test_kind_and_version(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_json(path, [1], "checkpoint", 7)
        with pytest.raises(FileError) as caught:
            read_json(path, "model", 9)
        one_sentence(caught.value, path, "'chainrule checkpoint'", "'chainrule model'")
        with pytest.raises(FileError) as caught:
            read_json(path, "checkpoint", 6)
        one_sentence(caught.value, path, "newer chainrule (format version 7, known up to 6)", "pip")
        assert read_json(path, "checkpoint", 8) == Document([1], 7)

    def test_a_changed_number_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_json(path, {"lr": 0.1}, "model", 1)
        path.write_text(path.read_text().replace("0.1", "0.2"))
        with pytest.raises(FileError) as caught:
            read_json(path, "model", 1)
        one_sentence(caught.value, path, "changed or damaged", "restore it")

    def test_what_is_no_file_to_read(self, tmp_path: Path) -> None:
        """A pipe or an endless device is refused, not waited for."""
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "circle").symlink_to(tmp_path / "circle")
        for path, words in (
            (tmp_path / "missing", "no such file"),
            (tmp_path / "folder", "it is a folder"),
            (tmp_path / "pipe", "pipe"),
            (tmp_path / "circle", "circle"),
            (Path("/dev/zero"), "device"),
        ):
            for read in (lambda p: read_json(p, "model", 1), read_arrays):
                with pytest.raises(FileError) as caught:
                    read(path)
                one_sentence(caught.value, path, words)

    def test_files_larger_than_the_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a"
        write_arrays(path, {"w": np.ones(2)})

        def no_memory(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr("builtins.open", no_memory)
        with pytest.raises(FileError) as caught:
            read_arrays(path)
        one_sentence(caught.value, path, "larger than the free memory")
