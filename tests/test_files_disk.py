"""A file is replaced whole or not at all, whatever fails."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from files_support import DAY, names, one_sentence

from chainrule.errors import FileError
from chainrule.files import (
    Document,
    read_arrays,
    read_bundle,
    read_json,
    write_arrays,
    write_atomically,
    write_bundle,
)


class TestWriteAtomically:
    @pytest.mark.parametrize(
        "name", ["a.txt", "ä ö.json", "…", "-rf", "a'b\"c", "x" * 255, "\udcff"]
    )
    def test_new_and_replaced(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        write_atomically(path, b"old")
        write_atomically(os.fspath(path), lambda stream: stream.write(b"new"))
        assert path.read_bytes() == b"new"
        assert names(tmp_path) == [name]

    def test_a_relative_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_atomically("here.txt", b"1")
        assert (tmp_path / "here.txt").read_bytes() == b"1"

    def test_order_of_write_sync_rename_sync(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The bytes reach the disk before the name does, and the name before the return."""
        path, events = tmp_path / "a", []
        real_fsync, real_replace = os.fsync, os.replace

        def fsync(descriptor: int) -> None:
            status = os.fstat(descriptor)
            events.append("folder" if stat.S_ISDIR(status.st_mode) else f"file of {status.st_size}")
            real_fsync(descriptor)

        def replace(source: str, target: str) -> None:
            assert os.path.dirname(source) == os.path.dirname(target)
            events.append("rename")
            real_replace(source, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        write_atomically(path, b"12345")
        assert events == ["file of 5", "rename", "folder"]

    @pytest.mark.parametrize(
        "error", [ValueError("mine"), KeyboardInterrupt(), MemoryError(), SystemExit(1)]
    )
    def test_an_exception_while_writing_leaves_the_old_file(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        path = tmp_path / "a"
        write_atomically(path, b"old")

        def half(stream: object) -> None:
            stream.write(b"n" * 100_000)
            raise error

        with pytest.raises(type(error)) as caught:
            write_atomically(path, half)
        assert caught.value is error
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    @pytest.mark.parametrize("call", ["fsync", "replace", "open"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
    def test_a_failing_disk_leaves_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
    ) -> None:
        path = tmp_path / "a"
        write_atomically(path, b"old")

        def fail(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(FileError) as caught:
                write_atomically(path, b"new")
        one_sentence(caught.value, path, os.strerror(code)[1:])
        assert isinstance(caught.value.__cause__, OSError)
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    @pytest.mark.parametrize(
        ("code", "refused"), [(errno.EIO, True), (errno.EINVAL, False), (errno.EACCES, False)]
    )
    def test_a_folder_that_cannot_be_synced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, refused: bool
    ) -> None:
        """A fault is reported; a file system that cannot sync folders is not a fault."""
        path, real = tmp_path / "a", os.fsync

        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(code, os.strerror(code))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        if refused:
            with pytest.raises(FileError) as caught:
                write_atomically(path, b"new")
            one_sentence(caught.value, tmp_path, "did not confirm")
        else:
            write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
        assert names(tmp_path) == ["a"]

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """RLIMIT_FSIZE makes the kernel refuse the write half-way."""
        write_atomically(tmp_path / "a", b"old")
        write_arrays(tmp_path / "b", {"w": np.ones(3)})
        write_bundle(tmp_path, "model", {"model": Document({"n": 1}, 1)}, {"w": {"w": np.ones(3)}})
        before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
        program = """
import resource, sys
import numpy as np
from chainrule.errors import FileError
from chainrule.files import Document, write_arrays, write_atomically, write_bundle
folder, large = sys.argv[1], np.ones(20_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, resource.RLIM_INFINITY))
document = {"model": Document({"n": 2}, 1)}
too_long_a_document = {"model": Document(["x" * 70_000], 1)}
parts = {"small": {"w": np.zeros(2)}, "w": {"w": large}}
for attempt in (
    lambda: write_atomically(f"{folder}/a", bytes(200_000)),
    lambda: write_atomically(f"{folder}/new", lambda stream: stream.write(bytes(200_000))),
    lambda: write_arrays(f"{folder}/b", {"w": large}),
    lambda: write_bundle(folder, "model", document, parts),
    lambda: write_bundle(folder, "model", too_long_a_document, {"w": {"w": np.zeros(3)}}),
):
    try:
        attempt()
    except FileError as error:
        print(error)
"""
        run = subprocess.run(
            [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60
        )
        assert run.stderr == ""
        lines = run.stdout.splitlines()
        assert len(lines) == 5
        assert all("too large; raise the limit" in line for line in lines), lines
        assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before

    def test_permission_bits(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        old_mask = os.umask(0o027)
        try:
            write_atomically(path, b"1")
            assert stat.S_IMODE(path.stat().st_mode) == 0o640
            for bits in (0o600, 0o666, 0o755, 0o200):
                path.chmod(bits)
                write_atomically(path, b"2")
                assert stat.S_IMODE(path.stat().st_mode) == bits
        finally:
            os.umask(old_mask)

    def test_a_private_file_is_private_from_its_first_byte(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.touch(0o600)
        seen = []

        def look(stream: object) -> None:
            seen.extend(stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir())

        write_atomically(path, look)
        assert seen == [0o600, 0o600]

    def test_a_write_protected_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"old")
        # Root may write everywhere, so the answer of the system is given rather than provoked.
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(FileError) as caught:
            write_atomically(path, b"new")
        one_sentence(caught.value, path, "write-protected")
        assert path.read_bytes() == b"old"

    def test_a_symbolic_link_stays_and_its_target_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "far").mkdir()
        target, link = tmp_path / "far" / "target", tmp_path / "link"
        for content in (b"made", b"replaced"):  # first the link leads to nothing yet
            if not link.is_symlink():
                link.symlink_to(Path("far") / "target")
            write_atomically(link, content)
            assert link.is_symlink()
            assert target.read_bytes() == content
        assert names(tmp_path / "far") == ["target"]

    def test_what_is_no_place_for_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_bytes(b"x")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "circle").symlink_to(tmp_path / "circle")
        for name, words in {
            "folder": "it is a folder",
            "pipe": "it is a device, pipe or socket",
            "circle": "circle",
            "missing/file": "no such file or directory",
            "file/below": "a part of it is a file",
            "x" * 256: "shorter name",
        }.items():
            with pytest.raises(FileError) as caught:
                write_atomically(tmp_path / name, b"new")
            one_sentence(caught.value, tmp_path / name, words)
        with pytest.raises(FileError, match="not a file"):
            write_atomically("/dev/null", b"new")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
        assert names(tmp_path) == ["circle", "file", "folder", "pipe"]

    @pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
    def test_what_is_no_path(self, path: str) -> None:
        for attempt in (
            lambda: write_atomically(path, b""),
            lambda: read_json(path, "model", 1),
            lambda: read_arrays(path),
            lambda: write_bundle(path, "model", {}, {}),
            lambda: read_bundle(path, "model", {}),
        ):
            with pytest.raises(FileError, match="is not a path; give the name"):
                attempt()

    def test_abandoned_temporary_files(self, tmp_path: Path) -> None:
        """Those of killed writers go once they are old; nothing else does."""
        old = time.time() - DAY
        for name, age in {
            ".chainrule-0123456789abcdef.tmp": old,
            ".chainrule-fedcba9876543210.tmp": time.time(),
            ".chainrule-0123.tmp": old,
            "mine.tmp": old,
        }.items():
            (tmp_path / name).write_bytes(b"half")
            os.utime(tmp_path / name, (age, age))
        folder = tmp_path / ".chainrule-00000000000000ff.tmp"
        folder.mkdir()
        os.utime(folder, (old, old))
        write_atomically(tmp_path / "a", b"1")
        assert names(tmp_path) == [
            ".chainrule-00000000000000ff.tmp",
            ".chainrule-0123.tmp",
            ".chainrule-fedcba9876543210.tmp",
            "a",
            "mine.tmp",
        ]

    def test_many_writers_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        contents = [bytes([i]) * 100_000 for i in range(4)]
        path.write_bytes(contents[0])
        done = threading.Event()
        torn = []

        def read() -> None:
            while not done.is_set():
                if path.read_bytes() not in contents:
                    torn.append(True)

        def write(content: bytes) -> None:
            for _ in range(20):
                write_atomically(path, content)

        reader = threading.Thread(target=read)
        writers = [threading.Thread(target=write, args=(content,)) for content in contents]
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        reader.join()
        assert torn == []
        assert names(tmp_path) == ["a"]
