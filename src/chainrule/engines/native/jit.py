"""Text to machine code, and machine code to functions, through llvmlite."""

import ctypes
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.native.lines import Module

LEVEL = 2
_lock = Lock()  # LLVM's set-up and linking are done by one thread at a time


@cache
def _prepare() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _machine() -> Any:
    """What compiles for this processor."""
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


@cache
def target() -> str:
    """What machine code depends on beside its text: versions, and the processor."""
    versions = f"{LEVEL} {llvmlite.__version__} {llvm.llvm_version_info}"
    return f"{versions} {llvm.get_host_cpu_name()} {_features()}"


class Compilation:
    """The machine code of a module, whose first parts are compiled while others are written.

    threads  how many may be at work, the one that writes among them; with one, the module is
             compiled as a whole
    """

    def __init__(self, module: Module, threads: int = 1) -> None:
        self._module, self._threads = module, threads
        self._pool: ThreadPoolExecutor | None = None
        self._parts: list[tuple[str, Future[bytes]]] = []

    def begin_part(self) -> None:
        """Begin with what has been written, where that is long enough."""
        if self._threads == 1 or not self._module.is_long():
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1)
        text = self._module.part()
        self._parts.append((text, self._pool.submit(compiled, text)))

    def finish(self) -> list[bytes]:
        """All parts, whose functions call each other."""
        if self._pool is None:
            return [compiled(self._module.text())]
        try:
            codes = [compiled(self._module.part())]
            for text, part in reversed(self._parts):  # those that nobody has begun with
                codes.append(compiled(text) if part.cancel() else part.result())
            return codes
        finally:
            self._pool.shutdown(cancel_futures=True)


def compiled(text: str) -> bytes:
    """The machine code of a module."""
    with _lock:
        _prepare()
    machine = _machine()
    module = llvm.parse_assembly(text, llvm.create_context())
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    # The text is written as it should run: vectors, tiles, no work twice. LLVM's own passes before
    # instructions are chosen would take a quarter of the time, or ten times as long if all are
    # run, for code that is no faster.
    return _emitted(machine, module)


def _emitted(machine: Any, module: Any) -> bytes:
    """As `machine.emit_object(module)`, without the lock that llvmlite puts around every call.

    LLVM compiles modules of different contexts in several threads, each by a machine of its own.
    """
    library = llvm.ffi.lib
    emit = getattr(library.LLVMPY_TargetMachineEmitToMemory, "_cfn", None)
    if emit is None:  # another llvmlite
        return bytes(machine.emit_object(module))
    with llvm.ffi.OutputString() as error:
        buffer = emit(machine, module, 1, error)
        if not buffer:
            raise RuntimeError(str(error))
    try:
        start, size = library.LLVMPY_GetBufferStart(buffer), library.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)


class Code:
    """Machine code that is linked; keeps the memory of its functions alive."""

    def __init__(self, objects: Sequence[bytes]) -> None:
        with _lock:
            _prepare()
            machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
            holder = llvm.parse_assembly("")
            self._engine = llvm.create_mcjit_compiler(holder, machine)
            self._engine.remove_module(holder)  # or LLVM prepares all its passes to compile it
            for code in objects:
                self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def function(self, name: str, *arguments: Any) -> Any:
        """A function as a ctypes callable, which lets other threads run meanwhile."""
        return ctypes.CFUNCTYPE(None, *arguments)(self._engine.get_function_address(name))
