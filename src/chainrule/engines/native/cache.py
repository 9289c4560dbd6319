"""What has been compiled, kept on disk for other processes.

An entry is named after a key of what was compiled, the processor and the versions, and holds a
checksum before its bytes. It is written to a temporary name and renamed, so that processes that
write at once do not meet; one that is damaged or cannot be read is made anew.
"""

import os
import sys
import warnings
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile

from chainrule.engines.native import jit

VERSION = 3  # of the format of entries and of the calling convention
_DIGEST = 32


def folder() -> Path | None:
    """Where entries are kept: CHAINRULE_CACHE, or the user's cache folder.

    CHAINRULE_CACHE="" keeps none.
    """
    given = os.environ.get("CHAINRULE_CACHE")
    if given is not None:
        return Path(given) if given else None
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        root = os.path.expanduser("~/Library/Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root) / "chainrule" if root else None


def _path(root: Path, key: str) -> Path:
    name = f"{VERSION}\n{jit.target()}\n{key}"
    return root / f"{blake2b(name.encode(), digest_size=20).hexdigest()}.o"


def find(key: str | None) -> bytes | None:
    """The entry of this key, where there is a sound one."""
    root = folder()
    if root is None or key is None:
        return None
    try:
        data = _path(root, key).read_bytes()
    except OSError:
        return None
    digest, found = data[:_DIGEST], data[_DIGEST:]
    return found if blake2b(found, digest_size=_DIGEST).digest() == digest else None


def keep(key: str | None, data: bytes) -> None:
    """Write an entry, or warn once that it cannot be written; nothing is found without a key."""
    root = folder()
    if root is None or key is None:
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=root, delete=False) as file:
            file.write(blake2b(data, digest_size=_DIGEST).digest() + data)
        os.replace(file.name, _path(root, key))
    except OSError as error:
        _warn_once(str(root), str(error))


def code_of(text: str) -> bytes:
    """The machine code of a module, kept under its own text."""
    code = find(text)
    if code is None:
        code = jit.compiled(text)
        keep(text, code)
    return code


@cache
def _warn_once(where: str, reason: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept in {where} ({reason}); it is compiled again each time. "
        'Set CHAINRULE_CACHE to another folder, or to "" for none',
        RuntimeWarning,
        stacklevel=2,
    )
