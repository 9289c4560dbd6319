"""A bundle is all of one write, whatever happens to its writer."""

import errno
import hashlib
import math
import os
import random
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from files_support import DAY, names, one_sentence, read_generation, start_writer, write_generation

from chainrule.errors import FileError
from chainrule.files import (
    Document,
    bundles,
    disk,
    read_arrays,
    read_bundle,
    read_json,
    write_arrays,
    write_bundle,
    write_json,
)
from chainrule.files.documents import MAX_TEXT_BYTES

PART = re.compile(r"model\.(\w+)-[0-9a-f]{12}\.safetensors")


def files_named(folder: Path) -> set[str]:
    files = read_json(folder / "model.json", "bundle", 1).content["files"]
    return {file["file"] for file in files.values()}


def begin(writer: subprocess.Popen[str], number: int) -> None:
    """Wait until a writer has started, and let it write from a number on."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write(f"{number}\n")
    writer.stdin.flush()


def finish(writer: subprocess.Popen[str]) -> list[str]:
    """The numbers that a killed writer had acknowledged."""
    printed, _ = writer.communicate(timeout=60)
    return [line for line in printed.splitlines() if line != "ready"]


def varied(numbers: set[int]) -> bool:
    """Whether ten generations were read, and some of either writer."""
    return len(numbers) >= 10 and {number >= 1_000_000 for number in numbers} == {False, True}


class FailingCall:
    """A function of `os` of which one call fails."""

    def __init__(self, real: Callable[..., object], error: BaseException) -> None:
        self.real, self.error = real, error
        self.begin(1)

    def begin(self, which: int) -> None:
        """Let call number `which`, counted from now, fail."""
        self.calls_left, self.has_failed = which, False

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls_left -= 1
        if self.calls_left == 0:
            self.has_failed = True
            raise self.error
        return self.real(*args, **kwargs)


class SteppedWriter(threading.Thread):
    """Writes a generation, stopping before each of its two parts and before the rename."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.number, self.finished = folder, number, False
        self.arrived, self.sent_on = threading.Semaphore(0), threading.Semaphore(0)
        self.start()
        assert self.arrived.acquire(timeout=30)

    def run(self) -> None:
        write_generation(self.folder, self.number)
        self.finished = True

    def go_on_to_the_rename(self) -> None:
        for _ in range(2):
            self.sent_on.release()
            assert self.arrived.acquire(timeout=30)

    def finish(self) -> None:
        self.sent_on.release()
        self.join(30)
        assert self.finished

    @staticmethod
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        """Let writers of this class stop; all others run through."""

        def stopping(real: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                writer = threading.current_thread()
                if isinstance(writer, SteppedWriter):
                    writer.arrived.release()
                    assert writer.sent_on.acquire(timeout=30)
                return real(*args, **kwargs)

            return call

        monkeypatch.setattr(os, "replace", stopping(os.replace))
        monkeypatch.setattr(bundles, "encode_arrays", stopping(bundles.encode_arrays))


class TestBundles:
    def test_layout(self, tmp_path: Path) -> None:
        folder = tmp_path / "runs" / "first"
        write_generation(folder, 1)
        first = names(folder)
        assert [PART.sub(r"\1", name) for name in first] == ["model.json", "optimizer", "weights"]
        write_generation(folder, 2)
        assert [PART.sub(r"\1", name) for name in names(folder)] == [
            "model.json",
            "optimizer",
            "weights",
        ]
        assert set(names(folder)) & set(first) == {"model.json"}
        assert read_generation(folder) == 2

    def test_digests_are_those_of_sha256sum(self, tmp_path: Path) -> None:
        write_generation(tmp_path, 1)
        files = read_json(tmp_path / "model.json", "bundle", 1).content["files"]
        assert files.keys() == {"weights", "optimizer"}
        for file in files.values():
            data = (tmp_path / file["file"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(data).hexdigest()
            assert file["bytes"] == len(data)

    def test_equal_histories_give_equal_folders(self, tmp_path: Path) -> None:
        for folder in (tmp_path / "a", tmp_path / "b"):
            for number in (1, 2, 2, 1):
                write_generation(folder, number)
        contents = [
            {name: (tmp_path / side / name).read_bytes() for name in names(tmp_path / side)}
            for side in "ab"
        ]
        assert contents[0] == contents[1]

    def test_array_files_are_ordinary_ones(self, tmp_path: Path) -> None:
        write_generation(tmp_path, 4)
        (file,) = (name for name in names(tmp_path) if name.startswith("model.weights"))
        assert read_arrays(tmp_path / file)["b"].tolist() == [4, 4, 4]

    def test_only_what_is_asked_for_is_read(self, tmp_path: Path) -> None:
        write_generation(tmp_path, 1)
        for name in names(tmp_path):
            if "optimizer" in name:
                (tmp_path / name).unlink()
        bundle = read_bundle(tmp_path, "model", {"model": 1}, ["weights"])
        assert list(bundle.documents) == ["model"]
        assert list(bundle.arrays) == ["weights"]
        assert read_bundle(tmp_path, "model", {}, []).arrays == {}
        with pytest.raises(FileError, match="no such file"):
            read_bundle(tmp_path, "model", {"model": 1})

    def test_two_bundles_and_other_files_in_one_folder(self, tmp_path: Path) -> None:
        (tmp_path / "history.csv").write_text("loss\n")
        write_generation(tmp_path, 1)
        for number in (1, 2):
            write_bundle(tmp_path, "best", {}, {"weights": {"w": np.full(2, number)}})
        write_generation(tmp_path, 5)
        assert read_generation(tmp_path) == 5
        assert read_bundle(tmp_path, "best", {}).arrays["weights"]["w"].tolist() == [2, 2]
        assert "history.csv" in names(tmp_path)
        assert len(names(tmp_path)) == 6

    def test_without_arrays_or_documents(self, tmp_path: Path) -> None:
        write_bundle(tmp_path, "model", {}, {})
        assert names(tmp_path) == ["model.json"]
        bundle = read_bundle(tmp_path, "model", {})
        assert (bundle.documents, bundle.arrays) == ({}, {})
        write_bundle(tmp_path, "model", {}, {"nothing": {}})
        assert read_bundle(tmp_path, "model", {}).arrays == {"nothing": {}}

    def test_not_finite_values(self, tmp_path: Path) -> None:
        write_generation(tmp_path, 1)
        bad = {"weights": {"w": np.array([np.nan])}}
        with pytest.raises(FileError, match="'w' holds nan"):
            write_bundle(tmp_path, "model", {}, {"a": {"ok": np.ones(1)}, **bad})
        assert read_generation(tmp_path) == 1
        assert len(names(tmp_path)) == 3
        write_bundle(tmp_path, "model", {}, bad, allow_nan=True)
        with pytest.raises(FileError, match="'w' holds nan"):
            read_bundle(tmp_path, "model", {})
        found = read_bundle(tmp_path, "model", {}, allow_nan=True).arrays["weights"]["w"]
        assert np.isnan(found).tolist() == [True]

    def test_a_private_bundle_stays_private(self, tmp_path: Path) -> None:
        write_generation(tmp_path, 1)
        (tmp_path / "model.json").chmod(0o600)
        write_generation(tmp_path, 2)
        assert {stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()} == {0o600}

    def test_arrays_are_durable_before_the_document_names_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events: list[str] = []
        real_fsync, real_replace = os.fsync, os.replace

        def fsync(descriptor: int) -> None:
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            events.append("folder" if folder else "file")
            real_fsync(descriptor)

        def replace(source: str, target: str) -> None:
            events.append(f"rename to {os.path.basename(target)}")
            real_replace(source, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        write_generation(tmp_path, 1)
        assert events == ["file", "file", "folder", "file", "rename to model.json", "folder"]

    @pytest.mark.parametrize("call", ["open", "fsync", "replace", "unlink", "stat", "scandir"])
    @pytest.mark.parametrize(
        "error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()]
    )
    def test_every_failing_call_leaves_a_whole_bundle(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
    ) -> None:
        """The first, second, … call of a system function fails, until none is left to fail."""
        write_generation(tmp_path, 0)
        before, failing, real = 0, FailingCall(getattr(os, call), error), getattr(os, call)
        for number in range(1, 50):
            failing.begin(number)
            with monkeypatch.context() as patch:
                patch.setattr(os, call, failing)
                try:
                    write_generation(tmp_path, number)
                    possible = {number}
                except (FileError, KeyboardInterrupt):
                    possible = {number, before}
            assert getattr(os, call) is real
            before = read_generation(tmp_path)
            assert before in possible
            if not failing.has_failed:
                break
        assert 2 <= number < 49
        assert [name for name in names(tmp_path) if name.endswith(".tmp")] == []

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
    def test_a_failed_write_leaves_no_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
    ) -> None:
        write_generation(tmp_path, 1)
        before = names(tmp_path)
        monkeypatch.setattr(os, "replace", FailingCall(os.replace, error))
        with pytest.raises((FileError, KeyboardInterrupt)):
            write_generation(tmp_path, 2)
        assert names(tmp_path) == before

    def test_an_interrupt_after_the_rename_keeps_the_new_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_generation(tmp_path, 1)
        real = os.replace

        def replace(source: str, target: str) -> None:
            real(source, target)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                write_generation(tmp_path, 2)
        assert read_generation(tmp_path) == 2

    def test_files_of_killed_writers(self, tmp_path: Path) -> None:
        """They go when they are old; what the bundle needs, however old, stays."""
        write_generation(tmp_path, 1)
        old = time.time() - DAY
        for name in (
            "model.weights-0123456789ab",
            "model.extra-0123456789ab",
            "best.w-0123456789ab",
        ):
            (tmp_path / f"{name}.safetensors").write_bytes(b"half")
        (tmp_path / "model.weights-v1.safetensors").write_bytes(b"somebody's")
        for name in names(tmp_path):
            os.utime(tmp_path / name, (old, old))
        (tmp_path / "model.weights-00000000000a.safetensors").write_bytes(b"of a running writer")
        write_generation(tmp_path, 2)
        assert read_generation(tmp_path) == 2
        assert set(names(tmp_path)) == files_named(tmp_path) | {
            "best.w-0123456789ab.safetensors",
            "model.json",
            "model.weights-00000000000a.safetensors",
            "model.weights-v1.safetensors",
        }

    def test_a_damaged_bundle_can_be_written_anew(self, tmp_path: Path) -> None:
        for content in (b"", b"{}", b"\xff", b"[" * 10_000, b"x" * (MAX_TEXT_BYTES + 1)):
            write_generation(tmp_path, 1)
            (tmp_path / "model.json").write_bytes(content)
            with pytest.raises(FileError):
                read_generation(tmp_path)
            write_generation(tmp_path, 2)
            assert read_generation(tmp_path) == 2

    def test_what_is_no_place_for_a_bundle(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x")
        (tmp_path / "linked").mkdir()
        (tmp_path / "elsewhere").write_bytes(b"precious")
        (tmp_path / "linked" / "model.json").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "folder" / "model.json").mkdir(parents=True)
        for name, words in {
            "file": "it is a file",
            "file/below": "it is a file",
            "linked": "symbolic link",
            "folder": "it is a folder",
        }.items():
            with pytest.raises(FileError) as caught:
                write_generation(tmp_path / name, 1)
            assert words in str(caught.value)
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"
        for name in ("", "a.b", "../a", "a/b", "a-b", "é", "a\n"):
            with pytest.raises(FileError, match="letters, digits and underscores"):
                write_bundle(tmp_path, name, {}, {})
            with pytest.raises(FileError, match="letters, digits and underscores"):
                write_bundle(tmp_path, "model", {}, {name: {}})
        with pytest.raises(FileError, match="no format version"):
            write_bundle(tmp_path, "model", {"model": Document({}, 0)}, {})
        with pytest.raises(FileError, match=r"content\.documents\.model\.content\.lr is nan"):
            write_bundle(tmp_path, "model", {"model": Document({"lr": math.nan}, 1)}, {})
        assert names(tmp_path) == ["elsewhere", "file", "folder", "linked"]

    def test_what_is_no_bundle(self, tmp_path: Path) -> None:
        write_generation(tmp_path / "good", 1)
        write_json(tmp_path / "model.json", {}, "metrics", 1)
        for folder, versions, parts, words in (
            ("missing", {}, None, "no such file"),
            ("good/model.json", {}, None, "give the folder in which model.json lies"),
            ("", {}, None, "it is a 'chainrule metrics', not a 'chainrule bundle'"),
            ("good", {"table": 1}, None, "it holds no table"),
            ("good", {"position": 1}, None, "made by a newer chainrule (format version 2"),
            ("good", {}, ["momentum"], "it names no file of momentum"),
        ):
            with pytest.raises(FileError) as caught:
                read_bundle(tmp_path / folder, "model", versions, parts)
            assert words in str(caught.value)
            assert "; " in str(caught.value)

    @pytest.mark.parametrize(
        "change",
        [
            {"file": "../model.weights-0123456789ab.safetensors"},
            {"file": "{outside}"},
            {"file": "/etc/passwd"},
            {"file": "C:\\windows\\win.ini"},
            {"file": "sub/model.weights-0123456789ab.safetensors"},
            {"file": "model.json"},
            {"file": "model.optimizer-0123456789ab.safetensors"},
            {"file": "model.weights-0123456789ab.safetensors\0"},
            {"file": "model.weights-0123456789ab.safetensors\n"},
            {"file": ""},
            {"file": None},
            {"file": ["model.weights-0123456789ab.safetensors"]},
            {"bytes": -1},
            {"bytes": 1.5},
            {"bytes": True},
            {"bytes": "8"},
            {"bytes": 10**30},
            {"bytes": 0},
            {"sha256": "0" * 64},
            {"sha256": None},
        ],
        ids=str,
    )
    def test_crafted_documents(self, tmp_path: Path, change: dict[str, object]) -> None:
        """The checksum is right, so only what the document says can be refused."""
        folder, outside = tmp_path / "bundle", tmp_path / "outside.safetensors"
        write_generation(folder, 1)
        write_arrays(outside, {"w": np.ones(3)})
        content = read_json(folder / "model.json", "bundle", 1).content
        data = outside.read_bytes()
        if "file" in change:
            change = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **change}
        if change.get("file") == "{outside}":
            change = {**change, "file": os.fspath(outside)}
        content["files"]["weights"].update(change)
        write_json(folder / "model.json", content, "bundle", 1)
        with pytest.raises(FileError) as caught:
            read_bundle(folder, "model", {})
        assert os.fspath(folder) in str(caught.value)

    @pytest.mark.parametrize(
        "content",
        [
            None,
            [],
            {},
            {"documents": {}},
            {"documents": {}, "files": []},
            {"documents": [], "files": {}},
            {"documents": {}, "files": {"weights": None}},
            {"documents": {"model": None}, "files": {}},
            {"documents": {"model": {"content": 1}}, "files": {}},
            {"documents": {"model": {"content": 1, "version": 0}}, "files": {}},
        ],
        ids=str,
    )
    def test_documents_of_another_form(self, tmp_path: Path, content: object) -> None:
        write_json(tmp_path / "model.json", content, "bundle", 1)
        with pytest.raises(FileError) as caught:
            read_bundle(tmp_path, "model", {"model": 1})
        one_sentence(caught.value, tmp_path / "model.json")
        write_generation(tmp_path, 1)
        assert read_generation(tmp_path) == 1

    def test_links_out_of_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "bundle"
        for start in ("model.json", "model.weights"):
            write_generation(folder, 1)
            files = files_named(folder) | {"model.json"}
            (file,) = (name for name in files if name.startswith(start))
            (folder / file).rename(tmp_path / file)
            (folder / file).symlink_to(tmp_path / file)
            with pytest.raises(FileError) as caught:
                read_generation(folder)
            one_sentence(caught.value, folder / file, "symbolic link")
            (folder / file).unlink()

    def test_a_linked_folder_is_fine(self, tmp_path: Path) -> None:
        (tmp_path / "latest").symlink_to(tmp_path / "run")
        write_generation(tmp_path / "latest", 1)
        assert read_generation(tmp_path / "run") == read_generation(tmp_path / "latest") == 1

    def test_kill(self, tmp_path: Path) -> None:
        """SIGKILL at 21 random moments: always a whole bundle, at least the last acknowledged."""
        rng = random.Random(0)
        number, caught_in_the_act = 0, 0
        write_generation(tmp_path, number)
        writers = [start_writer(tmp_path) for _ in range(2)]  # starting takes longer than writing
        for _ in range(21):
            writer = writers.pop(0)
            begin(writer, number)
            time.sleep(rng.uniform(0.0, 0.04))
            writer.send_signal(signal.SIGKILL)
            acknowledged = [number, *map(int, finish(writer))][-1]
            assert writer.returncode == -signal.SIGKILL
            number = read_generation(tmp_path)
            assert number in (acknowledged, acknowledged + 1)
            caught_in_the_act += set(names(tmp_path)) > files_named(tmp_path) | {"model.json"}
            writers.append(start_writer(tmp_path))
        for writer in writers:
            writer.kill()
            finish(writer)
        # The test would prove nothing if every kill fell between two writes.
        assert caught_in_the_act >= 5
        write_generation(tmp_path, 1_000_000)
        assert read_generation(tmp_path) == 1_000_000

    def test_readers_and_writers_at_once(self, tmp_path: Path) -> None:
        """Two writers in processes of their own; each read is all of one write."""
        write_generation(tmp_path, 0)
        writers = [start_writer(tmp_path), start_writer(tmp_path)]
        try:
            for writer, number in zip(writers, (0, 1_000_000), strict=True):
                begin(writer, number)
            end, enough = time.monotonic() + 0.7, time.monotonic() + 60
            seen: set[int] = set()
            while time.monotonic() < end or (not varied(seen) and time.monotonic() < enough):
                seen.add(read_generation(tmp_path))
        finally:
            for writer in writers:
                writer.kill()
                finish(writer)
        assert varied(seen)

    def test_writers_of_equal_bundles_at_once(self, tmp_path: Path) -> None:
        """Copies of one program that share a folder never remove each other's files."""
        write_generation(tmp_path, 0)
        writers = [start_writer(tmp_path) for _ in range(3)]
        try:
            for writer in writers:
                begin(writer, 0)
            end = time.monotonic() + 0.7
            while time.monotonic() < end:
                read_generation(tmp_path)
        finally:
            for writer in writers:
                writer.kill()
                finish(writer)
        read_generation(tmp_path)

    def test_a_slow_writer_does_not_take_the_files_of_a_newer_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is about to remove files of the very content that is being written again."""
        SteppedWriter.patch(monkeypatch)
        write_generation(tmp_path, 1)
        slow = SteppedWriter(tmp_path, 3)
        slow.go_on_to_the_rename()
        write_generation(tmp_path, 2)
        newer = SteppedWriter(tmp_path, 1)
        newer.go_on_to_the_rename()
        slow.finish()
        newer.finish()
        assert read_generation(tmp_path) == 1

    def test_a_slow_writer_does_not_take_up_a_name_that_others_still_know(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another writer was given the same content and the same old document, long ago."""
        SteppedWriter.patch(monkeypatch)
        write_generation(tmp_path, 1)
        slow = SteppedWriter(tmp_path, 5)
        write_generation(tmp_path, 5)
        about_to_remove_those = SteppedWriter(tmp_path, 6)
        about_to_remove_those.go_on_to_the_rename()
        write_generation(tmp_path, 7)
        slow.go_on_to_the_rename()
        about_to_remove_those.finish()
        slow.finish()
        assert read_generation(tmp_path) == 5

    def test_files_removed_while_they_were_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A writer that slept for an hour finds its files taken for those of a killed one."""
        write_generation(tmp_path, 1)
        needed = files_named(tmp_path) | {"model.json"}

        def sleep(folder: str) -> None:
            for name in set(names(tmp_path)) - needed:
                (tmp_path / name).unlink()

        monkeypatch.setattr(bundles, "sync_folder", sleep)
        with pytest.raises(FileError) as caught:
            write_generation(tmp_path, 2)
        one_sentence(caught.value, tmp_path / "model.json", "were removed", "write again")
        assert read_generation(tmp_path) == 1

    def test_a_reader_overtaken_for_ever_gives_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_generation(tmp_path, 0)
        real, number = disk.read_whole, 0

        def overtaken(path: object, *args: object, **kwargs: object) -> bytes:
            nonlocal number
            content = real(path, *args, **kwargs)
            if os.fspath(path).endswith("model.json"):
                number += 1
                with monkeypatch.context() as patch:
                    patch.setattr(bundles, "read_whole", real)
                    write_generation(tmp_path, number)
            return content

        with monkeypatch.context() as patch:
            patch.setattr(bundles, "read_whole", overtaken)
            patch.setattr(bundles, "READ_ATTEMPTS", 5)
            with pytest.raises(FileError) as caught:
                read_generation(tmp_path)
        one_sentence(caught.value, tmp_path / "model.json", "replaced faster")
        assert number == 6
        assert read_generation(tmp_path) == 6
