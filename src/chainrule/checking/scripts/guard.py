"""What keeps a script from doing harm: limits of the system, and refusals of single operations.

The refusals are an audit hook (PEP 578): Python itself asks it before it opens a file, a socket or
another program. It cannot be removed. It is a guard against mistakes and thoughtlessness, as in a
homework that deletes its own input. It is no wall against somebody who knows CPython well: who must
run programs of strangers puts a container or a virtual machine around the whole.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import resource as _resource
except ImportError:  # Windows: the process that started this one sets the limits of a job
    resource: Any = None
else:
    resource = _resource

MOST_WRITTEN = 512_000_000  # bytes that one file may hold
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Events of which one word says enough, and what that word is.
REFUSED = {
    "socket": "use the network",
    "subprocess": "start another program",
    "os.system": "start another program",
    "os.exec": "start another program",
    "os.fork": "start another program",
    "os.forkpty": "start another program",
    "os.posix_spawn": "start another program",
    "os.spawn": "start another program",
    "os.startfile": "start another program",
    "pty": "start another program",
    "_winapi.CreateProcess": "start another program",
    "os.kill": "stop another program",
    "os.killpg": "stop another program",
    "signal.pthread_kill": "stop another program",
    "_winapi.TerminateProcess": "stop another program",
    "ctypes": "call native code",
    "mmap": "map memory",
    "winreg": "use the registry",
    "urllib": "use the network",
    "ftplib": "use the network",
    "http.client": "use the network",
    "smtplib": "use the network",
    "poplib": "use the network",
    "imaplib": "use the network",
    "telnetlib": "use the network",
    "webbrowser": "open a browser",
    "syslog": "write to the system's log",
    "os.chdir": "leave its folder",
    "os.chroot": "leave its folder",
    "os.symlink": "make links",
    "os.link": "make links",
    "os.setxattr": "change files",
    "os.removexattr": "change files",
    "gc.get_objects": "look into the recorder",
    "gc.get_referrers": "look into the recorder",
    "sys.addaudithook": "change what is watched",
    "resource.setrlimit": "change its limits",
    "resource.prlimit": "change its limits",
}
# Events that name files; inside of the folder they are allowed.
CHANGING = {
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.lchown",
    "os.truncate", "os.utime", "os.chflags", "os.lchflags", "os.lchmod", "os.mkfifo", "os.mknod",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copymode", "shutil.copystat",
    "shutil.copytree", "shutil.chown", "shutil.make_archive", "shutil.unpack_archive",
    "tempfile.mkstemp", "tempfile.mkdtemp", "sqlite3.connect",
}  # fmt: skip


class Refused(PermissionError):
    """The script asked for something that it may not do here."""


def limit(seconds: float, megabytes: int) -> None:
    """Ask the system for limits of time, memory, file size and processes, where it has them."""
    if resource is None:
        return
    wanted = [
        ("RLIMIT_CPU", int(seconds) + 2),
        ("RLIMIT_AS", megabytes * 1_000_000),
        ("RLIMIT_FSIZE", MOST_WRITTEN),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NPROC", 0),
    ]
    for name, value in wanted:
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, most = resource.getrlimit(kind)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS knows RLIMIT_AS but does not keep it
            continue


def guard(folder: Path, note: Callable[[str], None]) -> None:
    """From now on refuse what a script has no business with; `note` is told of each refusal."""
    root = os.path.realpath(folder)
    busy = False

    def inside(path: Any) -> bool:
        if isinstance(path, int):
            return True  # a file that is open already: its own output
        try:
            found = os.path.realpath(os.fsdecode(path))
        except (TypeError, ValueError):
            return False
        return found == root or found.startswith(root + os.sep)

    def refuse(what: str, about: Any = "") -> None:
        detail = f" ({about!r})" if isinstance(about, str | bytes) and about else ""
        said = f"the script tried to {what}{detail}, which is not allowed here"
        note(said)
        raise Refused(said)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal busy
        if busy:
            return
        busy = True  # finding out where a path leads asks again
        try:
            judge(event, arguments)
        finally:
            busy = False

    def judge(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & WRITING) if isinstance(flags, int) else False
            writes = writes or (isinstance(mode, str) and any(c in mode for c in "wax+"))
            if writes and not inside(path) and path != os.devnull:
                refuse("write to a file outside of its folder", path)
        elif event == "import":
            file = arguments[1]
            if isinstance(file, str) and inside(file):
                refuse("load native code", file)
        elif event in CHANGING:
            paths = [path for path in arguments if isinstance(path, str | bytes | os.PathLike)]
            if not all(map(inside, paths)):
                refuse("change files outside of its folder", arguments[0])
        else:
            what = REFUSED.get(event) or REFUSED.get(event.partition(".")[0])
            if what is None and event.startswith(("os.exec", "os.spawn")):
                what = "start another program"
            if what is not None:
                refuse(what)

    _close_side_doors(refuse)
    sys.addaudithook(hook)


def _close_side_doors(refuse: Callable[..., None]) -> None:
    """Ways to start a program of which Python does not tell its hooks."""

    def refused(*arguments: Any, **settings: Any) -> Any:
        refuse("start another program")

    try:
        import _posixsubprocess

        _posixsubprocess.fork_exec = refused
    except ImportError:
        return
