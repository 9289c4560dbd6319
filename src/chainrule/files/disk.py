"""Bytes to and from the disk: a write happens whole or not at all.

A file is written under a temporary name in its own folder, synced, and renamed over the old one;
then the folder is synced, so that the rename survives a power cut too. Renaming is atomic on
POSIX and on Windows, where a folder cannot be synced and the file system's journal stands in.
"""

import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from chainrule.errors import FileError

StrPath = str | os.PathLike[str]
Content = bytes | Callable[[BinaryIO], object]

# A running writer touches its files far more often than this, so an older one belongs to a
# process that was killed. Should the guess ever be wrong, that writer fails and nothing is lost.
ABANDONED_SECONDS = 3600.0

_TEMPORARY = re.compile(r"\.chainrule-[0-9a-f]{16}\.tmp")

_REMEDIES = {
    errno.ENOSPC: "free some space or choose another disk",
    errno.EDQUOT: "free some space or choose another disk",
    errno.EFBIG: "raise the limit on the size of files or choose another disk",
    errno.EACCES: "check the permissions or choose another place",
    errno.EPERM: "check the permissions or choose another place",
    errno.EROFS: "choose a place that is not read-only",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a part of it is a file, not a folder",
    errno.ELOOP: "check the path: its links lead in a circle",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "choose another name",
}

# What a file system answers when it has no way to sync a folder, or none that we may use.
_FOLDER_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM}


def unreadable(
    path: StrPath, problem: str, remedy: str = "restore it from a copy or write it anew"
) -> FileError:
    """The one sentence of a failed read."""
    return FileError(f"cannot read {os.fspath(path)!r}: {problem}; {remedy}")


def damaged(path: StrPath) -> FileError:
    """What a reader says when a checksum does not fit."""
    return unreadable(path, "its content does not fit its checksum, so it was changed or damaged")


def unwritable(path: StrPath, problem: str, remedy: str) -> FileError:
    """The one sentence of a failed write."""
    return FileError(f"cannot write {os.fspath(path)!r}: {problem}; {remedy}")


def write_atomically(path: StrPath, data: Content) -> None:
    """Replace the file at `path`, or make it; after any failure the old file is still whole.

    Args:
        path: the file. Its folder must exist. Of a symbolic link the target is replaced. An old
            file keeps its permission bits (not its owner, nor further hard links to it); a new
            one gets those that the umask leaves.
        data: the new content, or a function that writes it to a binary stream. An exception of
            this function leaves the old file in place and is passed on.

    Of two writers at once the last one wins; the file is whole at any time. A killed process
    leaves a hidden `.chainrule-*.tmp` behind, which a write to the same folder removes when it
    is an hour old.

    Raises:
        FileError: the file cannot be written. It names the reason and the way out.
    """
    check_path(path)
    with write_errors(path):
        target = os.path.realpath(path)
        permissions = permissions_to_keep(target)
        folder = os.path.dirname(target)
        temporary = os.path.join(folder, f".chainrule-{secrets.token_hex(8)}.tmp")
        try:
            create_file(temporary, data, permissions)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        now = os.stat(target).st_mtime
    sync_folder(folder)
    remove_abandoned(folder, _TEMPORARY, now)


def read_whole(path: StrPath, limit: int | None = None, follow_links: bool = True) -> bytes:
    """All bytes of a regular file.

    Anything else is refused before it is opened: reading a pipe or a device may never end. With
    `follow_links=False` a symbolic link is refused too.

    Raises:
        FileError: there is no such file, it cannot be read, or it is longer than `limit` bytes.
    """
    check_path(path)
    try:
        mode = (os.stat(path) if follow_links else os.lstat(path)).st_mode
        if stat.S_ISLNK(mode):
            raise unreadable(path, "it is a symbolic link", "put the file itself in its place")
        if not stat.S_ISREG(mode):
            raise unreadable(path, f"it is {_what_it_is(mode)}, not a file", "give a file's path")
        with open(path, "rb") as stream:
            # Asked before reading, so that a wrong file costs neither time nor memory.
            if limit is not None and os.fstat(stream.fileno()).st_size > limit:
                raise unreadable(path, f"it is longer than {limit:,} bytes", "check the path")
            return stream.read()
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the path and the disk")
        raise unreadable(path, _reason(error), remedy) from error
    except MemoryError as error:
        raise unreadable(path, "it is larger than the free memory", "free some memory") from error


def create_file(path: str, data: Content, permissions: int | None) -> None:
    """Write and sync a file that must not exist yet; on failure none is left.

    Raises:
        FileExistsError: there is one already.
        OSError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # The old bits are given at creation, so that a private file is private from its first byte.
    descriptor = os.open(path, flags, 0o666 if permissions is None else permissions)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if permissions is not None:
                os.chmod(path, permissions)
            if isinstance(data, bytes):
                stream.write(data)
            else:
                data(stream)
            stream.flush()
            _sync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def make_folder(path: str) -> None:
    """Make a folder and its parents where they are missing; `path` is absolute.

    Raises:
        FileError: it cannot be made.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_folder(parent)
    with write_errors(path):
        try:
            os.mkdir(path)
        except FileExistsError:
            if not os.path.isdir(path):
                problem = "a folder is needed there, and it is a file"
                raise unwritable(path, problem, "choose another name") from None
    sync_folder(parent)


def sync_folder(folder: str) -> None:
    """Make names that were added to a folder, or replaced in it, survive a power cut.

    Raises:
        FileError: the disk reports a fault.
    """
    if sys.platform == "win32":  # a folder cannot be opened there, and its journal orders renames
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNSUPPORTED:
            problem = f"the disk did not confirm the new content ({_reason(error)})"
            raise unwritable(folder, problem, "check the disk and write again") from error


def remove_abandoned(folder: str, pattern: re.Pattern[str], now: float) -> None:
    """Remove what killed writers left: names that match, older than an hour.

    `now` is the modification time of a file just written there: the file system's own clock, which
    on a network is not this machine's. What cannot be removed stays for the next writer.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not pattern.fullmatch(entry.name):
                continue
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and now - status.st_mtime > ABANDONED_SECONDS:
                    os.unlink(entry.path)


def permissions_to_keep(target: str) -> int | None:
    """The permission bits of the file about to be replaced; None where there is none.

    Raises:
        FileError: it is write-protected (a rename would not care), or is not a regular file.
    """
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        problem = f"it is {_what_it_is(mode)}, not a file"
        raise unwritable(target, problem, "choose another name")
    if not os.access(target, os.W_OK):
        raise unwritable(target, "it is write-protected", "unprotect it or choose another name")
    return stat.S_IMODE(mode) & 0o777


def check_path(path: StrPath) -> None:
    """Refuse text that is no path on any system.

    Raises:
        FileError: it is empty, holds a zero byte, or cannot be encoded.
    """
    text = os.fspath(path)
    try:
        valid = bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise FileError(f"{text!r} is not a path; give the name of a file or folder")


@contextmanager
def write_errors(path: StrPath) -> Iterator[None]:
    """Turn the system's errors into the one sentence of a failed write."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the path and the disk")
        raise unwritable(path, _reason(error), remedy) from error


def _reason(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def _what_it_is(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a device, pipe or socket"


def _sync(descriptor: int) -> None:
    """Wait until the disk has the bytes."""
    if sys.platform == "darwin":
        # fsync on macOS stops at the drive's own cache; F_FULLFSYNC empties that too (fsync(2)).
        import fcntl

        with suppress(OSError):  # network drives do not know it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)
