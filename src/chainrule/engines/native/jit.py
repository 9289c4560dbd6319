"""Text to machine code, through llvmlite, with a cache of objects on disk.

An entry of the cache is named after a key of the text, the processor and the versions, and holds a
checksum before the object. It is written to a temporary name and renamed, so that processes that
write at once do not meet; one that is damaged or cannot be read is compiled anew.
"""

import ctypes
import os
import sys
import warnings
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import Any

import llvmlite
import llvmlite.binding as llvm

VERSION = 2  # of the format of entries and of the calling convention
LEVEL = 2
_DIGEST = 32
_lock = Lock()  # LLVM's set-up and linking are done by one thread at a time


@cache
def _prepare() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _machine() -> Any:
    """A target machine of this processor; whoever links code with it owns it."""
    _prepare()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=LEVEL, jit=True
    )


@cache
def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


@cache
def vector_bytes() -> int:
    """The width of this processor's vector registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


def folder() -> Path | None:
    """Where compiled objects are kept: CHAINRULE_CACHE, or the user's cache folder.

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


class Code:
    """A compiled module; keeps the memory of its functions alive."""

    def __init__(self, key: str, text: Callable[[], str]) -> None:
        """`text` writes the module, where the cache has none for `key`: the same for equal keys."""
        with _lock:
            machine = _machine()
            holder = llvm.parse_assembly("")
            self._engine = llvm.create_mcjit_compiler(holder, machine)
            found = _object(key, text)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(found))
            self._engine.finalize_object()

    def function(self, name: str, *arguments: Any) -> Any:
        """A function as a ctypes callable, which lets other threads run meanwhile."""
        return ctypes.CFUNCTYPE(None, *arguments)(self._engine.get_function_address(name))


def _object(key: str, text: Callable[[], str]) -> bytes:
    """The machine code of a module, from the cache where it is there."""
    root = folder()
    if root is None:
        return compiled(text())
    versions = f"{VERSION} {LEVEL} {llvmlite.__version__} {llvm.llvm_version_info}"
    name = "\n".join([versions, llvm.get_host_cpu_name(), _features(), key])
    path = root / f"{blake2b(name.encode(), digest_size=20).hexdigest()}.o"
    found = _read(path)
    if found is None:
        found = compiled(text())
        _write(path, found)
    return found


def compiled(text: str) -> bytes:
    """The optimised machine code of a module."""
    machine = _machine()
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    # The text is written as it should run: vectors, tiles, no work twice. LLVM's own passes before
    # instructions are chosen would take a quarter of the time, or ten times as long if all are
    # run, for code that is no faster.
    return bytes(machine.emit_object(module))


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, found = data[:_DIGEST], data[_DIGEST:]
    return found if blake2b(found, digest_size=_DIGEST).digest() == digest else None


def _write(path: Path, found: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(blake2b(found, digest_size=_DIGEST).digest() + found)
        os.replace(file.name, path)
    except OSError as error:
        _warn_once(str(path.parent), str(error))


@cache
def _warn_once(where: str, reason: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept in {where} ({reason}); it is compiled again each time. "
        'Set CHAINRULE_CACHE to another folder, or to "" for none',
        RuntimeWarning,
        stacklevel=2,
    )
